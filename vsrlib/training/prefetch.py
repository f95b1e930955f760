"""What is made ahead, by processes of their own, and given out in its order: batches, while a step is computed."""

import multiprocessing
import signal
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any, TypeVar

import cv2

from vsrlib.common.errors import UserError

Job = TypeVar("Job")
Made = TypeVar("Made")

_AHEAD = 2  # jobs that are given out for each process: the one that it works on, and the next
_PATIENCE = 5.0  # seconds for the status of a process that has ended


def ahead(make: Callable[[Job], Made], jobs: Iterable[Job], workers: int) -> Generator[Made, None, None]:
    """`make(job)` of one job after another. `workers`: processes that make them ahead; 0: this one, when it is asked.

    What is made must depend on the job alone; then it is the same for any number of processes. `make`, the jobs and
    what is made are pickled; each process has its `make` once, and what that keeps from job to job.
    Raises what `make` raises when its turn has come, and UserError for a process that was killed or has broken down.
    The processes end with this iterator, when it is closed or lost, and by themselves when this process is no more.
    """
    if not workers:
        yield from map(make, jobs)
        return
    to_do, team, idle = iter(jobs), list[_Worker](), SimpleQueue[_Worker]()
    # A thread for each process waits for what that makes: no process stands still until it is asked for.
    pool = ThreadPoolExecutor(workers)

    def made(job: Job) -> Made:
        worker = idle.get()
        try:
            return worker.ask(job)
        finally:
            idle.put(worker)

    try:
        for _ in range(workers):
            team.append(_Worker(make))
            idle.put(team[-1])
        waiting = deque(pool.submit(made, job) for job in islice(to_do, _AHEAD * workers))
        while waiting:
            result = waiting.popleft().result()
            waiting.extend(pool.submit(made, job) for job in islice(to_do, 1))
            yield result
    finally:
        for worker in team:
            worker.end()
        pool.shutdown()  # what is still to do fails at once, for want of a process


class _Worker:
    """A process that answers jobs, one at a time."""

    def __init__(self, make: Callable[[Any], Any]) -> None:
        # Started anew rather than forked: a fork of a process whose libraries have threads may hang.
        context = multiprocessing.get_context("spawn")
        self._link, theirs = context.Pipe()
        self._make: Callable[[Any], Any] | None = make  # until it has been sent
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        # Ctrl-C reaches every process of a terminal. This one ends the others; a signal that is held back while they
        # start stays so in them. The tracker starts first, because it lets signals through again.
        resource_tracker.ensure_running()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()  # so that the link ends with the process

    def ask(self, job: Any) -> Any:
        """What the process makes of a job."""
        try:
            if self._make is not None:
                self._link.send(self._make)
                self._make = None
            self._link.send(job)
            made, error = self._link.recv()
        except (EOFError, OSError):
            self._process.join(_PATIENCE)
            status = self._process.exitcode
            how = "was killed, perhaps for want of memory" if status == -signal.SIGKILL else f"ended with {status}"
            raise UserError(f"A process that makes training data {how}; give fewer workers, or 0 for none.") from None
        if error is not None:
            raise error
        return made

    def end(self) -> None:
        """End the process, whatever it does: it holds nothing that could be lost."""
        self._process.kill()
        self._process.join()


def _serve(link: Connection) -> None:
    """Answer jobs for as long as the other side is there."""
    cv2.setNumThreads(1)  # there are as many processes as were asked for
    with suppress(EOFError, OSError):
        make = link.recv()
        while True:
            link.send(_answer(make, link.recv()))


def _answer(make: Callable[[Any], Any], job: Any) -> tuple[Any, Exception | None]:
    try:
        return make(job), None
    except Exception as error:
        if not isinstance(error, UserError):
            error.add_note(f"In a process that makes training data:\n{traceback.format_exc()}")
        return None, error
