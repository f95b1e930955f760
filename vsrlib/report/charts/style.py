"""How every chart looks and how it becomes files: legible at telephone width, in greyscale, the same bytes each time.

Only matplotlib's figure objects are used, never its global state.
"""

import io
import re
import textwrap
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D

from vsrlib.common.files import atomic_path
from vsrlib.report.html import image_html

# Inches; at 400 pixels of width a 12 point letter is then 12 pixels high.
WIDTH = 5.6
_LINE = 0.235
LONGEST = 20  # letters of a clip's name beside a panel
LISTED = 40  # rows of clips that have names beside them, and as many as a panel grows for
_RC = {
    "font.family": "DejaVu Sans",
    "font.size": 12,
    "axes.labelsize": 12,
    "axes.titlesize": 12,
    "xtick.labelsize": 11,
    "ytick.labelsize": 11,
    "legend.fontsize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.formatter.useoffset": False,
    "hatch.linewidth": 0.7,
    "svg.hashsalt": "vsrlib",
    "svg.fonttype": "path",
}


@dataclass(frozen=True)
class Look:
    """Colour, marker, hatch and line of one method; each alone tells the methods apart."""

    label: str
    color: str
    marker: str
    size: float
    hollow: bool
    hatch: str
    line: str

    def marks(self) -> dict:
        """Keywords for a marker in Axes.plot."""
        face = "white" if self.hollow else self.color
        edge, width = (self.color, 2) if self.hollow else ("black", 0.6)
        return {"marker": self.marker, "markersize": self.size, "markerfacecolor": face, "color": self.color,
                "markeredgecolor": edge, "markeredgewidth": width}  # fmt: skip

    def small_marks(self) -> dict:
        """The same where many of them stand beside each other."""
        return {**self.marks(), "markersize": min(self.size, 7), "markeredgewidth": 1}


# Okabe and Ito's colours, which colour-blind readers tell apart. PyTorch is a wide ring round Jittor's small
# square, so that both stay visible where they coincide.
LOOKS = {
    "bicubic": Look("bicubic", "#8c8c8c", "D", 6, False, "..", ":"),
    "torch": Look("PyTorch", "#0072B2", "o", 11, True, "", "-"),
    "jittor": Look("Jittor", "#E69F00", "s", 5, False, "//", "--"),
    "paddle": Look("PaddlePaddle", "#009E73", "^", 7, False, "xx", "-."),
}
BLUR_LOOKS = {"Gaussian": ("#0072B2", "o", "-"), "Realistic": ("#E69F00", "s", "--")}
"""Blur -> colour, marker and line, where the blur types stand beside each other."""
PARTS = {
    "pre": ("pre-processing", "#F0E442", ""),
    "forward": ("forward", "#56B4E9", "//"),
    "post": ("post-processing", "#D55E00", ".."),
}
"""Part of a frame's time -> name, colour and hatch."""
EDGE: dict[str, Any] = {"edgecolor": "black", "linewidth": 0.6}
"""Of every bar."""


@dataclass(frozen=True, repr=False)
class Chart:
    """A figure, its title, and what is said besides where it cannot be seen.

    As the last expression of a cell it shows itself, in a notebook without any plotting set-up.
    """

    figure: Figure
    title: str
    spoken: str = ""

    def __post_init__(self) -> None:
        if not self.title.strip():
            raise ValueError("a chart needs a title: its alternative text begins with it")
        _settle(self.figure)

    @property
    def alt(self) -> str:
        """The alternative text."""
        return f"{self.title}. {self.spoken}".strip()

    def __repr__(self) -> str:
        return f"<chart: {self.alt}>"

    def png(self) -> bytes:
        """The chart as PNG, twice its size in pixels."""
        buffer = io.BytesIO()
        with style():
            self.figure.savefig(buffer, format="png", dpi=200, metadata={"Software": None})
        return buffer.getvalue()

    def _repr_html_(self) -> str:
        return image_html("image/png", self.png(), self.alt, int(100 * self.figure.get_figwidth()))


def _settle(figure: Figure) -> None:
    """Lay a figure out once, and keep that to a millionth: the solver's last digits differ from process to process."""
    if figure.get_layout_engine() is None:
        return
    with style():
        figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for axes in figure.axes:
        axes.set_position([round(side, 6) for side in axes.get_position(original=True).bounds])


def style() -> AbstractContextManager[None]:
    """The settings that every chart is made and saved under, as a context; a user's own settings do not reach in."""
    defaults = {name: value for name, value in matplotlib.rcParamsDefault.items() if not name.startswith("backend")}
    return matplotlib.rc_context({**defaults, **_RC})


