"""Runs a task on many numbers in processes that may crash, hang or eat memory, and says which did."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from common import collect

from vsrlib.common import memory

MOST_SECONDS = 5
"""Of the process's own time: the machine may be busy with other things."""
_WALL = 600  # seconds without an answer, which is a hang even if nothing is computed
_CHUNK = 500  # tasks to a process


def survey(task: Callable[[int], str], count: int) -> Iterator[tuple[int, str, int]]:
    """Yield (number, what the task answered, MiB that its process took at most) for 0 to count - 1.

    In place of an answer: "crash: ..." for an exception or a process that died, "hang" for one that took too long.
    """
    number = 0
    context = multiprocessing.get_context("fork")
    while number < count:
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_work, args=(task, number, min(count, number + _CHUNK), theirs))
        collect()
        process.start()
        theirs.close()
        end = min(count, number + _CHUNK)
        while number < end:
            try:
                answer = ours.recv() if ours.poll(_WALL) else None
            except EOFError:
                process.join()
                died = -(process.exitcode or 0)
                answer = ("hang" if died == signal.SIGPROF else f"crash: signal {died}", 0)
            if answer is None:
                process.kill()
                answer = ("hang", 0)
            yield number, *answer
            number += 1
            if answer[1] == 0:
                break
        process.join()


def _work(task: Callable[[int], str], begin: int, end: int, answers: Connection) -> None:
    # What it takes beyond the process that it is a copy of, whose own peak it would else begin with.
    Path("/proc/self/clear_refs").write_text("5")
    inherited = memory.resident_mib()
    for number in range(begin, end):
        signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)  # its signal ends the process, whatever that is doing
        try:
            answer = task(number)
        except BaseException as error:
            answer = f"crash: {type(error).__name__}: {str(error)[:200]}"
        signal.setitimer(signal.ITIMER_PROF, 0)
        answers.send((answer, max(1, round(memory.peak_mib() - inherited))))
    answers.close()
    os._exit(0)


def tally(answers: Iterator[tuple[str, str, int]], broken: Callable[[str, str], str | None]) -> dict[str, Any]:
    """Counts of answers by group, the peak memory, and what `broken(group, answer)` says of each, ten at most."""
    counts: dict[str, dict[str, int]] = {}
    sentences: list[str] = []
    peak = 0
    for group, answer, mib in answers:
        word = answer.split(":")[0]
        of_group = counts.setdefault(group, {})
        of_group[word] = of_group.get(word, 0) + 1
        peak = max(peak, mib)
        sentence = broken(group, answer)
        if sentence:
            sentences.append(f"{group}: {sentence}")
    total = {
        word: sum(of_group.get(word, 0) for of_group in counts.values()) for word in ("crash", "hang", "silent skip")
    }
    return {
        "counts": counts,
        "total": total,
        "peak_mib": peak,
        "broken": sentences[:10],
        "broken_count": len(sentences),
    }
