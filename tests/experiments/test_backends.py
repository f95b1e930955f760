"""The experiment "backends": who is asked what in which order, the figures by hand, and a small one for real."""

import itertools
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stand_in_processes import Processes

from vsrlib import cli
from vsrlib.common.errors import UserError
from vsrlib.common.files import read_json, sha256_file
from vsrlib.experiments import backends
from vsrlib.experiments.options import BackendsOptions
from vsrlib.networks.weights import weights_file

SECONDS = {"torch": 2.0, "jittor": 2.5, "paddle": 8.0, "onnx": 6.0}
ASKED = ["--processes", "6", "--size", "16x24", "--preset", "study"]


def answers() -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Each later process is slower than the one before; PaddlePaddle's first value is one of 255 off."""
    count = itertools.count(1)

    def answered(task: dict[str, Any]) -> dict[str, Any]:
        framework, frames = task["framework"], task["values"]["frames"]
        if frames is not None:
            values = np.full((3, 3, 4, 4), 0.4, np.float32)
            values[0, 0, 0, 0] += {"torch": 0, "jittor": 1e-7, "paddle": 1 / 255, "onnx": 1e-7}[framework]
            np.save(frames, values)
        seconds = SECONDS[framework] * (1 + next(count) / 1000)
        return {"seconds": seconds, "warm_up_seconds": 3.0, "repeats": 3, "convolution": "winograd"}

    return answered


def run(monkeypatch: pytest.MonkeyPatch, fake: Processes, *arguments: str) -> list[dict[str, Any]]:
    assert fake.run(monkeypatch, "backends", *arguments) == 0
    return fake.tasks


def test_all_four_are_timed_in_turns_and_set_against_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = run(monkeypatch, Processes(answers()), str(tmp_path), *ASKED)
    assert [task["framework"] for task in tasks] == ["torch", "jittor", "paddle", "onnx"] * 6
    assert [task["values"]["frames"] is not None for task in tasks] == [True] * 4 + [False] * 20
    found = read_json(tmp_path / "backends.json")
    for name, seconds in SECONDS.items():
        one = found["backends"][name]
        assert one["seconds"]["value"] == pytest.approx(seconds, rel=0.03) and one["seconds"]["n"] == 6
        assert one["times_as_fast"]["value"] == pytest.approx(2 / seconds, rel=0.01)
    assert found["differences"]["paddle"]["largest_8_bit_difference"] == 1
    assert found["differences"]["paddle"]["share_of_8_bit_values"] == pytest.approx(1 / 144)
    assert found["differences"]["jittor"]["share_of_8_bit_values"] == 0
    assert (found["unit"], found["n"]) == ("process", 6)
    text = (tmp_path / "backends.md").read_text()
    assert "times as fast as PyTorch" in text and "| ONNX Runtime | 6" in text and "0.6944%" in text


