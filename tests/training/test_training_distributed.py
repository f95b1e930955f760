"""Two processes that train together against one that has the whole batch."""

import os
import socket
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from training_fixture import log, make_clips, run, weights

from vsrlib.common.errors import UserError
from vsrlib.networks import distributed
from vsrlib.networks.distributed import ALONE, Batch

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("batch_size", [2, 3, 1])
def test_two_processes_take_the_steps_of_one(batch_size: int, tmp_path: Path) -> None:
    clips = make_clips(tmp_path / "clips")
    run("torch", clips, tmp_path / "one", steps=3, batch_size=batch_size, validate_every=2)
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node",
        "2",
        "-m",
        "vsrlib",
        "train",
        clips / "train",
        clips / "validation",
        tmp_path / "two",
        "--steps",
        3,
        "--batch-size",
        batch_size,
        "--patch-size",
        16,
        "--learning-rate",
        1e-3,
        "--validate-every",
        2,
        "--blur",
        "Gaussian",
        "--device",
        "cpu",
    ]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("written to") == 1  # by one of them
    one, two = log(tmp_path / "one"), log(tmp_path / "two")
    assert [entry["step"] for entry in one] == [entry["step"] for entry in two] == [1, 2, 3]
    for ours, theirs in zip(one, two, strict=True):
        times = {name: theirs[name] for name in ("seconds", "wait_seconds")}
        assert theirs == pytest.approx(ours | times, rel=1e-5, abs=1e-6)
    ours, theirs = weights(tmp_path / "one")["weights.safetensors"], weights(tmp_path / "two")["weights.safetensors"]
    apart = [float(np.abs(ours[name] - theirs[name]).mean()) for name in ours]
    # Adam turns the rounding of a gradient near zero into a step of up to the rate, so that only the mean says much.
    assert np.mean(apart) < 2e-5


def test_one_process_is_the_whole_team() -> None:
    batch = Batch(np.zeros((2, 5, 3, 4, 4), np.float32))
    assert ALONE.share(batch) == (batch, 1.0) and ALONE.all(True) and not ALONE.all(False)


def test_a_process_waits_longer_than_any_validation() -> None:
    """By what gloo says of the group; its own half hour is shorter than REDS4 on one CPU."""
    import torch
    import torch.distributed as dist

    dist.init_process_group("gloo", rank=0, world_size=1, store=dist.HashStore())
    try:
        words = distributed._Several(0, 1)._words
        assert words._get_backend(torch.device("cpu")).options._timeout >= timedelta(days=1)
    finally:
        dist.destroy_process_group()


WAITING = """
import os, sys, time
from vsrlib.common.errors import UserError
from vsrlib.networks import distributed

with distributed.team("torch", "cpu") as team:
    assert team.told(team.rank) == 0
    if team.rank == 0:
        time.sleep(1)
        os._exit(3)
    try:
        team.told(None)
    except UserError as error:
        print(error)
"""


def test_whoever_waits_for_a_process_that_died_ends_at_once() -> None:
    with socket.create_server(("localhost", 0)) as free:
        port = str(free.getsockname()[1])
    place = os.environ | {"WORLD_SIZE": "2", "MASTER_ADDR": "localhost", "MASTER_PORT": port}
    command = [sys.executable, "-c", WAITING]
    first = subprocess.Popen(command, env=place | {"RANK": "0"})
    second = subprocess.run(command, env=place | {"RANK": "1"}, stdout=subprocess.PIPE, text=True, timeout=600)
    assert first.wait() == 3
    assert second.stdout == "Process 1 of 2 ends because another one has; its message says why.\n"


def test_several_processes_are_for_pytorch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from vsrlib.common.errors import UserError

    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UserError, match="train with PyTorch only"):
        run("jittor", tmp_path, tmp_path / "out")


@pytest.mark.parametrize("name", ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE"])
def test_processes_of_mpirun_are_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "2")
    with pytest.raises(UserError, match="mpirun started several processes"), distributed.team("jittor", "cpu"):
        pass
    monkeypatch.setenv(name, "1")
    with distributed.team("jittor", "cpu") as alone:
        assert alone.size == 1
