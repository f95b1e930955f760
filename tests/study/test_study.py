"""The study's promises, proved with toy notebooks in real kernels."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import nbformat
import psutil
import pytest
import toy_study
from toy_study import ToySettings, executed, planned, run_toys, wait_for, write_notebook, write_toys

from vsrlib.common import files, provenance
from vsrlib.common.errors import UserError
from vsrlib.common.files import read_json
from vsrlib.common.names import TRAINERS
from vsrlib.study import step
from vsrlib.study.plan import Planned, plan
from vsrlib.study.profiles import Step
from vsrlib.study.runner import execute, run
from vsrlib.study.settings import DataSettings


def manifest(folder: Path, step: str) -> dict:
    return read_json(folder / "run" / step / "manifest.json")


@pytest.mark.slow
def test_what_is_up_to_date_is_kept_and_a_change_reruns_what_depends_on_it(tmp_path: Path) -> None:
    write_toys(tmp_path)
    assert run_toys(tmp_path) == 0
    assert executed(tmp_path) == ["make", "use", "other"]
    assert all(manifest(tmp_path, step)["status"] == "done" for step in ("make", "use", "other"))
    assert (tmp_path / "run/use/result.txt").read_text() == "aa"

    assert run_toys(tmp_path) == 0
    assert executed(tmp_path) == []

    assert run_toys(tmp_path, overrides={"make.text": "b"}) == 0
    assert executed(tmp_path) == ["make", "use"]
    assert (tmp_path / "run/use/result.txt").read_text() == "ba"

    # Made again with the same content: what depends on it need not run.
    (tmp_path / "run/make/manifest.json").unlink()
    assert run_toys(tmp_path, overrides={"make.text": "b"}) == 0
    assert executed(tmp_path) == ["make"]

    # A result that somebody changed, of the same length, is made again.
    (tmp_path / "run/use/result.txt").write_text("xx")
    assert run_toys(tmp_path, overrides={"make.text": "b"}) == 0
    assert executed(tmp_path) == ["use"]
    assert (tmp_path / "run/use/result.txt").read_text() == "ba"


def statuses(said: str) -> dict[str, str]:
    """Step -> what the study printed after its name."""
    return {line.split()[0]: " ".join(line.split()[1:]) for line in said.splitlines()}


@pytest.mark.slow
def test_a_chosen_step_never_reads_what_is_stale(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    write_toys(tmp_path)
    assert run_toys(tmp_path) == 0
    assert executed(tmp_path) == ["make", "use", "other"]
    changed = {"make.text": "b"}

    for dry_run in (True, False):
        with pytest.raises(UserError, match="Step use reads .* step make, .* because text changed: choose make as"):
            execute(planned(tmp_path, overrides=changed, only=["use"]), tmp_path / "run", "toy", dry_run=dry_run)

    # What is not read may be stale; it is shown as that, and so is what was made of it.
    capsys.readouterr()
    assert run_toys(tmp_path, overrides=changed, only=["other"]) == 0
    said = statuses(capsys.readouterr().out)
    assert said["make"].startswith("stale") and "because text changed" in said["make"]
    assert said["use"].startswith("stale") and "because step make is stale" in said["use"]
    assert said["other"].startswith("up to date")
    page = (tmp_path / "run/index.html").read_text()
    assert "1 of 3 steps done" in page and '<tr class="done">' not in page

    # A step between two chosen ones would be passed over, and the second would read what was made before the first.
    with pytest.raises(UserError, match="Step other reads .* step use, .* because step make has to be run before it"):
        last = {**changed, "other.source": f"{tmp_path}/run/use/result.txt"}
        run_toys(tmp_path, overrides=last, only=["make", "other"])
    assert executed(tmp_path) == []

    # Once its input has been made again, the step that is not chosen is stale by content.
    assert run_toys(tmp_path, overrides=changed, only=["make"]) == 0
    assert statuses(capsys.readouterr().out)["use"].startswith("stale")
    assert run_toys(tmp_path, overrides=changed, only=["use"]) == 0
    assert executed(tmp_path) == ["make", "use"]
    said = statuses(capsys.readouterr().out)
    assert said["make"].startswith("done") and "not chosen this time" in said["make"]


@pytest.mark.slow
def test_a_failed_study_stops_and_resumes_at_the_failed_step(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    write_toys(tmp_path, use="assert Path(output).parent.joinpath('mended').exists(), 'not mended'")
    assert run_toys(tmp_path) == 1
    assert executed(tmp_path) == ["make", "use"]
    found = manifest(tmp_path, "use")
    assert found["status"] == "failed" and found["error"] == "AssertionError: not mended"
    assert Path(found["partial"]).is_file()
    assert not (tmp_path / "run/other").exists()
    said = capsys.readouterr().out
    assert "AssertionError: not mended" in said and "because step use failed" in said
    page = (tmp_path / "run/index.html").read_text()
    assert "AssertionError: not mended" in page and "because step use failed" in page

    (tmp_path / "run/mended").touch()
    assert run_toys(tmp_path) == 0
    assert executed(tmp_path) == ["use", "other"]
    assert not (tmp_path / "run/use/partial.ipynb").exists()


def test_a_killed_kernel_is_a_failure_and_its_notebook_is_kept(tmp_path: Path) -> None:
    write_toys(tmp_path, make="import os; os.kill(os.getpid(), 9)")
    assert run_toys(tmp_path, ["make"]) == 1
    found = manifest(tmp_path, "make")
    assert found["status"] == "failed" and "cell 5 of 5" in found["error"]
    assert "the kernel died: memory ran out, a library crashed, or it was killed" in found["error"]
    assert not (tmp_path / "run/make/executed.ipynb").exists()
    # Why papermill's own marks are not asked: it calls the cell completed that killed the kernel.
    cells = nbformat.read(tmp_path / "run/make/partial.ipynb", as_version=4).cells
    assert cells[-1].metadata.papermill.status == "completed"


def test_a_cell_that_leaves_with_status_0_is_a_failure(tmp_path: Path) -> None:
    write_notebook(tmp_path / "notebooks/make.ipynb", "import sys; sys.exit(0)", toy_study.WRITE)
    assert run_toys(tmp_path, ["make"]) == 1
    assert manifest(tmp_path, "make")["status"] == "failed"


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_study_that_is_killed_leaves_no_kernel_and_resumes(tmp_path: Path, number: signal.Signals) -> None:
    sleep = "import os, time\nkernel = Path(output).parent / 'kernel'\nif not kernel.exists():\n"
    sleep += "    kernel.write_text(str(os.getpid()))\n    time.sleep(600)"
    write_toys(tmp_path, use=sleep)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, toy_study.__file__, str(tmp_path), "make", "use", "other"]
    with subprocess.Popen(command, env=environment, text=True, stderr=subprocess.PIPE) as study:
        wait_for(tmp_path / "run/kernel")
        kernel = psutil.Process(int((tmp_path / "run/kernel").read_text()))
        study.send_signal(number)
        _, said = study.communicate(timeout=300)
    if number == signal.SIGINT:
        assert study.returncode == 130 and "Interrupted" in said and "Traceback" not in said
        assert "interrupted" in (tmp_path / "run/index.html").read_text()
    else:
        assert study.returncode == -number
    kernel.wait(timeout=300)
    assert not (tmp_path / "run/use/manifest.json").exists()
    assert executed(tmp_path) == ["make", "use"]

    assert run_toys(tmp_path) == 0
    assert executed(tmp_path) == ["use", "other"]


@pytest.mark.slow
@pytest.mark.parametrize("ended", ["interrupted", "failed"])
def test_what_was_not_chosen_stays_in_the_index_when_the_chosen_step_does_not_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ended: str
) -> None:
    write_toys(tmp_path)
    assert run_toys(tmp_path) == 0

    def half(task: dict, held: object) -> int:
        shutil.copyfile(task["notebook"], task["output"])
        if ended == "interrupted":
            raise KeyboardInterrupt
        return 1

    monkeypatch.setattr(step, "in_own_process", half)
    assert run_toys(tmp_path, overrides={"make.text": "b"}, only=["make"]) == (130 if ended == "interrupted" else 1)
    rows = re.findall(r"<tr class=.*?</tr>", (tmp_path / "run/index.html").read_text(), re.DOTALL)
    made, used, other = rows
    assert ended in made and "make/partial.ipynb" in made
    assert f"step make is {ended}; not chosen this time" in used and "use/report.html" in used
    assert 'class="done"' in other and "not chosen this time" in other and "other/report.html" in other


def test_a_second_study_in_the_same_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_toys(tmp_path)
    (tmp_path / "run").mkdir()
    monkeypatch.setattr(files, "PATIENCE", 0.2)
    with files.lock(tmp_path / "run"), pytest.raises(UserError, match="Another study is running in .*run"):
        run_toys(tmp_path)
    assert executed(tmp_path) == []


def test_a_second_study_with_the_same_data_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data").mkdir()
    monkeypatch.setattr(files, "PATIENCE", 0.2)
    with files.lock(tmp_path / "data"), pytest.raises(UserError) as caught:
        run("quick", tmp_path / "another", tmp_path / "data")
    message = f"Another study is running in {tmp_path}/data: wait until it has ended, or give another data folder."
    assert str(caught.value) == message
    assert not (tmp_path / "another/index.html").exists()


def test_run_and_data_may_share_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "PATIENCE", 0.2)
    write_toys(tmp_path)
    (tmp_path / "run").mkdir()
    (tmp_path / "link").symlink_to("run")
    settings = DataSettings(data_root=str(tmp_path / "link"))
    data = Planned(Step("data", "make", {}), tmp_path / "notebooks/make.ipynb", settings, selected=False)
    assert execute([data], tmp_path / "run", "toy") == 0


@dataclass(frozen=True)
class FrameworkToy(ToySettings):
    framework: str = "torch"


def test_what_needs_an_unusable_framework_is_skipped_and_never_done(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    entry = {"torch": {"usable": True, "reason": ""}, "jittor": {"usable": False, "reason": "there is no <g++>"}}
    write = f"import json; (Path(output) / 'environment.json').write_text({json.dumps(entry)!r})"
    notebooks, root = tmp_path / "notebooks", tmp_path / "run"
    write_notebook(notebooks / "01_check_environment.ipynb", toy_study.WRITE, toy_study.COUNT, write)
    parameters = f"{toy_study.PARAMETERS}\nframework = 'torch'"
    for name in ("03_train_network", "04_infer_clips"):
        write_notebook(notebooks / f"{name}.ipynb", toy_study.COUNT, parameters=parameters)
    steps = [
        Step("env", "01_check_environment", {"output": f"{root}/env"}),
        Step("train", "03_train_network", {"output": f"{root}/train", "framework": "jittor"}),
        Step("infer", "04_infer_clips", {"output": f"{root}/infer"}, ("train",)),
    ]
    classes = {"01_check_environment": ToySettings, "03_train_network": FrameworkToy, "04_infer_clips": FrameworkToy}
    assert execute(plan(steps, notebooks, classes), root, "toy") == 0
    assert executed(tmp_path) == ["env"]
    said = capsys.readouterr().out
    assert "skipped" in said and "because jittor cannot be used here: there is no <g++>" in said
    assert read_json(root / "train/train.json") == {
        "skipped": "because jittor cannot be used here: there is no <g++>",
        "framework": "jittor",
    }
    assert read_json(root / "train/manifest.json")["status"] == "skipped"
    assert read_json(root / "infer/manifest.json")["reason"] == "because step train was skipped"
    page = (root / "index.html").read_text()
    assert "no &lt;g++&gt;" in page and "<g++>" not in page

    # A choice of steps changes nothing about it: what an earlier run skipped stays skipped, and so does what needs it.
    assert execute(plan(steps, notebooks, classes, only=["infer"]), root, "toy") == 0
    said = statuses(capsys.readouterr().out)
    assert said["env"].startswith("done") and said["train"].startswith("skipped - because jittor cannot be used")
    assert said["infer"] == "skipped - because step train was skipped; choose env as well to look again"
    assert executed(tmp_path) == []
    # What was found then may be mended since: whoever chooses the step that looks is not told to.
    write_notebook(
        notebooks / "01_check_environment.ipynb", toy_study.WRITE, toy_study.COUNT, write.replace("g++", "c")
    )
    assert execute(plan(steps, notebooks, classes, only=["env", "train"]), root, "toy") == 0
    assert statuses(capsys.readouterr().out)["train"] == "skipped - because jittor cannot be used here: there is no <c>"


@pytest.mark.slow
def test_a_step_runs_again_for_a_framework_that_it_computes_with_and_for_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PaddlePaddle, once installed, made every finished study of the two others begin anew."""
    parameters = f"{toy_study.PARAMETERS}\nframework = 'torch'"
    steps = []
    for name in ("torch", "jittor"):
        write_notebook(tmp_path / f"notebooks/{name}.ipynb", toy_study.WRITE, toy_study.COUNT, parameters=parameters)
        steps.append(Step(name, name, {"output": f"{tmp_path}/run/{name}", "framework": name}))

    def again(**brought: str | None) -> list[str]:
        """The steps that run once these versions are there."""
        found = provenance.versions() | brought
        monkeypatch.setattr(provenance, "versions", lambda: found)
        assert execute(plan(steps, tmp_path / "notebooks", dict.fromkeys(TRAINERS, FrameworkToy)), root, "toy") == 0
        return executed(tmp_path)

    root = tmp_path / "run"
    assert again(paddle=None) == ["torch", "jittor"]
    assert again(paddle="3.3.1") == []
    assert again(jittor="9.9.9") == ["jittor"]
    assert again(torch="9.9.9") == ["torch", "jittor"]


