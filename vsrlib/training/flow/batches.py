"""Batches of training pairs, with the flow as the flow network sees it, and the pictures that they are cut from."""

from collections.abc import Generator
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from vsrlib.common.errors import UserError
from vsrlib.data.clips import FrameReader, list_clips
from vsrlib.data.frames import shown_size
from vsrlib.data.sets.manifest import require_trainable
from vsrlib.data.synthetic.pictures import PHOTOGRAPHS, dead_leaves, load_photograph
from vsrlib.networks.architecture import FLOW_STRIDE
from vsrlib.training.flow.options import FlowOptions
from vsrlib.training.flow.scenes import Sample, draw_samples
from vsrlib.training.prefetch import ahead

FlowBatch = dict[str, np.ndarray]

_SMALLEST = 64  # pixels a side
_HALVED = 256  # from this shorter side on, a picture at half its size is a picture too


def batches(
    textures: list[np.ndarray], options: FlowOptions, stage: int, steps: int, workers: int, done: int = 0
) -> Generator[FlowBatch, None, None]:
    """The batches of a stage's steps after the first `done`, each drawn from (seed, stage, step) alone.

    workers: processes that draw ahead, which changes none; 0: this one draws each when it is asked for. See
    `prefetch.ahead`.
    """
    seeds = [(options.seed, stage, step) for step in range(done + 1, steps + 1)]
    return ahead(partial(_draw, textures, options), seeds, workers)


def draw_batch(rng: np.random.Generator, textures: list[np.ndarray], options: FlowOptions) -> FlowBatch:
    """Training pairs, stacked: first, second (B, 3, h, w), and what is true of them once the flow network has resized
    them to its patch: flow (B, 2, p, p), in pixels there, and visible (B, p, p). Every scene is there both ways.

    Every second batch, on average, is smaller than the patch, because frames whose sides are no multiples of 64 are
    stretched on their way into the network.
    """
    side = options.patch_size
    least = max(side // 2, side - FLOW_STRIDE + 1)  # anything smaller would be stretched to less than the patch
    size = tuple(rng.integers(least, side + 1, 2).tolist()) if rng.random() < 0.5 else (side, side)
    samples: list[Sample] = []
    while len(samples) < options.batch_size:
        samples += draw_samples(rng, textures, size, options.max_shift, bars=options.bars, noise=options.noise)
    del samples[options.batch_size :]
    stretch = np.array([side / size[1], side / size[0]], np.float32)[:, None, None]
    return {
        "first": np.stack([sample.first for sample in samples]),
        "second": np.stack([sample.second for sample in samples]),
        "flow": np.stack([np.stack([_stretched(part, side) for part in s.flow]) * stretch for s in samples]),
        "visible": np.stack([_stretched(s.visible.astype(np.float32), side) > 0.999 for s in samples]),
    }


def embedded_textures(
    split: str, leave_out: tuple[str, ...] = (), leaves: int = FlowOptions.leaves
) -> list[np.ndarray]:
    """The photographs of a split ("train", "validation" or "test") but for those named, (H, W, 3) uint8 RGB each.

    `leaves`: so many pictures of dead leaves join them; they have what most of the photographs lack, colours and
    large areas with nothing to match. Large ones are there a second time at half their size: sharper, and with more to
    see in a patch.
    """
    photographs = [load_photograph(name) for name in PHOTOGRAPHS[split] if name not in leave_out]
    return _with_halves(photographs + [dead_leaves(np.random.default_rng([index, 3])) for index in range(leaves)])


def folder_textures(root: Path, most: int = 100) -> list[np.ndarray]:
    """At most `most` frames of a folder of pictures, a folder of clips or a video, evenly spread over all of them.

    Sizes may differ. As `embedded_textures`; UserError for what cannot be read and for pictures below 64 pixels.
    """
    sources = list_clips(root, sequence=False)
    require_trainable(root, [source.name for source in sources])
    total = sum(len(source) for source in sources)
    wanted = set(np.linspace(0, total - 1, min(most, total)).round().astype(int).tolist())
    pictures, start = [], 0
    for source in sources:
        chosen = [index for index in range(len(source)) if start + index in wanted]
        start += len(source)
        reader = FrameReader(source)
        pictures += [reader[index] for index in chosen]
    for picture in pictures:
        if min(picture.shape[:2]) < _SMALLEST:
            raise UserError(
                f"{root} holds a picture of {shown_size(picture)} pixels, and at least "
                f"{_SMALLEST} a side are needed: leave it out."
            )
    return _with_halves(pictures)


def _draw(textures: list[np.ndarray], options: FlowOptions, seed: tuple[int, ...]) -> FlowBatch:
    return draw_batch(np.random.default_rng(seed), textures, options)


def _stretched(plane: np.ndarray, side: int) -> np.ndarray:
    # Bilinear with pixel centres at half integers, as the network resizes frames.
    return cv2.resize(plane, (side, side), interpolation=cv2.INTER_LINEAR)


def _with_halves(pictures: list[np.ndarray]) -> list[np.ndarray]:
    halves = [
        cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        for picture in pictures
        if min(picture.shape[:2]) >= _HALVED
    ]
    return pictures + halves
