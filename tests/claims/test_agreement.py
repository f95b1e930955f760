"""How far two runs' pictures and losses agree."""

from pathlib import Path

import numpy as np
import pytest

from vsrlib.claims import agreement
from vsrlib.common.errors import UserError
from vsrlib.data.frames import write_frame


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
