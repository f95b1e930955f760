"""Intervals and tests by unit, against scipy, by simulation, by hand, and by their properties."""

import itertools

import numpy as np
import pytest
import scipy
from hypothesis import given, settings
from hypothesis import strategies as st

from vsrlib.common import numbers
from vsrlib.common.numbers import (
    by_group,
    holm,
    interval,
    mean_interval,
    median_interval,
    paired_spread,
    ratio_spread,
    sign_flip,
    spread,
    units,
)

BOTH = pytest.mark.parametrize("interval_of", [mean_interval, median_interval])


def expanded(n: int) -> float:
    """The level at which a percentile interval of n values has Student's width (Hesterberg, 2015, section 4.3)."""
    quantile = scipy.stats.t.ppf(0.025, n - 1) * np.sqrt(n / (n - 1))
    return 1 - 2 * scipy.stats.norm.cdf(quantile)


@pytest.mark.parametrize("n", [6, 7, 30])
def test_the_bounds_are_expanded_as_hesterberg_does(n: int) -> None:
    """So that of equally spread statistics the low end is the tail itself."""
    tail = scipy.stats.norm.cdf(scipy.stats.t.ppf(0.025, n - 1) * (n / (n - 1)) ** 0.5)
    found = numbers._bounds(np.linspace(0, 1, 100001), n)
    assert (found["low"], found["high"]) == (pytest.approx(tail, abs=1e-6), pytest.approx(1 - tail, abs=1e-6))


@pytest.mark.parametrize(("interval_of", "statistic"), [(mean_interval, np.mean), (median_interval, np.median)])
@pytest.mark.parametrize("n", [12, 40])
def test_intervals_against_scipy(interval_of, statistic, n: int) -> None:
    values = np.random.default_rng(0).lognormal(1, 0.6, size=n)
    found = interval_of(values, np.random.default_rng(1), "scene", draws=60000)
    expected = scipy.stats.bootstrap(
        (values,),
        statistic,
        n_resamples=60000,
        method="percentile",
        confidence_level=expanded(n),
        rng=np.random.default_rng(2),
    )
    assert found["value"] == pytest.approx(statistic(values)) and found["n"] == n
    assert found["low"] == pytest.approx(expected.confidence_interval.low, rel=0.008)
    assert found["high"] == pytest.approx(expected.confidence_interval.high, rel=0.008)


@BOTH
def test_what_is_called_95_percent_holds_the_truth_that_often(interval_of) -> None:
    """Of six values, the fewest that have an interval: it holds the true 0 at least nine times in ten."""
    rng = np.random.default_rng(3)
    found = [interval_of(rng.standard_normal(6), rng, "scene", draws=400) for _ in range(600)]
    held = np.mean([one["low"] <= 0 <= one["high"] for one in found])
    assert 0.9 <= held < 1


@BOTH
@pytest.mark.parametrize("n", range(6))
def test_fewer_than_six_units_have_no_interval(interval_of, n: int) -> None:
    found = interval_of(np.arange(n), np.random.default_rng(0), "scene")
    middle = None if n == 0 else (n - 1) / 2
    assert found == {"value": middle, "low": None, "high": None, "n": n, "unit": "scene"}
    # Many clips of few scenes are few units.
    several = interval_of(
        np.repeat(np.arange(n), 4), np.random.default_rng(0), "scene", list("aaaabbbbccccddddeeee"[: 4 * n])
    )
    assert several == found


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-100, 100), min_size=6, max_size=20), st.floats(-50, 50))
def test_an_interval_moves_with_its_values(values: list[float], shift: float) -> None:
    first = mean_interval(np.array(values), np.random.default_rng(0), "scene", draws=200)
    moved = mean_interval(np.array(values) + shift, np.random.default_rng(0), "scene", draws=200)
    for key in ("value", "low", "high"):
        assert moved[key] == pytest.approx(first[key] + shift, abs=1e-9)
    assert min(values) - 1e-9 <= first["low"] <= first["high"] <= max(values) + 1e-9


# Units of several values


