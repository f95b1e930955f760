"""The timing protocol with a clock that only the work moves: who runs when, what is inside the timers, when it ends."""

from itertools import pairwise

import numpy as np
import pytest

from vsrlib.bench import protocol
from vsrlib.bench.protocol import FEWEST, STATISTICS, WARM_UPS, compare, order


class Machine:
    """A lazy device: a call costs `CALL` seconds and leaves the rest pending until somebody waits or reads."""

    CALL, OTHER = 0.25, 100.0

    def __init__(self, work: dict[str, float]) -> None:
        self.work = work
        self.now = self.pending = 0.0
        self.events: list[tuple[str, object]] = []

    def clock(self) -> float:
        self.events.append(("clock", self.now))
        return self.now

    def synchronise(self) -> None:
        self.events.append(("wait", self.pending))
        self._compute()

    def read(self, outcome: str) -> None:
        self.events.append(("read", outcome))
        self._compute()

    def prepare(self, turn: int) -> None:
        self.events.append(("prepare", turn))
        self.now += self.OTHER

    def call(self, name: str):
        def run(turn: int) -> str:
            self.events.append(("call", (name, turn)))
            self.now += self.CALL
            self.pending += self.work[name]
            return name

        return run

    def compare(self, **options) -> dict:
        calls = {name: self.call(name) for name in self.work}
        return compare(
            calls,
            self.synchronise,
            self.read,
            prepare=self.prepare,
            clock=self.clock,
            **{"repeats": 5, "seconds": 1e9} | options,
        )

    def _compute(self) -> None:
        self.now += self.pending
        self.pending = 0.0

    def rounds(self) -> list[list[str]]:
        """Who was called in each round, the warm-up's included."""
        found: list[list[str]] = []
        for kind, what in self.events:
            if kind == "prepare":
                found.append([])
            elif kind == "call":
                found[-1].append(what[0])
                assert what[1] == len(found) - 1, "every variant gets the number of the turn"
        return found


def test_every_round_holds_each_variant_once_and_the_lead_changes() -> None:
    machine = Machine({"a": 1, "b": 2, "c": 3})
    result = machine.compare(repeats=12)
    rounds = machine.rounds()[WARM_UPS:]
    assert len(rounds) == result["repeats"] == 12 and result["ended_by"] == "repeats"
    assert all(sorted(one) == ["a", "b", "c"] for one in rounds)
    for place in range(3):
        assert {name: sum(one[place] == name for one in rounds) for name in "abc"} == {"a": 4, "b": 4, "c": 4}
    assert any(one[::-1] in rounds for one in rounds), "nobody comes after the same neighbour always"


def test_two_variants_lead_in_turns() -> None:
    assert [order(["a", "b"], WARM_UPS + number)[0] for number in range(8)] == ["a", "b", "b", "a"] * 2


def test_the_clock_is_read_when_nothing_is_pending() -> None:
    machine = Machine({"a": 1, "b": 8})
    result = machine.compare()
    assert result["synchronised"] is True
    assert result["variants"]["a"]["seconds"] == [machine.CALL + 1] * 5
    assert result["variants"]["b"]["seconds"] == [machine.CALL + 8] * 5
    calls = [index for index, (kind, _) in enumerate(machine.events) if kind == "call"]
    assert len(calls) == 2 * (WARM_UPS + 5)
    for index in calls:
        around = machine.events[index - 2 : index + 5]
        assert [kind for kind, _ in around] == ["wait", "clock", "call", "wait", "clock", "read", "wait"]
        assert around[0][1] == 0 and around[3][1] > 0, "before the call nothing is left over, after it the work is done"


def test_unsynchronised_leaves_the_work_outside_every_timer() -> None:
    machine = Machine({"a": 1, "b": 8})
    result = machine.compare(synchronised=False)
    assert result["synchronised"] is False
    for name in "ab":
        assert result["variants"][name]["seconds"] == [machine.CALL] * 5
    for index, (kind, _) in enumerate(machine.events):
        if kind == "call":
            around = machine.events[index - 2 : index + 4]
            assert [one for one, _ in around] == ["wait", "clock", "call", "clock", "read", "wait"]
            assert around[0][1] == 0, "nothing of an earlier call is pending when a timer starts"


def test_the_warm_up_reads_results_and_is_reported_apart() -> None:
    machine = Machine({"a": 1, "b": 8})
    result = machine.compare()
    for name, work in machine.work.items():
        assert result["variants"][name]["warm_up_seconds"] == WARM_UPS * (machine.CALL + work)
        assert len(result["variants"][name]["seconds"]) == 5
    first = next(index for index, event in enumerate(machine.events) if event == ("prepare", WARM_UPS))
    assert [what for kind, what in machine.events[:first] if kind == "read"] == ["a", "b"] * WARM_UPS


