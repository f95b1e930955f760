"""`vsrlib convert` as a user meets it."""

import re
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from vsrlib import cli
from vsrlib.common.files import sha256_file
from vsrlib.networks import architecture, load_network
from vsrlib.networks.weights import weights_file
from vsrlib.networks.weights.names import FLOW_PREFIX

STUDY = architecture.initial_values(architecture.preset("study"), 0)


def test_both_files_and_the_values_have_a_digest(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    source, target = tmp_path / "w.safetensors", tmp_path / "w.pkl"
    weights_file.write(source, STUDY, {"preset": "study"})
    assert cli.main(["convert", str(source), str(target)]) == 0
    said = capsys.readouterr().out
    for path in (source, target):
        assert f"{path} (sha256 {sha256_file(path)})" in said
    assert f"{len(STUDY)} tensors" in said and "the network of preset study" in said
    assert "preset study; they are not in the target" in said
    first = re.search(r"values \(sha256 (\w{64})\)", said).group(1)
    assert cli.main(["convert", str(target), str(tmp_path / "w.npz")]) == 0
    said = capsys.readouterr().out
    assert f"values (sha256 {first})" in said and "notes" not in said
    changed = STUDY | {"out_conv.1.bias": STUDY["out_conv.1.bias"] + np.float32(1e-3)}
    weights_file.write(source, changed)
    assert cli.main(["convert", str(source), str(target)]) == 0
    assert first not in capsys.readouterr().out


def test_without_a_target_it_says_what_a_file_is(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    path = tmp_path / "flow.npz"
    weights_file.write(
        path, {name.removeprefix(FLOW_PREFIX): value for name, value in STUDY.items() if name.startswith(FLOW_PREFIX)}
    )
    assert cli.main(["convert", str(path)]) == 0
    assert "126 tensors" in (said := capsys.readouterr().out) and "the flow network of preset study" in said
    weights_file.write(path, {"a": np.zeros(3, np.float32)})
    assert cli.main(["convert", str(path)]) == 0
    assert "1 tensors, 3 values, of no network known here" in capsys.readouterr().out
    assert [entry.name for entry in tmp_path.iterdir()] == ["flow.npz"]


@pytest.mark.parametrize("text", ["trained on a rainy day", "1", "[1]", "null", "", "{not ours", "[" * 100_000])
def test_notes_of_another_program_are_notes(text: str, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """The name under which this program packs its own is one that others use for a text."""
    source, target = tmp_path / "w.safetensors", tmp_path / "v.safetensors"
    source.write_bytes(safetensors.numpy.save(STUDY, {"notes": text, "preset": "study"}))
    assert weights_file.metadata(source) == {"notes": text, "preset": "study"}
    assert cli.main(["convert", str(source), str(target)]) == 0
    assert f"notes: notes {text}, preset study" in capsys.readouterr().out
    assert weights_file.metadata(target) == weights_file.metadata(source)
    load_network("torch", source, device="cpu")


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["none.pt", "out.npz"], "none.pt"),
        (["w.npz", "out.onnx"], "out.onnx"),
        (["study-realistic-align-false"], "study-realistic-align-false"),
    ],
)
def test_mistakes_are_one_sentence(
    tmp_path: Path, arguments: list[str], words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("vsrlib.networks.weights.weights_file.FOLDER", tmp_path)
    weights_file.write(Path("w.npz"), STUDY)
    assert cli.main(["convert", *arguments]) == 2
    said = capsys.readouterr()
    assert said.err.startswith("error: ") and words in said.err and not said.out
    assert [entry.name for entry in tmp_path.iterdir()] == ["w.npz"]


def test_half_keeps_eleven_bits_and_the_digest_is_of_what_is_stored(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    source, target = tmp_path / "w.safetensors", tmp_path / "h.safetensors"
    weights_file.write(source, STUDY, {"preset": "study"})
    assert cli.main(["convert", str(source), str(target), "--half"]) == 0
    said = re.search(r"values \(sha256 (\w{64})\)", capsys.readouterr().out).group(1)
    assert target.stat().st_size < 0.52 * source.stat().st_size
    stored = weights_file.read(target)
    assert said == weights_file.digest(stored) != weights_file.digest(STUDY)
    assert weights_file.metadata(target) == {"preset": "study", "rounded_from": sha256_file(source)}
    for name, value in STUDY.items():
        assert stored[name].dtype == np.float32
        assert (
            np.abs(stored[name] - value) <= 2.0**-11 * np.abs(value) + 2.0**-25
        ).all()  # half a unit in the last place
    weights_file.write(source, {"a": np.array([1.0, 7e4], np.float32)})
    assert cli.main(["convert", str(source), str(target), "--half"]) == 2
    assert "values beyond float16's largest" in capsys.readouterr().err and len(weights_file.read(target)) == len(STUDY)
