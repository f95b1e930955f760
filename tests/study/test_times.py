"""How long a study took: what is kept of its manifests, and the sentence about it."""

from pathlib import Path

import pytest
import results_fixture as run
from toy_study import run_toys, write_toys

from vsrlib.claims import comparison
from vsrlib.common.files import read_json, write_json
from vsrlib.study import profiles
from vsrlib.study.publish import TIMES, publish, sentence, times

MACHINE = {"processor": "A Processor", "cores": 2}


def put(root: Path, step: str, seconds: float | None, status: str = "done", minute: int = 0) -> None:
    provenance = {"commit": f"commit {minute}", "machine": MACHINE, "created": f"2026-01-01T00:{minute:02d}:00+00:00"}
    manifest = {"step": step, "seconds": seconds, "status": status, "provenance": provenance}
    write_json(root / step / "manifest.json", manifest)


def test_the_times_are_those_of_the_manifests(tmp_path: Path) -> None:
    assert times(tmp_path) is None
    put(tmp_path, "skipped", None, "skipped")
    assert times(tmp_path) is None
    put(tmp_path, "first", 1.5, minute=7)
    put(tmp_path, "second", 60.0, minute=3)
    found = times(tmp_path)
    assert found is not None
    assert {name: one["seconds"] for name, one in found["steps"].items()} == {"first": 1.5, "second": 60.0}
    assert (found["seconds"], found["longest"], found["not_done"]) == (61.5, "second", ["skipped"])
    assert found["provenance"]["commit"] == found["steps"]["first"]["commit"] == "commit 7"


def test_a_real_study_leaves_them(tmp_path: Path) -> None:
    write_toys(tmp_path)
    assert run_toys(tmp_path) == 0
    found = times(tmp_path / "run")
    assert found is not None and list(found["steps"]) == ["make", "other", "use"]
    kept = {name: read_json(tmp_path / "run" / name / "manifest.json")["seconds"] for name in found["steps"]}
    assert found["seconds"] == pytest.approx(sum(kept.values())) and min(kept.values()) > 0


def test_the_sentence_never_calls_a_part_the_whole(tmp_path: Path) -> None:
    steps = [step.id for step in profiles.steps_of("quick", tmp_path, tmp_path)]
    for number, step in enumerate(steps):
        put(tmp_path, step, 200.0 if step == "03_train_network_jittor" else 40.0, minute=number)
    found = times(tmp_path)
    assert found is not None
    total = 200 + 40 * (len(steps) - 1)
    assert sentence(found) == (
        f"The whole quick study took {total // 60} min {total % 60:02d} s on 2 cores of A Processor; "
        "the longest step: 03_train_network_jittor (3 min 20 s)."
    )
    (tmp_path / steps[-1] / "manifest.json").unlink()
    put(tmp_path, steps[-2], 1.0, "failed")
    part = times(tmp_path)
    assert part is not None
    assert sentence(part).startswith(f"The quick study without {steps[-2]}, {steps[-1]} took ")


def test_publishing_keeps_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vsrlib.study.publish.draw_all", lambda comparison_file, output, checkout: [])  # takes seconds
    inference, training = run.write_run(tmp_path / "run")
    comparison.compare(inference, training, tmp_path / "run" / "05_compare_frameworks")
    publish(tmp_path / "run", tmp_path / "out")
    assert not (tmp_path / "out" / "results" / TIMES).exists()
    put(tmp_path / "run", "05_compare_frameworks", 3.0)
    publish(tmp_path / "run", tmp_path / "out")
    assert read_json(tmp_path / "out" / "results" / TIMES) == times(tmp_path / "run")
