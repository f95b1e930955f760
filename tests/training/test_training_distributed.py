"""Several processes that train together: each call by itself, and two of them against one that has the whole batch."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from training_fixture import log, make_clips, run, weights

from vsrlib.common.errors import UserError
from vsrlib.networks import distributed
from vsrlib.networks.distributed import ALONE, Batch


class Others:
    """Stands for torch.distributed in one process of several: what the others say and add is given."""

    def __init__(self, said: list[Any], rank: int, added: float = 0.0) -> None:
        self.said, self.rank, self.added = said, rank, added
        self.calls: list[tuple[Any, ...]] = []

    def new_group(self, **options: Any) -> str:
        assert options["backend"] == "gloo"
        return "words"

    def all_gather_object(self, values: list[Any], value: Any, group: str) -> None:
        assert group == "words" and values == [None] * len(self.said)
        values[:] = [*self.said[: self.rank], value, *self.said[self.rank + 1 :]]

    def all_reduce(self, values: Any) -> None:
        assert values.ndim == 1
        values += self.added

    def init_process_group(self, backend: str) -> None:
        self.calls.append(("init", backend))

    def get_rank(self) -> int:
        return self.rank

    def destroy_process_group(self) -> None:
        self.calls.append(("destroy",))


@pytest.fixture
def others(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Others]:
    """Called with what Others takes: they stand for the processes from here on."""
    import torch.distributed

    def begin(said: list[Any], rank: int, added: float = 0.0) -> Others:
        given = Others(said, rank, added)
        for name in ("new_group", "all_gather_object", "all_reduce", "init_process_group", "get_rank"):
            monkeypatch.setattr(torch.distributed, name, getattr(given, name))
        monkeypatch.setattr(torch.distributed, "destroy_process_group", given.destroy_process_group)
        return given

    return begin


@pytest.mark.parametrize(("count", "size"), [(4, 2), (5, 2), (7, 3), (3, 3), (1, 2), (2, 5)])
def test_the_shares_are_the_batch_and_their_weights_its_mean(
    others: Callable[..., Others], count: int, size: int
) -> None:
    """Also where there are fewer samples than processes: those without one of their own have one of no weight."""
    rng = np.random.default_rng(count)
    whole = Batch(rng.random((count, 5, 3, 2, 2)), rng.random((count, 3, 8, 8)), "digest")
    found, mean = [], np.zeros(whole.low.shape[1:])
    for rank in range(size):
        others([None] * size, rank)
        share, weight = distributed._Several(rank, size).share(whole)
        assert len(share.low) == len(share.high) >= 1
        mean += weight * share.low.mean(0)
        if weight:
            found.append(share)
        else:
            np.testing.assert_array_equal(share.low, whole.low[:1])
        blind, _ = distributed._Several(rank, size).share(Batch(whole.low))
        assert blind.high is None and (blind.low == share.low).all()
    np.testing.assert_allclose(mean, whole.low.mean(0))
    np.testing.assert_array_equal(np.concatenate([share.low for share in found]), whole.low)
    np.testing.assert_array_equal(np.concatenate([share.high for share in found]), whole.high)
    assert max(len(share.low) for share in found) - min(len(share.low) for share in found) <= 1


@pytest.mark.parametrize("rank", [0, 1, 2])
def test_what_the_processes_say_is_gathered(others: Callable[..., Others], rank: int) -> None:
    def one(said: list[Any]) -> distributed.Team:
        others(said, rank)
        return distributed._Several(rank, 3)

    assert (one([]).rank, one([]).size) == (rank, 3)
    words = ["a", "b", "c"]
    assert one(words).told(words[rank]) == "a"
    for flags in ([True, True, True], [True, False, True], [False, True, True], [True, True, False]):
        assert one(flags).all(flags[rank]) is all(flags)
    sums = [{"x": 1.0, "y": 10.0}, {"x": 2.0, "y": 20.0}, {"x": 4.0, "y": 40.0}]
    assert one(sums).total(sums[rank]) == {"x": 7.0, "y": 70.0}


def test_gradients_are_added_in_place_each_in_its_shape(others: Callable[..., Others]) -> None:
    import torch

    others([], 0, added=0.5)
    before = [torch.arange(6.0).reshape(2, 3), torch.tensor(7.0), torch.arange(4.0).reshape(1, 2, 2).transpose(1, 2)]
    gradients = [value.clone() for value in before]
    distributed._Several(0, 2).add(gradients)
    assert all(torch.equal(ours, value + 0.5) for ours, value in zip(gradients, before, strict=True))


@pytest.mark.parametrize(
    ("device", "gpu_here", "backend"),
    [
        ("cpu", True, "gloo"),
        ("cpu", False, "gloo"),
        ("auto", True, "nccl"),
        ("auto", False, "gloo"),
        ("cuda", True, "nccl"),
        ("cuda", False, "nccl"),
    ],
)
def test_processes_talk_by_nccl_where_they_compute_on_gpus_one_for_each(
    others: Callable[..., Others], monkeypatch: pytest.MonkeyPatch, device: str, gpu_here: bool, backend: str
) -> None:
    import torch

    there = others([None] * 4, rank=3)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu_here)
    monkeypatch.setattr(torch.cuda, "set_device", lambda number: there.calls.append(("device", number)))
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("LOCAL_RANK", "1")
    on_gpu = [("device", 1)] if backend == "nccl" else []
    with distributed.team("torch", device) as team:
        assert (team.rank, team.size) == (3, 4)
        assert there.calls == [*on_gpu, ("init", backend)]
    assert there.calls[-1] == ("destroy",)


@pytest.mark.parametrize("size", [None, "1"])
def test_a_process_that_torchrun_did_not_start_with_others_is_alone(
    monkeypatch: pytest.MonkeyPatch, size: str | None
) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    if size is not None:
        monkeypatch.setenv("WORLD_SIZE", size)
    for framework in ("torch", "jittor"):
        with distributed.team(framework, "cuda") as team:
            assert team is ALONE and (team.rank, team.size) == (0, 1)


@pytest.mark.slow
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
    assert (ALONE.told("word"), ALONE.total({"x": 2.0})) == ("word", {"x": 2.0})


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


@pytest.mark.slow
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
