"""Pictures of arrays for notebooks: frames, details, kernels and optical flow, each with alternative text.

A Picture shows itself as the last expression of a cell, in a notebook without any plotting set-up.
"""

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vsrlib.chart_style import WIDTH, style
from vsrlib.files import atomic_path


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

    def save(self, path: Path) -> None:
        """Write the picture as a PNG file."""
        data = self.png()
        with atomic_path(path) as temporary:
            temporary.write_bytes(data)

    def _repr_html_(self) -> str:
        return image_html("image/png", self.png(), self.alt, int(100 * self.figure.get_figwidth()))


@dataclass(frozen=True, repr=False)
class Page:
    """HTML with its plain text, for what is no single figure."""

    html: str
    text: str

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return self.html


def image_html(kind: str, data: bytes, alt: str, width: int) -> str:
    """An image that lies inside the page itself, at most `width` pixels wide, no wider than the screen."""
    source = f"data:{kind};base64,{base64.b64encode(data).decode()}"
    return f'<img src="{source}" alt="{escape(alt)}" style="width:100%;max-width:{width}px;height:auto">'


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
    box = box or _most_detailed(list(images.values())[-1], height, width)
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


def show_kernels(kernels: Mapping[str, np.ndarray], alt: str | None = None) -> Picture:
    """Blur kernels on one scale from 0 to the largest weight; title -> (k, k)."""
    largest = max(float(kernel.max()) for kernel in kernels.values())
    with style():
        figure, panels = _grid(len(kernels), 1.0, columns=3, extra=0.6)
        for axes, (title, kernel) in zip(panels, kernels.items(), strict=True):
            shown = kernel_image(axes, title, kernel, largest)
        bar = figure.colorbar(shown, ax=panels, orientation="horizontal", shrink=0.8, aspect=30)
        bar.set_label("weight (all weights sum to 1)")
    sizes = ", ".join(f"{title} ({kernel.shape[0]} x {kernel.shape[1]})" for title, kernel in kernels.items())
    return Picture(figure, alt or f"Blur kernels: {sizes}; the largest weight is {largest:.3g}.")


def show_flow(flow: np.ndarray, valid: np.ndarray | None = None, alt: str | None = None) -> Picture:
    """Optical flow (2, H, W), pixels, x right then y down: colour tells direction and, with the arrows, length.

    Where `valid` (H, W) is False the picture is grey. The wheel beside it shows what the colours mean.
    """
    flow = np.asarray(flow, np.float64)
    seen = np.ones(flow.shape[1:], bool) if valid is None else np.asarray(valid, bool)
    length = np.hypot(flow[0], flow[1])
    longest = max(float(length[seen].max()) if seen.any() else 0.0, 1e-6)
    height, width = flow.shape[1:]
    with style():
        tall = 0.75 * WIDTH * height / width
        figure = Figure(figsize=(WIDTH, max(tall, 1.6) + 0.3), layout="constrained")
        main, legend = figure.subplots(1, 2, width_ratios=[3.4, 1])
        colours = _flow_colours(flow, longest)
        colours[~seen] = 0.6
        _image(main, "", colours)
        step = max(1, width // 12)
        rows, columns = np.mgrid[step // 2 : height : step, step // 2 : width : step]
        arrows = seen[rows, columns]
        main.quiver(columns[arrows], rows[arrows], *(part[rows, columns][arrows] for part in flow), angles="xy",
                    scale_units="xy", scale=longest / step, color="black", width=0.005)  # fmt: skip
        y, x = np.mgrid[-1:1:101j, -1:1:101j]
        wheel = _flow_colours(np.stack([x, y]), 1.0)
        wheel[np.hypot(x, y) > 1] = 1
        _image(legend, "", wheel)
        legend.set_title(f"rim: {longest:.3g}\npixels", fontsize=11)
    hidden = "" if seen.all() else f" Grey where the flow is not known ({1 - seen.mean():.0%})."
    median = float(np.median(length[seen])) if seen.any() else 0.0
    words = f"Optical flow, {width} x {height} pixels: median length {median:.3g}, longest {longest:.3g} pixels."
    return Picture(figure, alt or words + hidden)


def kernel_image(axes: Axes, title: str, kernel: np.ndarray, largest: float):  # noqa: ANN201  an image of matplotlib
    """Draw one kernel in grey, dark = large."""
    _bare(axes, title)
    return axes.imshow(kernel, cmap="Greys", vmin=0, vmax=largest, interpolation="nearest")


def _image(axes: Axes, title: str, image: np.ndarray) -> None:
    _bare(axes, title)
    axes.imshow(image, interpolation="nearest")


def _bare(axes: Axes, title: str) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_title(title, fontsize=11)


def _grid(count: int, aspect: float, columns: int, extra: float = 0.0) -> tuple[Figure, list[Axes]]:
    across = min(count, columns)
    down = -(-count // across)
    height = down * (WIDTH / across * aspect + 0.5) + extra
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    every = list(figure.subplots(down, across, squeeze=False).flat)
    for axes in every[count:]:
        axes.set_axis_off()
    return figure, every[:count]


def _aspect(frames: Mapping[str, np.ndarray]) -> float:
    return max(frame.shape[0] / frame.shape[1] for frame in frames.values())


def _most_detailed(image: np.ndarray, height: int, width: int) -> tuple[int, int, int, int]:
    """The third of the picture, on a grid of 4 pixels, whose grey values change most from pixel to pixel."""
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


def _flow_colours(flow: np.ndarray, longest: float) -> np.ndarray:
    hue = (np.arctan2(flow[1], flow[0]) / (2 * np.pi)) % 1
    saturation = np.clip(np.hypot(flow[0], flow[1]) / longest, 0, 1)
    return matplotlib.colors.hsv_to_rgb(np.stack([hue, saturation, np.ones_like(hue)], axis=-1))