def test_the_first_that_is_named_is_what_the_others_are_set_against(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(monkeypatch, Processes(answers()), str(tmp_path), *ASKED, "--backends", "onnx", "torch")
    found = read_json(tmp_path / "backends.json")
    assert found["backends"]["torch"]["times_as_fast"]["value"] == pytest.approx(3, rel=0.01)
    assert list(found["differences"]) == ["torch"]


def test_what_broke_off_is_named_and_in_no_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(monkeypatch, Processes(answers(), broken=(3, 6)), str(tmp_path), *ASKED)
    found = read_json(tmp_path / "backends.json")
    assert found["backends"]["jittor"]["failed"] == ["process 2: it was killed"]
    assert found["backends"]["jittor"]["seconds"]["n"] == 5
    # paddle's first process was to keep its frames; another makes them
    assert found["differences"]["paddle"]["largest_8_bit_difference"] == 1
    assert (
        "Broke off: Jittor, process 2: it was killed; PaddlePaddle, process 1" in (tmp_path / "backends.md").read_text()
    )
    every = (*range(2, 13, 2), 13)  # the last was to keep the frames
    run(monkeypatch, Processes(answers(), broken=every), str(tmp_path / "none"), *ASKED, "--backends", "torch", "onnx")
    found = read_json(tmp_path / "none" / "backends.json")
    assert found["backends"]["onnx"] == {"skipped": "it was killed"}
    assert found["differences"]["onnx"]["skipped"] == "because a process broke off"


def test_it_goes_on_where_it_was_interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Processes(answers(), interrupted_after=10).run(monkeypatch, "backends", str(tmp_path), *ASKED) != 0
    tasks = run(monkeypatch, Processes(answers()), str(tmp_path), *ASKED)
    # 14 of 24 were left, and the frames that the interrupted call kept are made once more
    assert len(tasks) == 14 + 4 and all(task["values"]["frames"] for task in tasks[-4:])
    assert read_json(tmp_path / "backends.json")["backends"]["onnx"]["seconds"]["n"] == 6


def test_wrong_requests_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="size is '16'; give HEIGHTxWIDTH"):
        BackendsOptions(size="16")
    with pytest.raises(UserError, match="backends"):
        BackendsOptions(backends=["torch", "torch"])
    with pytest.raises(UserError, match=r"none\.pt"):
        backends.backends(tmp_path, BackendsOptions(backends=["torch"], weights=str(tmp_path / "none.pt")))


@pytest.mark.parametrize("given", ["study-gaussian", "mine.safetensors"])
def test_weights_are_a_name_or_a_file(given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = weights_file.existing("study-gaussian")
    if given == "mine.safetensors":
        path = Path(shutil.copy(path, given))
    tasks = run(monkeypatch, Processes(answers()), "out", *ASKED, "--backends", "torch", "--weights", given)
    assert {task["options"]["weights"] for task in tasks} == {str(path)}
    assert read_json(Path("out", "backends.json"))["weights"]["sha256"] == sha256_file(path)


def test_the_network_is_of_the_size_that_the_weights_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """One of another size would break off in every process: it is refused before the first."""
    asked = [*ASKED[:-2], "--backends", "torch", "--weights", "study-gaussian"]
    tasks = run(monkeypatch, Processes(answers()), str(tmp_path / "a"), *asked)
    assert {task["options"]["preset"] for task in tasks} == {"study"}
    assert read_json(tmp_path / "a" / "backends.json")["options"]["preset"] == "study"
    assert "network of the preset study" in (tmp_path / "a" / "backends.md").read_text()
    fake = Processes(answers())
    assert fake.run(monkeypatch, "backends", str(tmp_path / "b"), *asked, "--preset", "published") == 2
    assert "do not fit the network" in capsys.readouterr().err and not fake.tasks
    assert not (tmp_path / "b").exists()


def test_without_weights_the_network_is_the_published_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = run(monkeypatch, Processes(answers()), str(tmp_path), *ASKED[:-2], "--backends", "torch")
    assert {task["options"]["preset"] for task in tasks} == {"published"}


def test_no_load_is_said_where_nothing_was_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tuple(range(1, 8))
    run(monkeypatch, Processes(answers(), broken=broken), str(tmp_path), *ASKED, "--backends", "torch")
    assert read_json(tmp_path / "backends.json")["busiest"] is None
    assert "load average" not in (tmp_path / "backends.md").read_text()


@pytest.mark.slow
def test_pytorch_and_onnx_runtime_restore_the_same_frames_for_real(tmp_path: Path) -> None:
    small = ["--processes", "1", "--repeats", "3", "--seconds", "0", "--size", "32x48", "--preset", "study"]
    command = ["experiment", "backends", str(tmp_path), *small, "--backends", "torch", "onnx"]
    assert cli.main([*command, "--weights", "study-gaussian"]) == 0
    found = read_json(tmp_path / "backends.json")
    assert found["differences"]["onnx"]["largest_8_bit_difference"] <= 1
    assert found["differences"]["onnx"]["largest_difference"] < 2e-5
    assert all(one["seconds"]["value"] > 0 for one in found["backends"].values())
    assert found["backends"]["onnx"]["seconds"]["low"] is None  # one process has no interval