def scenes(
    rng: np.random.Generator, count: int, most: int, between: float, within: float
) -> tuple[np.ndarray, list[str]]:
    """Clips of `count` scenes, 1 to `most` each: effects with mean 0, and the scene of each, shuffled."""
    own = rng.normal(0, between, count)
    clips = rng.permutation(np.repeat(np.arange(count), rng.integers(1, most + 1, count)))
    return own[clips] + rng.normal(0, within, len(clips)), [f"scene {name}" for name in clips]


def test_scenes_of_several_clips_as_by_a_loop() -> None:
    """A bootstrap written out: draw scenes, then clips of each, and take the mean of the scenes' means."""
    rng = np.random.default_rng(4)
    values, names = scenes(rng, 9, 5, 1.0, 2.0)
    own = [values[np.array(names) == name] for name in dict.fromkeys(names)]
    drawn = []
    for _ in range(6000):
        chosen = rng.choice(len(own), len(own))
        drawn.append(np.mean([rng.choice(own[index], len(own[index])).mean() for index in chosen]))
    tail = (1 - expanded(9)) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    found = mean_interval(values, rng, "scene", names, draws=20000)
    assert found["value"] == pytest.approx(np.mean([one.mean() for one in own])) and found["n"] == 9
    assert (found["low"], found["high"]) == (pytest.approx(low, abs=0.15), pytest.approx(high, abs=0.15))


@pytest.mark.parametrize(("between", "within"), [(1.0, 0.3), (0.3, 1.0)])
def test_an_interval_by_scene_holds_the_truth_that_often(between: float, within: float) -> None:
    """Clips of one scene that are alike make no interval narrower; one over the clips would be wrong."""
    rng = np.random.default_rng(5)
    held, over_clips = [], []
    for _ in range(300):
        values, names = scenes(rng, 10, 8, between, within)
        by_scene, by_clip = (mean_interval(values, rng, "scene", groups, draws=300) for groups in (names, None))
        held.append(by_scene["low"] <= 0 <= by_scene["high"])
        over_clips.append(by_clip["low"] <= 0 <= by_clip["high"])
    assert np.mean(held) >= 0.92
    assert between < within or np.mean(over_clips) < 0.85


@BOTH
def test_scenes_of_one_clip_are_the_clips(interval_of) -> None:
    values = np.random.default_rng(6).normal(size=8)
    groups = [str(index) for index in range(8)]
    assert interval_of(values, np.random.default_rng(7), "scene", groups) == interval_of(
        values, np.random.default_rng(7), "scene"
    )


def test_a_scene_counts_once_however_many_clips_it_has() -> None:
    values, names = [1.0] * 50 + [0.0] * 7, ["long"] * 50 + list("abcdefg")
    assert mean_interval(values, np.random.default_rng(0), "scene", names)["value"] == 1 / 8
    assert median_interval(values, np.random.default_rng(0), "scene", names)["value"] == 0
    assert by_group([1, 2, 6, 4], ["b", "a", "a", "b"]) == {"b": 2.5, "a": 4.0}
    with pytest.raises(ValueError, match="3 values have 2 groups"):
        mean_interval([1, 2, 3], np.random.default_rng(0), "scene", ["a", "b"])


# Tests


@pytest.mark.parametrize("n", [1, 2, 5, 8, 11])
@pytest.mark.parametrize("mean", [0.0, 0.7])
def test_the_sign_flip_against_scipy(n: int, mean: float) -> None:
    values = np.random.default_rng(n).normal(mean, 1, n)
    expected = scipy.stats.permutation_test(
        (values,), lambda x, axis: np.mean(x, axis), permutation_type="samples", n_resamples=np.inf, vectorized=True
    ) if n > 1 else None  # fmt: skip
    assert sign_flip(values, np.random.default_rng(0)) == pytest.approx(expected.pvalue if expected else 1)


def test_the_sign_flip_by_hand() -> None:
    rng = np.random.default_rng(0)
    assert sign_flip([1, 2, 3], rng) == 2 / 8  # only +++ and ---
    assert sign_flip([1, 2, -3], rng) == 1  # a sum of zero
    assert sign_flip([0.1, 0.2, 0.3], rng) == sign_flip([0.3, 0.1, 0.2], rng) == 2 / 8
    assert sign_flip([0.1, 0.2, 0.3, -0.3], rng) == sign_flip([1, 2, 3, -3], rng)  # sums that only rounding tells apart
    assert sign_flip([], rng) == 1 and sign_flip([0, 0], rng) == 1


