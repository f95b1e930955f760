"""What is made ahead: the same for any number of processes, in order, and nothing is left of them however it ends."""

import os
import signal
import subprocess
import sys
import time
from itertools import count, islice
from pathlib import Path

import numpy as np
import pytest

from vsrlib.common.errors import UserError
from vsrlib.data.clips import Clip, write_clip
from vsrlib.training.prefetch import ahead
from vsrlib.training.samples import SampleStream, TrainingWindows

GONE_WITHIN = 20.0  # seconds, on a busy machine


def gone(*processes: int) -> bool:
    """Whether they have ended, perhaps with nobody to ask for their status; waits for it."""
    end = time.monotonic() + GONE_WITHIN
    while any(_lives(one) for one in processes):
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def _lives(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.fixture
def windows(tmp_path: Path) -> TrainingWindows:
    frames = np.random.default_rng(0).integers(0, 256, (8, 72, 80, 3), dtype=np.uint8)
    write_clip(tmp_path / "clip", Clip("clip", frames))
    return TrainingWindows(tmp_path, 16)


def stream(windows: TrainingWindows, workers: int, **options: bool) -> SampleStream:
    return SampleStream(windows, "Realistic", 3, 16, seed=5, workers=workers, high=True, **options)


def test_for_each_process_two_jobs_are_given_out_and_no_more() -> None:
    """The one that it works on, and the next: what is made ahead takes memory, however many jobs there are."""
    drawn: list[int] = []
    made = ahead(eval, (drawn.append(number) or str(number) for number in count()), 2)
    for done in (1, 2, 3):
        assert next(made) == done - 1
        assert len(drawn) - done == 4
    made.close()


def test_a_process_computes_on_one_core() -> None:
    assert list(ahead(eval, ["__import__('cv2').getNumThreads()"], 1)) == [1]


@pytest.mark.parametrize("whole_epochs", [False, True])
def test_any_number_of_processes_makes_the_same_batches(windows: TrainingWindows, whole_epochs: bool) -> None:
    """And a stream that goes on with another number of them, too, from wherever the one before it was asked."""
    here = stream(windows, 0, whole_epochs=whole_epochs)
    expected, states = [], []
    for batch in islice(here, 6):
        expected.append([batch.low.tobytes(), batch.high.tobytes(), batch.digest])
        states.append(here.state())
    state = None
    for workers, steps in ((2, 4), (1, 2)):
        there = stream(windows, workers, whole_epochs=whole_epochs)
        if state is not None:
            there.restore(state)
        for batch in islice(there, steps):
            assert [batch.low.tobytes(), batch.high.tobytes(), batch.digest] == expected.pop(0)
            state = there.state()
            assert state == states.pop(0)
        there.close()


def test_they_work_at_the_same_time_and_end_with_the_iterator() -> None:
    """Also in the middle of something that takes for ever."""
    endless = ["__import__('time').sleep(10**6)"] * 4
    made = ahead(eval, [f"{number}, __import__('os').getpid()" for number in range(12)] + endless, 3)
    numbers, processes = zip(*islice(made, 12))
    assert numbers == tuple(range(12)) and len({*processes, os.getpid()}) > 2
    made.close()
    assert gone(*set(processes))


def test_no_process_is_started_for_none() -> None:
    assert list(ahead(eval, ["__import__('os').getpid()"], 0)) == [os.getpid()]


def test_what_is_raised_there_is_raised_here_in_its_turn(windows: TrainingWindows) -> None:
    made = ahead(eval, ["1", "2", "[][3]", "4"], 2)
    assert [next(made), next(made)] == [1, 2]
    with pytest.raises(IndexError) as raised:
        next(made)
    assert "IndexError" in "".join(raised.value.__notes__)  # where it was raised there
    samples = stream(windows, 1)
    for path in windows.sources[0].paths:
        os.utime(path, (1, 1))
    with pytest.raises(UserError, match="00000.* has changed since this training was begun"):
        next(samples)


@pytest.mark.parametrize(
    "end, words",
    [("os.kill(os.getpid(), 9)", "was killed, perhaps for want of memory"), ("os._exit(3)", "ended with 3")],
)
def test_a_process_that_dies_is_one_sentence(end: str, words: str) -> None:
    jobs = [
        f"({work}, __import__('os').getpid())[1]" for work in ("0", "0", f"eval({end!r}, {{'os': __import__('os')}})")
    ]
    made = ahead(eval, jobs, 2)
    processes = {next(made), next(made)}
    with pytest.raises(UserError, match=f"A process that makes training data {words}; give fewer workers"):
        next(made)
    assert gone(*processes)


UNCLOSED = """
from vsrlib.training.prefetch import ahead
made = ahead(eval, ["__import__('os').getpid()"] * 9, 2)
print(next(made))
"""


def test_a_program_ends_though_it_has_not_asked_for_everything() -> None:
    done = subprocess.run([sys.executable, "-c", UNCLOSED], capture_output=True, text=True, timeout=3 * GONE_WITHIN)
    assert (done.returncode, done.stderr) == (0, "") and gone(int(done.stdout))


ENDLESS = """
from itertools import repeat
from vsrlib.training.prefetch import ahead
for process in ahead(eval, repeat("(__import__('time').sleep(0.02), __import__('os').getpid())[1]"), 2):
    print(process, flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_process_is_left_of_one_that_was_killed(number: signal.Signals) -> None:
    """Ctrl-C goes to all of them, and one alone says so."""
    command = [sys.executable, "-c", ENDLESS]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as parent:
        processes: set[int] = set()
        for _ in count():
            processes.add(int(parent.stdout.readline()))
            if len(processes) == 2:
                break
        (os.killpg if number == signal.SIGINT else os.kill)(parent.pid, number)
        _, errors = parent.communicate(timeout=300)
    assert gone(*processes)
    assert errors.count("Traceback") == (number == signal.SIGINT)
    assert parent.returncode == -number
