"""The schedule against the paper's figures."""

import pytest

from vsrlib.training.options import Schedule, epoch_length, in_epochs


@pytest.mark.parametrize(
    "windows, batch_size, test_every, expected",
    [
        (240 * 46, 8, 1000, (1, 1380)),  # 240 clips of at least 50 frames
        (266 * 46, 8, 1000, (1, 1530)),
        (8 * 16, 4, 100, (3, 96)),  # 8 clips, 20 frames each
        (3, 8, 10, (10, 4)),  # fewer windows than a batch: 30 samples, the last batch short
    ],
)
def test_epochs_are_as_long_as_the_papers(
    windows: int, batch_size: int, test_every: int, expected: tuple[int, int]
) -> None:
    assert epoch_length(windows, batch_size, test_every) == expected


def test_rates_of_500_epochs() -> None:
    schedule = in_epochs(240 * 46, 8, 500, 1000, 100)
    assert (schedule.steps, schedule.validate_every) == (500 * 1380, 1380)
    for epoch in (1, 100, 101, 200, 201, 500):
        first, last = (epoch - 1) * 1380 + 1, epoch * 1380
        assert schedule.factor(first) == schedule.factor(last) == 0.5 ** ((epoch - 1) // 100)


def test_rates_of_steps() -> None:
    assert [Schedule(6, 2, 0).factor(step) for step in range(1, 7)] == [1, 1, 0.5, 0.5, 0.25, 0.25]
    assert Schedule(6, 0, 0).factor(6) == 1
