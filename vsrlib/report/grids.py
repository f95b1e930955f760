"""Half a pixel, made visible: where a sampler reads that takes the ends of the grid for other places than intended."""

import numpy as np

from vsrlib.data.synthetic.clips import embedded_clips
from vsrlib.networks.backend import backend_of
from vsrlib.report.charts.style import Chart, canvas, style
from vsrlib.report.html import Item, Page, gallery

_COLUMNS, _ROWS = 12, 8  # pixels of the drawn grid
_GAIN = 4  # by which the difference is multiplied before it is shown


def misread(size: int) -> np.ndarray:
    """How far beside each of `size` pixels a sampler with align_corners=False reads, pixels (size,), for zero flow.

    The grid puts +-1 at the centres of the border pixels; that sampler takes them for their outer edges.
    """
    grid = 2 * np.arange(size) / max(size - 1, 1) - 1
    return ((grid + 1) * size - 1) / 2 - np.arange(size)


def grid() -> Chart:
    """The pixels of a small frame, and an arrow from each to where it is read."""
    right, down = (misread(size) for size in (_COLUMNS, _ROWS))
    title = (
        f"Zero flow, read with align_corners=False: off by {abs(right[0]):.1f} pixel at the border, by 0 in the middle"
    )
    with style():
        figure, (axes,) = canvas(
            title,
            [3.2],
            footer=f"A frame of {_COLUMNS}x{_ROWS} pixels; dots: their centres; arrows: where each is read, to scale.",
        )
        x, y = np.meshgrid(np.arange(_COLUMNS), np.arange(_ROWS))
        axes.plot(x.ravel(), y.ravel(), "o", color="#0072B2", markersize=4)
        u, v = np.meshgrid(right, down)
        axes.quiver(x, y, u, v, angles="xy", scale_units="xy", scale=1, width=0.005, color="#D55E00")
        for edge in (-0.5, _COLUMNS - 0.5):
            axes.axvline(edge, color="#8c8c8c", linewidth=0.8)
        for edge in (-0.5, _ROWS - 0.5):
            axes.axhline(edge, color="#8c8c8c", linewidth=0.8)
        axes.set_aspect("equal")
        axes.set_xlim(-1.2, _COLUMNS + 0.2)
        axes.set_ylim(_ROWS + 0.2, -1.2)
        axes.set_xticks([0, _COLUMNS - 1])
        axes.set_yticks([0, _ROWS - 1])
    spoken = f"From left to right the places lie {', '.join(f'{one:+.2f}' for one in right)} pixels beside the pixels."
    return Chart(figure, title, spoken)


def photograph(size: tuple[int, int] = (128, 192)) -> Page:
    """A photograph warped by zero flow, which must change nothing, with the grid read rightly and wrongly."""
    picture = embedded_clips("test", 1, size, 0, 1)[0].frames[0]
    warped = {align: still(picture, align) for align in (True, False)}
    decibels = {align: _float_psnr(one, picture / np.float32(255)) for align, one in warped.items()}
    shown = {align: np.rint(255 * one).clip(0, 255).astype(np.uint8) for align, one in warped.items()}
    apart = np.abs(shown[False].astype(int) - picture)
    height, width = size
    of = f"photograph, {width} x {height} pixels, warped by zero flow"
    items = [
        Item(picture, f"photograph, {width} x {height}", "The photograph itself"),
        Item(shown[True], f"align_corners=True: {decibels[True]:.0f} dB", f"The {of}, grid read as it was made"),
        Item(
            shown[False], f"align_corners=False: {decibels[False]:.0f} dB", f"The {of}, grid read with the other ends"
        ),
        Item(
            np.clip(_GAIN * apart, 0, 255).astype(np.uint8),
            f"its difference x {_GAIN}",
            "What the second changes: nothing in the middle, edges towards the border",
        ),
    ]
    note = (
        f"Nothing moves, so nothing should change. Read as it was made, the picture stays itself but for rounding in "
        f"float32 ({decibels[True]:.0f} dB); read with the other ends, it is stretched about its middle by a pixel "
        f"({decibels[False]:.0f} dB). The network does this at every level of its flow and with its features."
    )
    return gallery(items, note, 260)


def still(picture: np.ndarray, align_corners: bool) -> np.ndarray:
    """A picture (H, W, 3) uint8 sampled by the network's own warp where zero flow points; float32 in [0, 1]."""
    backend = backend_of("torch")
    x = backend.tensor(picture.transpose(2, 0, 1)[None].astype(np.float32) / 255)
    flow = backend.tensor(np.zeros((1, 2, *picture.shape[:2]), np.float32))
    return backend.array(backend.ops.sample(x, flow, "border", align_corners))[0].transpose(1, 2, 0)


def _float_psnr(one: np.ndarray, other: np.ndarray) -> float:
    error = float(np.mean((one.astype(np.float64) - other) ** 2))
    return float("inf") if error == 0 else -10 * float(np.log10(error))
