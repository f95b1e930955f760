"""The rules at their very lines, where a verdict turns, and the small parts that verdicts are said with."""

from pathlib import Path

import numpy as np
import pytest
from test_claims import FORWARD, FORWARD_THEN, GPU, POST, POST_THEN, PSNR, SLOW_THEN, SSIM, TOTAL, altered, interval
from test_claims import compared as compared  # a fixture

from vsrlib.claims import agreement, judge, rules, verdict
from vsrlib.claims.ten_claims import TOTAL_SECONDS
from vsrlib.claims.verdict import Finding
from vsrlib.common.errors import UserError
from vsrlib.common.files import read_json
from vsrlib.data.frames import write_frame

TENTH = (0.1 * 1.195, 0.1 * 0.043)
# The ratio at which Jittor saves exactly what was claimed.
SAVING = 1 - TOTAL_SECONDS["jittor"] / TOTAL_SECONDS["torch"]
SPEED = next(speed for speed in 1 / (1 - SAVING) + np.arange(-20, 20) * 2.0**-52 if 1 - 1 / speed == SAVING)


@pytest.mark.parametrize(
    ("name", "changes", "expected"),
    [
        # "wholly below" a line is not up to it, and what reaches it is
        ("C1", [(PSNR, interval(-1, -1.1, TENTH[0])), (SSIM, interval(-0.1, -0.2, TENTH[1]))], "unsupported"),
        ("C2", [*GPU, SLOW_THEN, (FORWARD, interval(5.0, 3.2, 6.6))], "unsupported"),
        ("C2", [*GPU, (FORWARD_THEN, interval(11, 7, 14)), (FORWARD, interval(6.0, 5.0, 6.6))], "confirmed"),
        ("C3", [*GPU, (TOTAL, interval(1.04, 1.03, float(SPEED)))], "confirmed"),
        ("C4", [(POST, interval(0.95, 0.9, 0.97))], "unsupported"),
        ("C4", [(POST, interval(0.95, 0.905, 0.97))], "confirmed"),
        ("C4", [(POST, interval(0.5, 0.4, 0.9))], "unsupported"),
        ("C4", [(POST, interval(0.5, 0.4, 0.6)), (POST_THEN, interval(0.95, 0.9, 0.97))], "refuted"),
    ],
)
def test_at_the_line(compared: Path, name: str, changes: list, expected: str) -> None:
    assert judge.judge_comparison(altered(compared, *changes))[name].verdict == expected


def test_figures_are_the_measured_ones(compared: Path) -> None:
    found = altered(compared, (POST, interval(0.4, 0.3, 0.5)))
    for training in found["training"].values():
        training["torch"]["peak_memory_mib"], training["jittor"]["peak_memory_mib"] = 800.0, 1000.0
        if "skipped" not in training["agreement"]:
            training["agreement"]["smoothed"]["largest"] = 0.01
    findings = judge.judge_comparison(found)
    assert findings["C4"].figure == pytest.approx(40) and findings["C4"].interval == pytest.approx([30, 50])
    assert findings["C5"].figure == 1.25
    assert findings["C9"].verdict == "refuted"  # 1 % is agreement


@pytest.mark.parametrize("mib, expected", [(71, "confirmed"), (73, "confirmed"), (73.5, "refuted"), (70.9, "refuted")])
def test_size(mib: float, expected: str) -> None:
    assert rules.size_verdict([72.0, mib]) == (expected, mib)


def test_nothing_follows_from_what_is_open() -> None:
    open_ones = {name: Finding("unsupported", "") for name in ("C1", "C2", "C5")}
    assert rules.recommendation(open_ones).verdict == "unsupported"
    assert rules.recommendation(open_ones | {"C2": Finding("artefact", "")}).verdict == "refuted"