def test_the_sign_flip_of_many_units_is_drawn_and_near_the_exact_one(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(1).normal(0.2, 1, 14)
    exact = sign_flip(values, np.random.default_rng(0))
    assert 0.01 < exact < 0.5
    monkeypatch.setattr(numbers, "_EXACT", 13)
    drawn = sign_flip(values, np.random.default_rng(0))
    assert drawn != exact and abs(drawn - exact) < 4 * np.sqrt(exact / 20000)


def test_the_sign_flip_is_exact_up_to_sixteen_units_and_never_zero_beyond() -> None:
    far = np.full(17, 3.0)
    assert sign_flip(far[:16], np.random.default_rng(0)) == 2 / 2**16
    counted = 20001 * sign_flip(far, np.random.default_rng(0))  # of 20,000 patterns, and the one that was found
    assert counted == pytest.approx(round(counted)) and 1 <= counted < 5
    assert sign_flip(np.full(40, 3.0), np.random.default_rng(0)) == 1 / 20001


def test_the_sign_flip_finds_nothing_that_often_where_there_is_nothing() -> None:
    rng = np.random.default_rng(2)
    found = np.array([sign_flip(rng.standard_normal(8), rng) for _ in range(1500)])
    assert abs(np.mean(found <= 0.05) - 0.05) < 0.02 and abs(np.mean(found <= 0.5) - 0.5) < 0.05


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.2, 0.9, 0.5]) == pytest.approx([0.6, 1, 1])
    assert holm([0.6, 0.9]) == [1, 1]
    assert holm([]) == [] and holm([0.3]) == [0.3]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=7), st.sampled_from([0.01, 0.05, 0.2]))
def test_holm_rejects_what_the_step_down_does(p_values: list[float], level: float) -> None:
    """Holm's own procedure: from the smallest up, until one exceeds level / (number not yet rejected)."""
    rejected = set()
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        if p_values[index] > level / (len(p_values) - rank):
            break
        rejected.add(index)
    corrected = holm(p_values)
    for index, value in enumerate(corrected):
        assert p_values[index] <= value <= min(1, len(p_values) * p_values[index]) + 1e-12
        assert abs(value - level) < 1e-12 or (value < level) == (index in rejected)
    assert all(
        corrected[a] <= corrected[b]
        for a, b in itertools.permutations(range(len(p_values)), 2)
        if p_values[a] < p_values[b]
    )


# What one process took, and words


def test_spreads_are_named_as_such() -> None:
    assert spread([3, 1, 2]) == {"value": 2, "low": 1, "high": 3, "n": 3, "spread": "repeats"}
    assert spread([]) == {"value": None, "low": None, "high": None, "n": 0, "spread": "repeats"}
    assert paired_spread([4, 9, 8], [2, 3, 1]) == {"value": 3, "low": 2, "high": 8, "n": 3, "spread": "repeats"}
    ratio = ratio_spread([6, 8, 10], [2, 4])
    assert ratio == {"value": 8 / 3, "low": 1.5, "high": 5, "n": [3, 2], "spread": "repeats"}
    assert interval(ratio) == "2.67 (1.50 to 5.00)" and interval(spread([])) == "-"
    assert ratio_spread([1], [0])["value"] is None is ratio_spread([], [1])["value"]
    assert ratio_spread([1, 1, 1], [0, 1, 1]) == {
        "value": 1,
        "low": None,
        "high": None,
        "n": [3, 3],
        "spread": "repeats",
    }


@pytest.mark.parametrize(
    ("n", "unit", "text"),
    [
        (8, "scene", "8 scenes"),
        (1, "process", "1 process"),
        (6, "process", "6 processes"),
        (0, "network", "0 networks"),
    ],
)
def test_units_in_words(n: int, unit: str, text: str) -> None:
    assert units(mean_interval(np.zeros(n), np.random.default_rng(0), unit)) == text