def test_the_kernel_is_the_running_python_and_progress_bars_reach_the_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture
) -> None:
    spec = tmp_path / "home/.local/share/jupyter/kernels/python3/kernel.json"
    spec.parent.mkdir(parents=True)
    spec.write_text(json.dumps({"argv": ["/bin/false"], "display_name": "another", "language": "python"}))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "0")
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    bar = "import os; (Path(output) / 'threads.txt').write_text(os.environ['OMP_NUM_THREADS'])\n"
    bar += "from tqdm import tqdm\nfor _ in tqdm(range(3), desc='toy steps', mininterval=0): pass"
    write_toys(tmp_path, make=f"import sys\n(Path(output) / 'python.txt').write_text(sys.executable)\n{bar}")
    assert run_toys(tmp_path, ["make"]) == 0
    assert (tmp_path / "run/make/python.txt").read_text() == sys.executable
    assert (tmp_path / "run/make/threads.txt").read_text() == "3"
    assert "toy steps: 100%" in capfd.readouterr().err
    cell = nbformat.read(tmp_path / "run/make/executed.ipynb", as_version=4).cells[-1]
    assert len(cell.outputs) == 1 and cell.outputs[0].text.count("toy steps") == 1


def test_nothing_runs_in_a_dry_run(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    write_toys(tmp_path)
    assert execute(planned(tmp_path), tmp_path / "run", "toy", dry_run=True) == 0
    assert capsys.readouterr().out.count("would run, because it has no result yet") == 3
    assert not (tmp_path / "run").exists()


def test_the_quick_study_can_be_planned(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert run("quick", tmp_path / "run", tmp_path / "data", dry_run=True) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [
        "00_start_here",
        "01_check_environment",
        "02_generate_data",
        "03_train_network_torch",
        "03_train_network_jittor",
        "04_infer_clips_torch_Gaussian",
        "04_infer_clips_jittor_Gaussian",
        "04_infer_clips_torch_Realistic",
        "04_infer_clips_jittor_Realistic",
        "05_compare_frameworks",
        "06_prove_parity",
        "07_ablate_alignment",
        "08_measure_costs",
        "09_judge_claims",
        "10_draw_figures",
        "12_show_frames_Gaussian",
        "12_show_frames_Realistic",
        "13_discuss_answers",
    ]


def test_wrong_requests_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    wrong = [
        ({"profile": "quik"}, "profile is 'quik'"),
        ({"overrides": {"stepz": "3"}}, "no parameter 'stepz'; the nearest is 'steps'"),
        ({"overrides": {"steps": "many"}}, "steps is 'many'; give a whole number"),
        ({"overrides": {"framework": "jittor"}}, "framework tells the steps apart"),
        ({"only": ["14"]}, "no step '14'"),
        ({"only": ["09"]}, "comparison_file is .* does not exist: run 05_compare_frameworks first"),
        ({"profile": "standard"}, "test_root of step 02_generate_data .* no step makes it"),
    ]
    for request, message in wrong:
        with pytest.raises(UserError, match=message):
            run(**{"profile": "quick", "run_root": tmp_path / "run", "data_root": tmp_path / "data", **request})
    assert not (tmp_path / "run").exists()
