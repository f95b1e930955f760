"""Several processes that train one network together, started by torchrun; without it there is one, which is alone.

Every process draws the same batches and takes its share of each; the gradients are added, so that a step is that of one
process with the whole batch. Process 0 alone validates and writes. Nothing is imported from PyTorch until it is needed.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, NamedTuple

import numpy as np

from vsrlib.common.errors import UserError


class Batch(NamedTuple):
    """LR windows (B, 5, 3, patch, patch), and their centre frames in HR (B, 3, 4 patch, 4 patch) if asked for.

    digest: SHA-256 of the windows, where they were made as a whole.
    """

    low: np.ndarray
    high: np.ndarray | None = None
    digest: str = ""


class Team:
    """One process, which is the whole team; what it does with others is the identity."""

    rank = 0
    size = 1

    def share(self, batch: Batch) -> tuple[Batch, float]:
        """This process's samples of a batch, and the weight of their mean in the mean over the batch."""
        return batch, 1.0

    def all(self, flag: bool) -> bool:
        """Whether the flag is set in every process."""
        return flag

    def add(self, gradients: Sequence[Any]) -> None:
        """Add the tensors of all processes, in place."""

    def total(self, values: dict[str, float]) -> dict[str, float]:
        """The sums of the values over all processes."""
        return values

    def told(self, value: Any) -> Any:
        """The value that process 0 has."""
        return value


ALONE = Team()
WAIT = timedelta(days=7)
"""How long a process waits for word of another: longer than any validation, for which process 0 lets the others wait.
gloo's own half hour is too short. A process that ends closes its connections, which ends those that wait at once."""
_MPI_SIZES = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE")  # of Open MPI; of MPICH and its kin


class _Several(Team):
    """A process of several, each of which makes every call."""

    def __init__(self, rank: int, size: int) -> None:
        import torch.distributed as dist

        self.rank, self.size, self._dist = rank, size, dist
        # Words and flags go over the CPU, wherever the gradients are.
        self._words = dist.new_group(backend="gloo", timeout=WAIT)

    def share(self, batch: Batch) -> tuple[Batch, float]:
        count = len(batch.low)
        mine = np.array_split(np.arange(count), self.size)[self.rank]
        taken = mine if len(mine) else [0]  # of no weight, where the batch has fewer samples than there are processes
        truth = None if batch.high is None else batch.high[taken]
        return Batch(batch.low[taken], truth), len(mine) / count

    def all(self, flag: bool) -> bool:
        return all(self._gathered(flag))

    def add(self, gradients: Sequence[Any]) -> None:
        import torch

        joined = torch.cat([gradient.reshape(-1) for gradient in gradients])
        self._dist.all_reduce(joined)
        for gradient, part in zip(gradients, joined.split([gradient.numel() for gradient in gradients]), strict=True):
            gradient.copy_(part.view_as(gradient))

    def total(self, values: dict[str, float]) -> dict[str, float]:
        gathered = self._gathered(values)
        return {name: sum(one[name] for one in gathered) for name in values}

    def told(self, value: Any) -> Any:
        return self._gathered(value)[0]

    def _gathered(self, value: Any) -> list[Any]:
        values: list[Any] = [None] * self.size
        try:
            self._dist.all_gather_object(values, value, group=self._words)
        except RuntimeError as error:  # the connection was closed
            raise UserError(
                f"Process {self.rank} of {self.size} ends because another one has; its message says why."
            ) from error
        return values


@contextmanager
def team(framework: str, device: str) -> Iterator[Team]:
    """The processes that torchrun started (gloo on the CPU, NCCL on GPUs, one for each process); alone without it.

    UserError for a framework other than PyTorch, and for processes that mpirun started, which know nothing of each
    other.
    """
    if any(int(os.environ.get(name, "1")) > 1 for name in _MPI_SIZES):
        raise UserError(
            "mpirun started several processes, and each would train by itself into the same folder: start one "
            "process, or PyTorch's with torchrun."
        )
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield ALONE
        return
    if framework != "torch":
        raise UserError(
            f"torchrun starts several processes, which train with PyTorch only, and framework is {framework!r}: "
            "give torch, or start one process."
        )
    import torch
    import torch.distributed as dist

    on_gpu = device == "cuda" or (device == "auto" and torch.cuda.is_available())
    if on_gpu:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("nccl" if on_gpu else "gloo")
    try:
        yield _Several(dist.get_rank(), size)
    finally:
        dist.destroy_process_group()
