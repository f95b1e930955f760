"""JupyterLab as the README starts it: guarded, and Run All works in notebooks by themselves."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import checkout
import psutil
import pytest
import requests
from lab import PATIENCE, Lab
from shown import bars, faults, images

from vsrlib.common.files import read_json
from vsrlib.common.provenance import PROJECT_ROOT

SMALL = {
    "height": 128,
    "width": 128,
    "train_clips": 1,
    "train_frames": 5,
    "test_clips": 1,
    "test_frames": 6,
    "filmed_frames": 0,
}
OPEN = re.compile(
    r"--(ServerApp|NotebookApp|LabApp|IdentityProvider)\.(token|password|ip|allow_origin|disable_check_xsrf)\b"
    r"|--ip[ =]|--no-auth|(?<![\w.])c\.(ServerApp|IdentityProvider)\.\w+ *="
)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clone")


@pytest.fixture(scope="module")
def lab(project: Path) -> Iterator[Lab]:
    runtime = project / ".jupyter" / "runtime"
    environment = checkout.copy(project) | {
        "JUPYTER_RUNTIME_DIR": str(runtime),
        "JUPYTER_CONFIG_DIR": str(project / ".jupyter"),
    }
    command = [sys.executable, "-m", "jupyterlab", "notebooks", "--no-browser", "--port", "0", "--allow-root"]
    with open(project / "lab.log", "w", encoding="utf-8") as log:
        process = subprocess.Popen(command, cwd=project, env=environment, stdout=log, stderr=log)
        try:
            yield Lab(process, runtime)
        finally:
            process.terminate()
            process.wait(300)
    assert not list(runtime.glob("jpserver-*.json")), "the server did not shut down in order"


@pytest.mark.slow
def test_the_server_asks_for_its_token_and_listens_on_loopback_alone(lab: Lab) -> None:
    assert len(lab.token) >= 32
    assert requests.get(f"{lab.url}/api/contents", timeout=PATIENCE).status_code == 403
    assert requests.get(f"{lab.url}/api/contents", headers=lab.header, timeout=PATIENCE).status_code == 200
    sockets = [one.laddr.ip for one in psutil.Process(lab.process.pid).net_connections() if one.status == "LISTEN"]
    assert sockets and set(sockets) <= {"127.0.0.1", "::1"}


@pytest.mark.slow
def test_run_all_works_in_each_notebook(lab: Lab, project: Path) -> None:
    run = project / "runs" / "interactive"
    lab.run_all("01_check_environment.ipynb", frameworks=["torch"])
    assert read_json(run / "01_check_environment/environment.json")["torch"]["usable"]

    made = lab.run_all("02_generate_data.ipynb", validation_frames=5, **SMALL)
    assert (project / "data/Embedded_BlurDown_Realistic/manifest.json").is_file()

    inferred = lab.run_all("04_infer_clips.ipynb", timing_repeats=1)
    assert read_json(run / "04_infer_clips_torch_Realistic/inference.json")["weights"]["path"].endswith(
        "study-realistic.safetensors"
    )
    assert [bar[:22] for cell in inferred for bar in bars(cell)] == ["infer torch: 100%|████"]

    lab.run_all("05_compare_frameworks.ipynb")
    assert read_json(run / "05_compare_frameworks/comparison.json")["source"] == "runs/interactive"

    looked = lab.run_all("11_look_at_data.ipynb", frames=2)
    assert (run / "11_look_at_data/look.json").is_file()
    for cells, pictures in ((made, 6), (inferred, 6), (looked, 8)):
        assert [fault for cell in cells for fault in faults(cell)] == []
        assert sum(len(images(cell)) for cell in cells) == pictures


def test_nothing_that_is_shipped_or_documented_opens_the_server_to_others() -> None:
    started = []
    texts = [path for pattern in ("*.md", "*.sh", "docs/*.md", "vsrlib/**/*.py") for path in PROJECT_ROOT.glob(pattern)]
    for path in texts:
        for line in path.read_text(encoding="utf-8").splitlines():
            assert not OPEN.search(line), f"{path.name}: {line}"
            started += [line] if re.search(r"jupyter[ -]lab\b", line) else []
    assert len(started) >= 2


@pytest.mark.parametrize(
    "option", ["--ip=0.0.0.0", "--ip 0.0.0.0", "--ServerApp.token=''", "--IdentityProvider.token="]
)
def test_that_check_would_see_it(option: str) -> None:
    assert OPEN.search(f"jupyter lab {option} notebooks") and shutil.which(
        "jupyter", path=str(Path(sys.executable).parent)
    )
