"""The script that measures on a GPU, run dry: with small frames on the CPU."""

import json
import os
import subprocess
import sys
from pathlib import Path

from vsrlib.common.provenance import PROJECT_ROOT


def dry_run(output: Path, **variables: str) -> subprocess.CompletedProcess:
    script = PROJECT_ROOT / "tests" / "gpu" / "run.sh"
    environment = os.environ | {"PYTHON": sys.executable, "OMP_NUM_THREADS": "1"} | variables
    return subprocess.run(
        ["bash", str(script), "--dry-run", str(output)], env=environment, capture_output=True, text=True
    )


def test_every_part_answers(tmp_path: Path) -> None:
    done = dry_run(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((tmp_path / "gpu.json").read_text())
    parts = found["parts"]
    assert list(parts) == ["kernels", "frames", "precision", "batches", "memory", "training"]
    for kernel in parts["kernels"]["kernels"].values():
        assert kernel["volume_error"] < 1e-5 and kernel["gradient_error"] < 1e-5 and not kernel["zero_gradient"]
    assert parts["frames"]["synchronised"]["checks"]["streaming"]["largest_8_bit_difference"] <= 1
    assert parts["precision"]["float32"]["psnr_to_float32"] is None
    assert 20 < parts["precision"]["bfloat16"]["psnr_to_float32"] < 100  # it is rounded, and not broken
    batches = [one for name, one in parts["batches"].items() if name != "took_seconds"]
    assert len(batches) == 2 and all(set(one["seconds_of_a_window"]) == {"reference", "streaming"} for one in batches)
    assert all(value < 1e-5 for one in batches for value in one["largest_difference"].values())
    assert found["provenance"]["versions"]["torch"] and "bfloat16" in (tmp_path / "gpu.md").read_text()
