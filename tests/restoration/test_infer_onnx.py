"""`vsrlib infer --framework onnx`, and the program of docs/deploy.md: in processes that can import no framework."""

import subprocess
import sys
from importlib import metadata
from pathlib import Path

import cv2
import documents
import numpy as np
import pytest

from vsrlib import cli
from vsrlib.claims.results import collect
from vsrlib.common.errors import UserError
from vsrlib.common.files import read_json
from vsrlib.common.provenance import PROJECT_ROOT
from vsrlib.data.clips import Clip, write_clip
from vsrlib.networks.onnx_model import export
from vsrlib.networks.weights import weights_file
from vsrlib.restoration.options import InferOptions

BLOCKED = """
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked}:
            raise ImportError(name + " is not to be imported here")
sys.meta_path.insert(0, Blocker())
"""


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip that moves, and what PyTorch makes of it in `torch`."""
    root = tmp_path_factory.mktemp("clips")
    rng = np.random.default_rng(0)
    large = rng.integers(0, 256, (12, 20, 3), dtype=np.uint8).repeat(4, 0).repeat(4, 1)
    write_clip(root / "CLIP", Clip("CLIP", np.stack([large[i : i + 33, 2 * i : 2 * i + 50] for i in range(6)])))
    export("study-gaussian", root / "model.onnx")
    assert cli.main(["infer", str(root / "CLIP"), str(root / "torch"), "--weights", "study-gaussian"]) == 0
    return root


def run(blocked: list[str], program: str, folder: Path) -> None:
    text = BLOCKED.format(blocked=blocked) + program
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr


def require_same(ours: Path, expected: Path) -> None:
    """The same frames but for a step of 1 in 0.01 % of the values."""
    names = sorted(path.name for path in expected.glob("*.png"))
    assert len(names) == 6 and sorted(path.name for path in ours.glob("*.png")) == names
    found, wanted = (np.stack([cv2.imread(str(folder / name)) for name in names]) for folder in (ours, expected))
    steps = np.abs(found.astype(int) - wanted)
    assert wanted.std() > 20 and steps.max() <= 1 and np.mean(steps > 0) <= 1e-4


@pytest.mark.parametrize("weights", ["study-gaussian", "model.onnx"])
def test_without_a_framework_in_the_process(clips: Path, weights: str, tmp_path: Path) -> None:
    words = ["infer", str(clips / "CLIP"), str(tmp_path / "out"), "--weights", weights, "--framework", "onnx"]
    blocked = ["torch", "jittor", *(["onnx"] if weights == "model.onnx" else [])]
    run(blocked, f"from vsrlib import cli\nsys.exit(cli.main({words}))", clips)
    require_same(tmp_path / "out" / "frames" / "CLIP", clips / "torch" / "frames" / "CLIP")
    result, other = read_json(tmp_path / "out" / "inference.json"), read_json(clips / "torch" / "inference.json")
    assert result.keys() == other.keys() and result["framework"] == "onnx"
    assert result["device"] == f"cpu, ONNX Runtime {metadata.version('onnxruntime')}"
    assert result["provenance"]["onnxruntime"] == metadata.version("onnxruntime")
    assert result["provenance"]["model_digest"] == weights_file.digest(weights_file.read("study-gaussian"))
    path = clips / weights if weights == "model.onnx" else weights_file.path_of(weights)
    assert result["weights"]["sha256"] == weights_file.entry(path, tmp_path)["sha256"]
    assert result["input_digest"] == other["input_digest"]
    with pytest.raises(UserError, match="is of ONNX Runtime, and PyTorch and Jittor are compared"):
        collect([tmp_path / "out" / "inference.json"], tmp_path, ())


def test_what_the_graphs_cannot_do_is_refused() -> None:
    given = {"device": "cuda", "engine": "cached", "tile": 64, "correlation": "cpp", "convolution": "winograd"}
    for option, value in given.items():
        with pytest.raises(UserError, match=f"{option} is {value!r} and framework is 'onnx'"):
            InferOptions(framework="onnx", **{option: value})


def test_the_sliding_window_and_its_times(clips: Path, tmp_path: Path) -> None:
    options = ["--weights", "study-gaussian", "--framework", "onnx", "--engine", "reference", "--kernels"]
    assert cli.main(["infer", str(clips / "CLIP"), str(tmp_path), *options, "--timing-repeats", "1"]) == 0
    require_same(tmp_path / "frames" / "CLIP", clips / "torch" / "frames" / "CLIP")
    result = read_json(tmp_path / "inference.json")
    assert len(result["timing"]["synchronised"]["forward"]) == 1
    kernel = np.load(sorted((tmp_path / "kernels" / "CLIP").glob("*.npy"))[0])
    assert kernel.shape == (13, 13) and kernel.sum() == pytest.approx(1, abs=1e-5)


def test_the_program_of_the_page_restores_without_this_project(clips: Path, tmp_path: Path) -> None:
    (program,) = [
        block.text for block in documents.blocks(PROJECT_ROOT / "docs" / "deploy.md") if block.label == "python"
    ]
    assert len(program.splitlines()) <= 25
    arguments = f"sys.argv[1:] = ['model', {str(clips / 'CLIP')!r}, {str(tmp_path)!r}]\n__name__ = '__main__'\n"
    run(["vsrlib", "torch", "jittor", "onnx"], arguments + program, clips)
    require_same(tmp_path, clips / "torch" / "frames" / "CLIP")
