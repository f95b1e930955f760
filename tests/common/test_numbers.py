"""How numbers and tables are shown."""

import math

import pytest

from vsrlib.common.numbers import FEWEST, fixed, interval, intervals_of, markdown, number, percent, plain, significant


def test_a_table_whose_cells_do_no_harm() -> None:
    assert markdown(["a", "b"], [["1|2", "x\ny"], ["3", "4"]]) == "| a | b |\n| --- | --- |\n| 1\\|2 | x y |\n| 3 | 4 |"


def test_a_name_is_shown_and_does_nothing() -> None:
    assert plain('[a](b) `c` *d* $e$ <b> "f"') == '\\[a\\](b) \\`c\\` \\*d\\* \\$e\\$ &lt;b&gt; "f"'


def test_shares_in_per_cent() -> None:
    assert (percent(0.125, 1), percent(1, 0), percent(0.0, 2), percent(1e-6, 2)) == ("12.5%", "100%", "0%", "1e-4%")


def test_a_sign_is_shown_where_it_is_asked_for() -> None:
    assert (fixed(1.25, 1), fixed(1.25, 1, signed=True), fixed(-1.25, 1), fixed(0, 1, signed=True)) == (
        "1.2", "+1.2", "-1.2", "0"
    )  # fmt: skip


def test_fixed_digits() -> None:
    assert (number(None, 2), number(1.005, 1), number(2, 3)) == ("-", "1.0", "2.000")


@pytest.mark.parametrize(
    "value, digits, text",
    [
        (1.0, 3, "1.00"),
        (9.995, 3, "9.99"),
        (123.4, 1, "100"),
        (0.1, 3, "0.100"),
        (-math.inf, 3, "-inf"),
        (1e-7, 3, "0.000000"),
        (0.92314, 3, "0.923"),
        (-7.9731, 3, "-7.97"),
        (93.4567, 3, "93.5"),
        (1234.5, 3, "1230"),
        (99.96, 3, "100.0"),
        (0.0, 3, "0"),
        (-0.0, 3, "0"),
        (2.576e-3, 3, "0.00258"),
        (-1e-9, 3, "0.000000"),
    ],
)
def test_significant_digits(value: float, digits: int, text: str) -> None:
    assert significant(value, digits) == text
    assert digits != 3 or significant(value) == text


def test_a_page_speaks_of_intervals_where_there_are_some() -> None:
    assert intervals_of(FEWEST, "process") == "Intervals: 95 %, over the processes."
    assert intervals_of(FEWEST - 1, "scene") == "There is no interval of fewer than 6 scenes."


def test_values_with_their_ends() -> None:
    found = {"value": 0.12345, "low": -0.00001, "high": 0.5}
    assert interval(found) == "0.123 [-0.000010, 0.500]"
    assert interval(found, 2) == "0.12 [-1e-5, 0.50]" and interval(found, 2, signed=True) == "+0.12 [-1e-5, +0.50]"
    assert interval({**found, "low": 0.0, "high": 3e-4}, 2, signed=True) == "+0.12 [0, +3e-4]"
    assert interval({"value": 3.0, "low": None, "high": None}, 1) == "3.0"
    assert interval({"value": None, "low": None, "high": None}) == "-"