def test_how_intervals_are_read() -> None:
    assert verdict.reaches(interval(0.8, 0.6, 1.0), 1.0)
    assert not verdict.reaches(interval(0.8, 0.5, 1.0), 1.0) and not verdict.reaches(interval(0.8, 0.6, 0.9), 1.0)
    limit = verdict.NEGLIGIBLE * verdict.GAIN["psnr"]
    assert verdict.negligible(interval(0, -limit / 2, limit / 2))
    assert not verdict.negligible(interval(0, -limit, limit / 2))
    assert not verdict.negligible(interval(0, -limit / 2, limit))
    assert verdict.numbers(interval(1e-4, 0, 1e-4), "dB") == "+0.0001 [+0.0000, +0.0001]"
    assert verdict.numbers(interval(9e-5, 0, 9e-5), "dB") == "less than 0.0001"


def spread(value: float, n: int | list[int]) -> dict:
    """Of times that hardly differ."""
    return {"value": value, "low": value, "high": value, "n": n, "spread": "repeats"}


@pytest.mark.parametrize(("repeats", "expected"), [(1, "unsupported"), (5, "unsupported"), (6, "confirmed")])
def test_few_repeats_tell_nothing_apart(compared: Path, repeats: int, expected: str) -> None:
    """The ends of one repeat's spread are the value itself, which would be the narrowest interval of all."""
    both = [repeats, 12]
    changes = [*GPU, (FORWARD, spread(7, both)), (FORWARD_THEN, spread(7, both)), (TOTAL, spread(1.1, both))]
    found = judge.judge_comparison(altered(compared, *changes, (POST, spread(0.95, repeats))))
    assert {found[name].verdict for name in ("C2", "C3", "C4")} == {expected}
    assert {found[name].spread for name in ("C2", "C3", "C4")} == {"repeats"}  # so that none is called an interval


def test_a_table_of_one_claim(compared: Path, tmp_path: Path) -> None:
    found = judge.judge(compared, tmp_path)
    one = {**found, "claims": found["claims"][:1], "by_use": []}
    text = verdict.table(one)
    assert text.count("| C1 |") == 1 and f"Measured with {one['claims'][0]['profile']}." in text
    assert "because" not in text.split("Measured")[1]
    advised = verdict.table({**one, "by_use": [{"use": "speed", "choose": "PyTorch", "because": "it is faster"}]})
    assert "| speed | PyTorch | it is faster |" in advised.split("Measured")[1]


def test_the_gain_over_bicubic_is_from_the_least_to_the_most(compared: Path) -> None:
    found = read_json(compared)
    values = iter([1.0, None, 2.5, 3.25])
    for blur in found["blurs"].values():
        for gain in blur["quality"]["filmed"]["gain_over_bicubic"].values():
            gain["psnr"] = {**gain["psnr"], "value": next(values)}
    assert verdict.profile_of(found).endswith("; its PSNR minus bicubic's: +1.00 to +3.25 dB")
    for blur in found["blurs"].values():
        blur["quality"]["filmed"]["gain_over_bicubic"] = {}
    assert "bicubic" not in verdict.profile_of(found)


def test_pictures_are_counted_and_those_of_another_size_named(tmp_path: Path) -> None:
    paths = [tmp_path / f"{index}.png" for index in range(3)]
    for path, shape, level in zip(paths, ((8, 12), (8, 12), (12, 8)), (0, 10, 0)):
        write_frame(path, np.full((*shape, 3), level, np.uint8))
    found = agreement.compare_images([(paths[0], paths[1]), (paths[1], paths[1])])
    assert (found["frames"], found["largest"], found["share"], found["identical"]) == (2, 10, 0.5, False)
    assert found["psnr"] == pytest.approx(10 * np.log10(255**2 / 50))
    with pytest.raises(UserError, match=r"0.png is 12 x 8 and .*2.png is 8 x 12"):
        agreement.compare_images([(paths[0], paths[2])])
    with pytest.raises(ValueError, match="no pair"):
        agreement.compare_images([])


def test_losses_are_compared_over_the_steps_that_both_have() -> None:
    found = agreement.compare_losses({1: 1.0, 2: 2.0, 3: 4.0}, {2: 2.2, 3: 4.0, 4: 9.0})
    assert found["steps"] == 2 and found["per_step"] == pytest.approx({"largest": 0.1, "mean": 0.05})
    assert [agreement.smoothing_window(steps) for steps in (1, 19, 20, 100)] == [1, 1, 2, 10]