def canvas(
    title: str, panels: Sequence[float], legend: Sequence = (), notes: Sequence[str] = (), footer: str = "",
    projection: str | None = None, widths: Sequence[float] = (1,),
) -> tuple[Figure, list[Axes]]:  # fmt: skip
    """A figure with a title, a legend, notes, panels below each other (heights in inches) and a footer.

    widths: of panels that stand beside each other in each row, and share its vertical axis; they come row by row.
    """
    heading, small = textwrap.wrap(title, 46), textwrap.wrap(footer, 66)
    remarks = [line for note in notes for line in textwrap.wrap(note, 58)]
    top = _LINE * (len(heading) + len(remarks) + 1.35 * bool(legend)) + 0.2
    bottom = 0.18 * len(small) + 0.1
    height = top + sum(panels) + bottom
    box = (0.01, bottom / height, 0.98, (height - top - bottom) / height)
    figure = Figure(figsize=(WIDTH, height), layout=ConstrainedLayoutEngine(rect=box, h_pad=0.06, w_pad=0.04))
    bold = {"va": "top", "fontsize": 13, "fontweight": "bold", "linespacing": 1.15}
    figure.text(0.015, 1 - 0.08 / height, "\n".join(heading), **bold)
    at = 0.12 + _LINE * len(heading)
    if remarks:
        figure.text(0.015, 1 - at / height, "\n".join(remarks), va="top", fontsize=11, linespacing=1.2)
        at += _LINE * len(remarks)
    if legend:
        figure.legend(handles=list(legend), loc="upper left", bbox_to_anchor=(0.0, 1 - at / height), ncols=len(legend),
                      frameon=False, borderaxespad=0.2, handletextpad=0.5, columnspacing=1.4)  # fmt: skip
    figure.text(0.015, 0.06 / height, "\n".join(small), va="bottom", fontsize=9.5, color="#444444", linespacing=1.15)
    kwargs = {"projection": projection} if projection else {}
    ratios: dict[str, Any] = {"height_ratios": list(panels), "width_ratios": list(widths)}
    grid = figure.subplots(len(panels), len(widths), sharey="row", squeeze=False, subplot_kw=kwargs, **ratios)
    return figure, list(grid.flat)


def key(methods: Sequence[str], line: bool = False) -> list[Line2D]:
    """Legend entries for methods: their markers, with their lines if asked for."""
    looks = [LOOKS[method] for method in methods]
    return [Line2D([], [], linestyle=x.line if line else "none", label=x.label, **x.marks()) for x in looks]


def difference_axis(axes: Axes, largest: float, unit: str, vertical: bool = False) -> None:
    """An axis for differences with zero in its middle, as far as `largest`, with ticks that say it as 1e-5."""
    end = float(short(largest or 1e-6))  # a tick stands where its words say
    name = "y" if vertical else "x"
    getattr(axes, f"set_{name}lim")(*(side * 1.25 * max(end, largest) for side in (-1, 1)))
    zero = "0" if vertical else ""  # beside the others it would be read as a digit of theirs
    getattr(axes, f"set_{name}ticks")([-end, 0, end], [f"\N{MINUS SIGN}{short(end)}", zero, short(end)])
    getattr(axes, f"set_{name}label")(f"Jittor \N{MINUS SIGN}\nPyTorch{unit}", fontsize=10.5)
    (axes.axhline if vertical else axes.axvline)(0, color="black", linewidth=0.8)


def labels(names: Sequence[str]) -> list[str]:
    """Clips' names as Matplotlib shows them: a dollar would begin a formula, and a long one leave no room for a panel.

    Of what is cut the beginning and the end stay, and a number where that leaves two alike.
    """
    cut = [
        one if len(one) <= LONGEST else f"{one[: LONGEST // 2 - 1]}\N{HORIZONTAL ELLIPSIS}{one[-LONGEST // 2 :]}"
        for one in names
    ]
    alike = Counter(cut)
    seen: Counter[str] = Counter()
    shown = []
    for one in cut:
        seen[one] += 1
        shown.append((f"{one} ({seen[one]})" if alike[one] > 1 else one).replace("$", r"\$"))
    return shown


def short(value: float) -> str:
    """A positive number by one or two digits: 0.12, 3e-5."""
    return f"{value:.2g}" if value >= 1e-3 else f"{value:.0e}".replace("e-0", "e-")


def seconds_axis(panels: Sequence[Axes], label: str) -> None:
    """Horizontal axes of seconds in milliseconds, or in seconds where they are long; `label` of the last has {unit}."""
    long = max(axes.get_xlim()[1] for axes in panels) > 10
    for axes in panels:
        axes.xaxis.set_major_formatter(lambda value, _: f"{value * (1 if long else 1000):g}")
    panels[-1].set_xlabel(label.format(unit="seconds" if long else "milliseconds"))


def empty(axes: Axes, text: str) -> None:
    """A panel that says why it shows nothing."""
    axes.set_axis_off()
    axes.text(0, 0.5, "\n".join(textwrap.wrap(text, 52)), va="center", ha="left", transform=axes.transAxes)


def save(chart: Chart, path: Path) -> list[Path]:
    """Write `path`.svg and `path`.png (twice the size in pixels); the same chart gives the same bytes."""
    svg, png = (path.with_name(f"{path.name}.{ending}") for ending in ("svg", "png"))
    with style(), atomic_path(svg) as temporary:
        chart.figure.savefig(temporary, format="svg", metadata={"Date": None, "Creator": None})
        text = temporary.read_text(encoding="utf-8")
        temporary.write_text(_with_alternative(text, chart.title, chart.alt), encoding="utf-8")
    with atomic_path(png) as temporary:
        temporary.write_bytes(chart.png())
    return [svg, png]


def _with_alternative(svg: str, title: str, alt: str) -> str:
    """The SVG with a title and a description that screen readers speak."""
    spoken = f"<title>{escape(title)}</title>\n <desc>{escape(alt)}</desc>"
    return re.sub(r"(<svg\b[^>]*)>", lambda found: f'{found[1]} role="img">\n {spoken}', svg, count=1)
