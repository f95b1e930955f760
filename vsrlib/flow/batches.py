"""Batches of training pairs, with the flow as the flow network sees it."""

import multiprocessing
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

import cv2
import numpy as np

from vsrlib.architecture import FLOW_STRIDE
from vsrlib.flow.scenes import Sample, draw_samples
from vsrlib.flow.settings import FlowSettings

Batch = dict[str, np.ndarray]


def batches(
    textures: list[np.ndarray], settings: FlowSettings, stage: int, steps: int, workers: int = 0
) -> Iterator[Batch]:
    """The batches of a stage's steps, each drawn from (seed, stage, step) alone, so that `workers` changes none.

    workers: processes that draw ahead; 0: this one draws each when it is asked for.
    """
    seeds = [(settings.seed, stage, step) for step in range(1, steps + 1)]
    if not workers:
        for seed in seeds:
            yield draw_batch(np.random.default_rng(seed), textures, settings)
        return
    # Started anew rather than forked: a fork of a process whose libraries have threads may hang.
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _begin, (textures, settings)) as pool:
        waiting = deque(pool.submit(_draw, seed) for seed in seeds[: 2 * workers])
        for index in range(steps):
            yield waiting.popleft().result()
            if index + 2 * workers < steps:
                waiting.append(pool.submit(_draw, seeds[index + 2 * workers]))


def draw_batch(rng: np.random.Generator, textures: list[np.ndarray], settings: FlowSettings) -> Batch:
    """Training pairs, stacked: first, second (B, 3, h, w), and what is true of them once the flow network has resized
    them to its patch: flow (B, 2, p, p), in pixels there, and visible (B, p, p). Every scene is there both ways.

    Every second batch, on average, is smaller than the patch, because frames whose sides are no multiples of 64 are
    stretched on their way into the network.
    """
    side = settings.patch_size
    least = max(side // 2, side - FLOW_STRIDE + 1)  # anything smaller would be stretched to less than the patch
    size = tuple(rng.integers(least, side + 1, 2).tolist()) if rng.random() < 0.5 else (side, side)
    samples: list[Sample] = []
    while len(samples) < settings.batch_size:
        samples += draw_samples(rng, textures, size, settings.max_shift)
    del samples[settings.batch_size :]
    stretch = np.array([side / size[1], side / size[0]], np.float32)[:, None, None]
    return {
        "first": np.stack([sample.first for sample in samples]),
        "second": np.stack([sample.second for sample in samples]),
        "flow": np.stack([np.stack([_stretched(part, side) for part in s.flow]) * stretch for s in samples]),
        "visible": np.stack([_stretched(s.visible.astype(np.float32), side) > 0.999 for s in samples]),
    }


_drawn_from: list = []  # a worker's textures and settings


def _begin(textures: list[np.ndarray], settings: FlowSettings) -> None:
    cv2.setNumThreads(1)
    _drawn_from[:] = textures, settings


def _draw(seed: tuple[int, ...]) -> Batch:
    return draw_batch(np.random.default_rng(seed), *_drawn_from)


def _stretched(plane: np.ndarray, side: int) -> np.ndarray:
    # Bilinear with pixel centres at half integers, as the network resizes frames.
    return cv2.resize(plane, (side, side), interpolation=cv2.INTER_LINEAR)
