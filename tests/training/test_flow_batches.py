"""The pictures that flow pairs are cut from, how large the pairs are, and which batch is whose."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from vsrlib.data.frames import write_frame
from vsrlib.data.synthetic.pictures import PHOTOGRAPHS, dead_leaves
from vsrlib.training.flow import batches as module
from vsrlib.training.flow.batches import batches, draw_batch, embedded_textures, folder_textures
from vsrlib.training.flow.options import FlowOptions
from vsrlib.training.flow.scenes import Sample


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The sizes that samples were asked for; what is drawn is nothing but a number from the generator."""
    sizes: list[tuple[int, int]] = []

    def drawn(rng: np.random.Generator, textures: list, size: tuple[int, int], *_: Any, **__: Any) -> list[Sample]:
        sizes.append(size)
        frame = np.full((3, *size), rng.random(), np.float32)
        return [Sample(frame, frame, np.ones((2, *size), np.float32), np.ones(size, bool))] * 2

    monkeypatch.setattr(module, "draw_samples", drawn)
    return sizes


@pytest.mark.parametrize(("side", "least"), [(64, 32), (128, 65), (192, 129)])
def test_half_of_the_batches_are_smaller_and_none_so_small_that_it_would_be_stretched_to_less(
    asked: list[tuple[int, int]], side: int, least: int
) -> None:
    options, expected = FlowOptions(batch_size=1, patch_size=side), []
    for seed in range(300):
        draw_batch(np.random.default_rng(seed), [], options)
        rng = np.random.default_rng(seed)
        smaller = rng.random() < 0.5
        expected.append(tuple(rng.integers(least, side + 1, 2).tolist()) if smaller else (side, side))
    assert asked == expected
    sides = {length for size in asked for length in size}
    assert (min(sides), max(sides)) == (least, side) and 100 < asked.count((side, side)) < 200


def test_no_more_is_drawn_than_a_batch_needs(asked: list[tuple[int, int]]) -> None:
    for size, calls in ((1, 1), (2, 1), (3, 2), (4, 2)):
        asked.clear()
        batch = draw_batch(np.random.default_rng(0), [], FlowOptions(batch_size=size))
        assert len(asked) == calls and {len(value) for value in batch.values()} == {size}


def test_a_step_s_batch_depends_on_seed_stage_and_step_alone(asked: list[tuple[int, int]]) -> None:
    options = FlowOptions(batch_size=1, seed=7)
    drawn = [draw_batch(np.random.default_rng([7, 2, step]), [], options)["first"] for step in range(1, 5)]
    for done, steps in (({}, (1, 2, 3, 4)), ({"done": 0}, (1, 2, 3, 4)), ({"done": 2}, (3, 4)), ({"done": 4}, ())):
        found = [batch["first"] for batch in batches([], options, 2, 4, 0, **done)]
        assert len(found) == len(steps)
        for ours, step in zip(found, steps):
            np.testing.assert_array_equal(ours, drawn[step - 1])


def test_large_pictures_are_there_at_half_their_size_too(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name, size in (("a", (256, 300)), ("b", (255, 300)), ("c", (300, 256))):
        write_frame(tmp_path / f"{name}.png", rng.integers(0, 256, (*size, 3), dtype=np.uint8))
    found = folder_textures(tmp_path)
    assert [one.shape[:2] for one in found] == [(256, 300), (255, 300), (300, 256), (128, 150), (150, 128)]
    blocks = found[0].reshape(128, 2, 150, 2, 3).astype(float).mean((1, 3))
    assert np.abs(found[3] - blocks).max() <= 0.5


def test_leaves_join_the_photographs() -> None:
    plain, more = embedded_textures("validation", leaves=0), embedded_textures("validation", leaves=2)
    first = len(PHOTOGRAPHS["validation"])
    for index, ours in enumerate(more[first : first + 2]):
        np.testing.assert_array_equal(ours, dead_leaves(np.random.default_rng([index, 3])))
    assert len(more) == len(plain) + 2 * (1 + (min(more[first].shape[:2]) >= 256))


def test_of_many_pictures_a_hundred_are_taken(tmp_path: Path) -> None:
    for index in range(103):
        cv2.imwrite(str(tmp_path / f"{index:03d}.png"), np.full((64, 64, 3), index, np.uint8))
    assert len(folder_textures(tmp_path)) == 100 and len(folder_textures(tmp_path, most=103)) == 103
