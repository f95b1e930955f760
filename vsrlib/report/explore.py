"""Pictures that one chooses oneself, in a notebook that is open in JupyterLab: clip, frame, part, zoom, weights.

Menus stand above a picture, and a choice draws it anew with the functions that draw it everywhere. Under papermill and
in pages the picture is there without menus. Nothing is written: results stay those of the notebook's parameters.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from html import escape
from importlib import util
from pathlib import Path
from typing import Any

import numpy as np

from vsrlib.claims.results import is_skipped
from vsrlib.common.errors import UserError
from vsrlib.common.files import read_json, resolve
from vsrlib.common.progress import OPEN_NOTEBOOK
from vsrlib.data.comparison_picture import most_detailed
from vsrlib.data.sets.layouts import clips_of
from vsrlib.networks.weights import weights_file
from vsrlib.report import look, show, walk
from vsrlib.report.frames import Chosen, choose
from vsrlib.report.html import Page

Pick = Callable[[str, str], Chosen]
"""The frame of a clip, both by their names."""
_RUN = "those of the run"
_DETAIL, _WHOLE = "most detail", "whole frame"
_PARTS = {
    "middle": (0.5, 0.5),
    "top left": (0, 0),
    "top right": (0, 1),
    "bottom left": (1, 0),
    "bottom right": (1, 1),
}
"""Where a part lies: how much of what is left over is above it, and to its left."""
_LEAST = 8  # HR pixels that a part is at least high and wide


def box(image: np.ndarray, part: str, zoom: int) -> tuple[int, int, int, int]:
    """(top, left, height, width) of a part of a frame (H, W, 3), multiples of 4; `zoom` shows its middle larger."""
    height, width = image.shape[:2]
    top, left, tall, wide = (0, 0, height, width) if part == _WHOLE else most_detailed(image)
    if part in _PARTS:
        above, before = _PARTS[part]
        top, left = (int(share * free) // 4 * 4 for share, free in ((above, height - tall), (before, width - wide)))
    smaller = [min(side, max(_LEAST, side // zoom // 4 * 4)) for side in (tall, wide)]
    top, left = (start + (side - less) // 8 * 4 for start, side, less in zip((top, left), (tall, wide), smaller))
    return top, left, smaller[0], smaller[1]


def details(pick: Pick, chosen: Chosen) -> "Page | Explorer":
    """The detail that `show.crops` shows of the chosen frame; in JupyterLab of any frame of the run, at any place."""
    first = {"clip": chosen.clip, "frame": chosen.frame, "part": _DETAIL, "zoom": 1}

    def draw(clip: str, frame: str, part: str, zoom: int) -> Page:
        one = pick(clip, frame)
        return show.crops(one, box(one.restored(one.first) if one.truth is None else one.truth, part, zoom))

    return explore(show.crops(chosen), draw, {**_frames(chosen), **_places()}, first)


def inference(inference_file: Path, clips: Path, truths: Path | None = None) -> "Page | Explorer":
    """The same of one result, as `show.inference` shows it; a skipped run gives its reason in words."""
    found = read_json(inference_file)
    if is_skipped(found):
        return show.inference(inference_file, clips, truths)

    def pick(clip: str | None = None, frame: str | None = None) -> Chosen:
        return replace(choose([inference_file], found["blur"], clips, truths, clip, frame), skipped={})

    return details(pick, pick())


def steps(pick: Pick, chosen: Chosen, found: walk.Walk) -> "Page | Explorer":
    """What the network adds to the chosen frame; in JupyterLab to any frame of the run, by any of the weights here."""
    others = [name for name in weights_file.NAMES if weights_file.path_of(name).is_file()]
    first = {"clip": chosen.clip, "frame": chosen.frame, "weights": _RUN}

    def draw(clip: str, frame: str, weights: str) -> Page:
        one = pick(clip, frame)
        if weights != _RUN:
            path = weights_file.path_of(weights)
            one = replace(one, weights=path, preset=weights_file.metadata(str(path))["preset"])
        return walk.result(walk.walk(one))

    return explore(walk.result(found), draw, {**_frames(chosen), "weights": [_RUN, *others]}, first)


def clip(seen: look.Seen, hr_root: str | None) -> "Page | Explorer":
    """The middle frame of a clip and its degradations; in JupyterLab of any clip below `hr_root`, frame and part."""
    number = len(seen.clip.frames)
    names = [seen.clip.name] if hr_root is None else [one.name for one in clips_of(resolve(hr_root), None)]
    degraded = cache(partial(look.degrade, hr_root, frames=number, seed=seen.seed))
    first = {"clip": seen.clip.name, "frame": number // 2, "part": _WHOLE, "zoom": 1}

    def draw(clip: str, frame: int, part: str, zoom: int) -> Page:
        other = seen if clip == seen.clip.name else degraded(clip)
        return look.show_frames(other, frame, box(other.clip.frames[frame], part, zoom))

    options = {"clip": names, "frame": list(range(number)), **_places()}
    return explore(look.show_frames(seen), draw, options, first)


Options = Sequence[Any] | Callable[[Mapping[str, Any]], Sequence[Any]]
"""What a menu offers; it may depend on what the menus before it say."""


def explore(
    page: Page, draw: Callable[..., Page], options: Mapping[str, Options], first: Mapping[str, Any]
) -> "Page | Explorer":
    """`page`, which is what `draw` makes of the values `first`; in JupyterLab with a menu for each of the options."""
    if not os.environ.get(OPEN_NOTEBOOK):
        return page
    if util.find_spec("ipywidgets") is None:
        note = "With the package ipywidgets, which is not installed, one can choose here what is shown."
        return Page(f"{page.html}<p>{escape(note)}</p>", f"{page.text}\n{note}")
    return Explorer(page, draw, options, first)


class Explorer:
    """Menus, and the picture below them. Whatever shows no menus, such as an exported page, shows the first picture."""

    def __init__(
        self, page: Page, draw: Callable[..., Page], options: Mapping[str, Options], first: Mapping[str, Any]
    ) -> None:
        from ipywidgets import HTML, Dropdown, HBox, Layout, VBox

        self.page, self._draw, self._options, self._fitting = page, draw, options, False
        self.menus = {name: Dropdown(description=name) for name in options}
        self.picture = HTML(within(page.html))
        self._fit(first)
        for menu in self.menus.values():
            menu.observe(self._changed, "value")
        self.box = VBox([HBox([*self.menus.values()], layout=Layout(flex_flow="row wrap")), self.picture])

    def _repr_mimebundle_(self, **asked: Any) -> dict[str, Any]:
        return self.box._repr_mimebundle_(**asked) | {"text/html": self.page.html, "text/plain": self.page.text}

    def _fit(self, wanted: Mapping[str, Any]) -> None:
        """Give each menu what it offers now, and the wanted value, or the middle one where there is no such value."""
        self._fitting, values = True, dict[str, Any]()
        for name, menu in self.menus.items():
            offered = self._options[name]
            menu.options = tuple(offered(values) if callable(offered) else offered)
            menu.value = wanted[name] if wanted[name] in menu.options else menu.options[len(menu.options) // 2]
            values[name] = menu.value
        self._fitting = False

    def _changed(self, change: Any) -> None:
        if self._fitting:
            return
        self._fit({name: menu.value for name, menu in self.menus.items()})
        try:
            html = self._draw(**{name: menu.value for name, menu in self.menus.items()}).html
        except UserError as error:
            html = f"<p>{escape(str(error))}</p>"
        self.picture.value = within(html)


def within(html: str) -> str:
    """HTML that is no wider than its place, where a widget would let it be as wide as it likes."""
    return f'<div style="width:0;min-width:100%">{html}</div>'


def _frames(chosen: Chosen) -> dict[str, Options]:
    return {"clip": [*chosen.run], "frame": lambda values: chosen.run[values["clip"]]}


def _places() -> dict[str, Options]:
    return {"part": [_DETAIL, *_PARTS, _WHOLE], "zoom": [1, 2, 4]}
