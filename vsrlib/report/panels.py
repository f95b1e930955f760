"""Pictures of arrays for notebooks: frames and details of them, each with alternative text.

A Picture shows itself as the last expression of a cell, in a notebook without any plotting set-up.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vsrlib.report.charts.style import WIDTH, style
from vsrlib.report.html import image_html


@dataclass(frozen=True, repr=False)
class Picture:
    """A figure with the text that stands for it where it cannot be seen."""

    figure: Figure
    alt: str

    def __post_init__(self) -> None:
        if not self.alt.strip():
            raise ValueError("a picture needs alternative text")

    def __repr__(self) -> str:
        return f"<picture: {self.alt}>"

    def png(self) -> bytes:
        """The picture as PNG, twice its size in pixels."""
        buffer = io.BytesIO()
        with style():
            self.figure.savefig(buffer, format="png", dpi=200, metadata={"Software": None})
        return buffer.getvalue()

    def _repr_html_(self) -> str:
        return image_html("image/png", self.png(), self.alt, int(100 * self.figure.get_figwidth()))


def show_frames(frames: Mapping[str, np.ndarray], alt: str | None = None) -> Picture:
    """Frames beside each other, at most three in a row; title -> (H, W, 3) uint8 RGB."""
    sizes = ", ".join(f"{title} ({frame.shape[1]} x {frame.shape[0]} pixels)" for title, frame in frames.items())
    with style():
        figure, panels = _grid(len(frames), _aspect(frames), columns=3)
        for axes, (title, frame) in zip(panels, frames.items(), strict=True):
            _image(axes, title, frame)
    return Picture(figure, alt or f"Frames: {sizes}.")


def show_crops(
    images: Mapping[str, np.ndarray], box: tuple[int, int, int, int] | None = None, alt: str | None = None
) -> Picture:
    """The same detail of several images, two in a row, without smoothing; title -> (H, W, 3) uint8 RGB.

    `box` is (top, left, height, width) in pixels of the largest image; None takes where the last image has most
    detail. A smaller image (the input) must be smaller by a whole factor; its detail is enlarged by it.
    """
    height, width = max(image.shape[:2] for image in images.values())
    box = box or most_detailed(list(images.values())[-1], height, width)
    top, left, tall, wide = box
    with style():
        figure, panels = _grid(len(images), tall / wide, columns=2)
        for axes, (title, image) in zip(panels, images.items(), strict=True):
            factor = height // image.shape[0]
            if image.shape[0] * factor != height or image.shape[1] * factor != width:
                raise ValueError(f"{title} is {image.shape[:2]}, no whole part of {(height, width)}")
            detail = image[top // factor : (top + tall) // factor, left // factor : (left + wide) // factor]
            _image(axes, title, detail)
    where = f"the {wide} x {tall} pixels from column {left}, row {top}"
    return Picture(figure, alt or f"The same detail, {where}, of: {'; '.join(images)}.")


def most_detailed(image: np.ndarray, height: int, width: int) -> tuple[int, int, int, int]:
    """(top, left, height, width) of a third of the picture, on a grid of 4 pixels: where its grey values change most.

    In pixels of a picture `height` x `width`, of which `image` is this size or smaller by a whole factor.
    """
    grey = np.asarray(image, np.float64).mean(axis=2)
    factor = height // grey.shape[0]
    change = np.hypot(*np.gradient(grey))
    tall, wide = max(8, height // 3 // 4 * 4), max(8, width // 3 // 4 * 4)
    candidates = [
        (change[top // factor : (top + tall) // factor, left // factor : (left + wide) // factor].mean(), top, left)
        for top in range(0, height - tall + 1, 4 * max(1, height // 64))
        for left in range(0, width - wide + 1, 4 * max(1, width // 64))
    ]
    _, top, left = max(candidates)
    return top, left, tall, wide


def _image(axes: Axes, title: str, image: np.ndarray) -> None:
    _bare(axes, title)
    axes.imshow(image, interpolation="nearest")


def _bare(axes: Axes, title: str) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_title(title, fontsize=11)


def _grid(count: int, aspect: float, columns: int) -> tuple[Figure, list[Axes]]:
    across = min(count, columns)
    down = -(-count // across)
    height = down * (WIDTH / across * aspect + 0.5)
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    every = list(figure.subplots(down, across, squeeze=False).flat)
    for axes in every[count:]:
        axes.set_axis_off()
    return figure, every[:count]


def _aspect(frames: Mapping[str, np.ndarray]) -> float:
    return max(frame.shape[0] / frame.shape[1] for frame in frames.values())
