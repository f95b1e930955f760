"""How callables are timed against each other. Knows no framework and, in tests, no real clock.

The variants take turns, because a machine's speed drifts: what is compared was measured within the same moments. Who
begins changes from round to round. A clock is read only when nothing is pending on either side of the call.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from vsrlib.common import numbers
from vsrlib.common.numbers import DRAWS, LEVEL, median_interval, paired_spread

FEWEST = 3
"""Rounds that are measured whatever the budget says; fewer have no median worth the name."""
FEWEST_PROCESSES = numbers.FEWEST
"""Processes from which a ratio has an interval: the rounds of one process share what differs between processes."""
WARM_UPS = 2  # the second turn of an engine that remembers frames is another computation than the first
_SEED = 0
STATISTICS = {
    "level": LEVEL,
    "draws": DRAWS,
    "seed": _SEED,
    "fewest_rounds": FEWEST,
    "fewest_processes": FEWEST_PROCESSES,
    "warm_up_rounds": WARM_UPS,
}

Call = Callable[[int], Any]


def compare(
    variants: Mapping[str, Call],
    synchronise: Callable[[], None],
    read: Callable[[Any], Any],
    *,
    repeats: int,
    seconds: float,
    synchronised: bool = True,
    prepare: Call = lambda turn: None,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Any]:
    """Time each variant `repeats` times, or for as many rounds as begin within `seconds` (never fewer than FEWEST).

    variants: by name, the baseline first; each is called with the number of the turn (0, 1, ..., the warm-up's
    included) and starts its work. `synchronise` waits for all work, `read` asks for a result, `prepare` gets the next
    turn's inputs ready. With `synchronised=False` the timer stops when the call returns, as the earlier report's did;
    what is then pending is computed outside every timer.

    Returns `baseline`, `synchronised`, `repeats`, `ended_by` ("repeats" or "seconds") and `variants`: by name
    `warm_up_seconds`, `seconds` (list), `median`, and, but for the baseline, `ratio`: baseline / variant, the median
    over the rounds with their spread (`numbers.paired_spread`).
    """
    names = list(variants)
    warm_up = dict.fromkeys(names, 0.0)
    taken: dict[str, list[float]] = {name: [] for name in names}
    for turn in turns(repeats, seconds, clock):
        prepare(turn)
        for name in order(names, turn):
            begin = clock()
            needed = _time(variants[name], turn, synchronise, read, synchronised, clock)
            if turn < WARM_UPS:
                warm_up[name] += clock() - begin
            else:
                taken[name].append(needed)
    count = len(taken[names[0]])
    return {
        "baseline": names[0],
        "synchronised": synchronised,
        "repeats": count,
        "ended_by": "repeats" if count >= repeats else "seconds",
        "variants": {
            name: {
                "warm_up_seconds": warm_up[name],
                **_summary(None if name == names[0] else taken[names[0]], taken[name]),
            }
            for name in names
        },
    }


def pooled(found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One comparison as several processes measured it (`compare`), each by itself.

    As of one process, but `repeats` is the smallest number of rounds and `seconds` a list for each process; `median`
    and `warm_up_seconds` are medians over the processes'. `ratio` is the median over the processes' with a bootstrap
    interval over them, from FEWEST_PROCESSES on; of fewer, the spread of all rounds. Whatever else was found is the
    first process's.
    """
    variants = {}
    for name, first in found[0]["variants"].items():
        all_of = [one["variants"][name] for one in found]
        variants[name] = {
            **{key: float(np.median([one[key] for one in all_of])) for key in ("warm_up_seconds", "median")},
            "seconds": [one["seconds"] for one in all_of],
            **({"ratio": _pooled_ratio(found, name)} if "ratio" in first else {}),
        }
    repeats = min(one["repeats"] for one in found)
    ended_by = "seconds" if any(one["ended_by"] == "seconds" for one in found) else "repeats"
    return found[0] | {"processes": len(found), "repeats": repeats, "ended_by": ended_by, "variants": variants}


def _pooled_ratio(found: Sequence[dict[str, Any]], name: str) -> dict[str, Any]:
    own = [one["variants"][name]["ratio"] for one in found]
    if any(one["value"] is None for one in own):
        return paired_spread([], [])
    if len(found) >= FEWEST_PROCESSES:
        return median_interval([one["value"] for one in own], np.random.default_rng(_SEED), "process")
    both = found[0]["baseline"], name
    return paired_spread(*(np.concatenate([one["variants"][variant]["seconds"] for one in found]) for variant in both))


def compare_on_arrays(variants: Mapping[str, Call], repeats: int, seconds: float) -> dict[str, Any]:
    """`compare` where there is nothing to wait for: arrays are computed when the call returns."""
    return compare(variants, lambda: None, lambda outcome: None, repeats=repeats, seconds=seconds)


def turns(repeats: int, seconds: float, clock: Callable[[], float] = time.perf_counter) -> Iterator[int]:
    """Numbers of the turns: WARM_UPS of warm-up, then `repeats` rounds, or as many as begin within `seconds`."""
    yield from range(WARM_UPS)
    begin, count = clock(), 0
    while count < max(repeats, FEWEST) and (count < FEWEST or clock() - begin < seconds):
        yield WARM_UPS + count
        count += 1


def order(names: list[str], turn: int) -> list[str]:
    """Who comes when in a turn: each begins equally often, and every other cycle runs backwards."""
    cycle, place = divmod(max(0, turn - WARM_UPS), len(names))
    turned = names[place:] + names[:place]
    return turned[::-1] if cycle % 2 else turned


def _time(
    call: Call,
    turn: int,
    synchronise: Callable[[], None],
    read: Callable[[Any], Any],
    synchronised: bool,
    clock: Callable[[], float],
) -> float:
    synchronise()
    begin = clock()
    outcome = call(turn)
    if synchronised:
        synchronise()
    seconds = clock() - begin
    read(outcome)  # a lazy framework computes nothing that is not read
    synchronise()  # what was started and not read, outside every timer
    return seconds


def _summary(baseline: list[float] | None, seconds: list[float]) -> dict[str, Any]:
    found = {"seconds": seconds, "median": float(np.median(seconds))}
    if baseline is None:
        return found
    if min(seconds) == 0:  # a clock that did not tick
        return found | {"ratio": paired_spread([], [])}
    return found | {"ratio": paired_spread(baseline, seconds)}