@pytest.mark.parametrize(
    ("seconds", "rounds", "ended_by"),
    [(0, FEWEST, "seconds"), (1e9, 5, "repeats"), (3.5 * 109.5, 4, "seconds"), (1.5 * 109.5, 3, "seconds")],
)
def test_it_ends_with_the_repeats_or_with_the_budget_but_not_before_three(
    seconds: float, rounds: int, ended_by: str
) -> None:
    machine = Machine({"a": 1, "b": 8})  # a round takes 109.5 s: 100 of preparation, 9 of work, 2 calls
    result = machine.compare(seconds=seconds)
    assert (result["repeats"], result["ended_by"]) == (rounds, ended_by)
    assert len(machine.rounds()) == WARM_UPS + rounds


def test_the_ratio_is_paired_by_round() -> None:
    """A machine that gets ten times slower midway: the two medians mix fast and slow rounds, the pairs do not."""
    machine = Machine({"slow": 3.75, "fast": 0.75})  # 4 s and 1 s with the call
    speed = iter([1] * (WARM_UPS + 2) + [10] * 3)
    factor = [1]

    def prepare(turn: int) -> None:
        factor[0] = next(speed)
        machine.work = {"slow": 4 * factor[0] - machine.CALL, "fast": factor[0] - machine.CALL}

    machine.prepare = prepare
    result = machine.compare()
    assert result["baseline"] == "slow" and "ratio" not in result["variants"]["slow"]
    assert result["variants"]["slow"]["seconds"] == [4, 4, 40, 40, 40] and result["variants"]["slow"]["median"] == 40
    assert result["variants"]["fast"]["ratio"] == {"value": 4, "low": 4, "high": 4, "n": 5, "spread": "repeats"}


def test_the_rounds_of_one_process_have_a_spread_and_no_interval() -> None:
    machine = Machine({"a": 0, "b": 0})
    rng = np.random.default_rng(1)

    def prepare(turn: int) -> None:
        machine.work = {"a": float(rng.uniform(1, 5)), "b": 0.75}

    machine.prepare = prepare
    result = machine.compare(repeats=40)
    seconds = np.array(result["variants"]["a"]["seconds"])
    ratio = result["variants"]["b"]["ratio"]
    assert ratio["value"] == pytest.approx(np.median(seconds)) and ratio["n"] == 40
    assert (ratio["low"], ratio["high"], ratio["spread"]) == (seconds.min(), seconds.max(), "repeats")


def measured(slow: list[float], fast: list[float]) -> dict:
    """What one process found: seconds of the rounds of both variants."""
    times = {"slow": iter(slow), "fast": iter(fast)}
    machine = Machine({"slow": 0, "fast": 0})
    turns = iter([*[0] * WARM_UPS, *range(1, len(slow) + 1)])

    def prepare(turn: int) -> None:
        if next(turns):
            machine.work = {name: next(one) - machine.CALL for name, one in times.items()}

    machine.prepare = prepare
    return machine.compare(repeats=len(slow)) | {"checks": {"fast": {"same": len(slow)}}}


def test_several_processes_pool_their_medians() -> None:
    """Within a process all rounds agree, and the processes do not: the interval is of the latter."""
    found = [measured([ratio, ratio, ratio], [1, 1, 1]) for ratio in (2, 4, 3, 5, 2.5, 3.5, 4.5)]
    pooled = protocol.pooled(found)
    ratio = pooled["variants"]["fast"]["ratio"]
    assert pooled["processes"] == 7 and pooled["repeats"] == 3 and pooled["checks"] == {"fast": {"same": 3}}
    assert pooled["variants"]["slow"]["seconds"][:2] == [[2, 2, 2], [4, 4, 4]]
    assert pooled["variants"]["slow"]["median"] == 3.5 and "ratio" not in pooled["variants"]["slow"]
    assert (ratio["value"], ratio["n"], ratio["unit"]) == (3.5, 7, "process") and "spread" not in ratio
    assert 2 <= ratio["low"] < 3 and 4 < ratio["high"] <= 5


def test_fewer_than_six_processes_have_a_spread_of_their_rounds() -> None:
    found = [measured([4, 8, 4], [1, 1, 1]), *[measured([2, 2, 2], [1, 1, 1]) for _ in range(4)]]
    ratio = protocol.pooled(found)["variants"]["fast"]["ratio"]
    assert ratio == {"value": 2, "low": 2, "high": 8, "n": 15, "spread": "repeats"}
    more = [*found, measured([2, 2, 2], [1, 1, 1])]
    assert "spread" not in protocol.pooled(more)["variants"]["fast"]["ratio"]
    assert STATISTICS["fewest_processes"] == 6 and STATISTICS["level"] == 0.95


def test_a_clock_that_does_not_tick_gives_no_ratio() -> None:
    result = compare({"a": abs, "b": abs}, lambda: None, abs, repeats=3, seconds=1, clock=lambda: 7.0)
    assert result["variants"]["b"]["ratio"]["value"] is None
    assert all(one == two for one, two in pairwise(result["variants"]["b"]["seconds"]))
