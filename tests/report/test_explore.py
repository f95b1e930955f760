"""Menus above a picture: what a choice draws, and that nothing of them is there where nobody can choose."""

from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import papermill
import pytest
from jupyter_client.manager import start_new_kernel

from vsrlib.common.errors import UserError
from vsrlib.common.progress import OPEN_NOTEBOOK
from vsrlib.common.provenance import PROJECT_ROOT
from vsrlib.data.clips import Clip, write_clip
from vsrlib.data.comparison_picture import most_detailed
from vsrlib.data.degrade import degrade_clips
from vsrlib.data.synthetic.pictures import load_photograph
from vsrlib.report import explore, look
from vsrlib.report.html import Page

VIEW = "application/vnd.jupyter.widget-view+json"


def draw(**values: Any) -> Page:
    return Page(f"<p>{values}</p>", str(values))


@pytest.fixture
def open_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ipywidgets")
    monkeypatch.setenv(OPEN_NOTEBOOK, "notebooks/12.ipynb")


def test_where_nobody_chooses_the_picture_alone_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(OPEN_NOTEBOOK, raising=False)
    page = Page("<p>first</p>", "first")
    assert explore.explore(page, draw, {"a": [1, 2]}, {"a": 1}) is page
    monkeypatch.setenv(OPEN_NOTEBOOK, "")  # as the study starts its kernels, from an open notebook too
    assert explore.explore(page, draw, {"a": [1, 2]}, {"a": 1}) is page


def test_without_the_package_the_picture_is_there_and_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(OPEN_NOTEBOOK, "notebooks/12.ipynb")
    monkeypatch.setattr(explore.util, "find_spec", lambda name: None)
    page = explore.explore(Page("<p>first</p>", "first"), draw, {"a": [1, 2]}, {"a": 1})
    assert page.html.startswith("<p>first</p><p>") and "the package ipywidgets, which is not installed" in page.text


def test_a_choice_draws_and_what_is_no_menu_shows_the_first_picture(open_notebook: None) -> None:
    options = {"a": ["x", "y"], "b": lambda values: [1, 2, 3] if values["a"] == "x" else [3, 4, 5]}
    found = explore.explore(Page("<p>first</p>", "first"), draw, options, {"a": "x", "b": 1})
    assert found.picture.value == explore.within("<p>first</p>")
    found.menus["b"].value = 3
    assert found.picture.value == explore.within(draw(a="x", b=3).html)
    found.menus["a"].value = "y"  # has a 3, too
    assert found.picture.value == explore.within(draw(a="y", b=3).html)
    found.menus["b"].value = 5
    found.menus["a"].value = "x"  # has none
    assert found.picture.value == explore.within(draw(a="x", b=2).html) and found.menus["b"].options == (1, 2, 3)
    shown = found._repr_mimebundle_()
    assert shown["text/html"] == "<p>first</p>" and shown["text/plain"] == "first" and VIEW in shown


def test_a_mistake_is_said_in_place_of_the_picture(open_notebook: None) -> None:
    def refuse(**values: Any) -> Page:
        raise UserError("The weights <x> are gone; bring them back.")

    found = explore.explore(Page("", ""), refuse, {"a": [1, 2]}, {"a": 1})
    found.menus["a"].value = 2
    assert "<p>The weights &lt;x&gt; are gone; bring them back.</p>" in found.picture.value


def test_a_part_lies_where_its_name_says_and_within_the_frame() -> None:
    image = np.random.default_rng(0).integers(0, 256, (100, 132, 3), dtype=np.uint8)
    assert explore.box(image, "most detail", 1) == most_detailed(image)
    assert explore.box(image, "whole frame", 1) == (0, 0, 100, 132)
    assert explore.box(image, "top left", 1)[:2] == (0, 0)
    top, left, tall, wide = explore.box(image, "bottom right", 1)
    assert (top + tall, left + wide) == (100, 132)
    for part in ("most detail", *explore._PARTS, "whole frame"):
        for zoom in (1, 2, 4):
            top, left, tall, wide = explore.box(image, part, zoom)
            assert top >= 0 and left >= 0 and top + tall <= 100 and left + wide <= 132 and min(tall, wide) >= 8
            assert not any(value % 4 for value in (top, left, tall, wide))
        large, small = explore.box(image, part, 1), explore.box(image, part, 2)
        for axis in (0, 1):  # the middle of it, to the grid of 4
            assert large[axis] + large[axis + 2] / 2 == pytest.approx(small[axis] + small[axis + 2] / 2, abs=4)
            assert small[axis + 2] == pytest.approx(large[axis + 2] / 2, abs=4)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """HR clips "city" and "walk" of a photograph, and their LR clips by the Realistic blur."""
    root, photograph = tmp_path_factory.mktemp("clips"), load_photograph("coffee.png")
    for place, name in enumerate(("city", "walk")):
        frames = np.stack([photograph[20 + 99 * place :, 2 * i :][:96, :128] for i in range(6)])
        write_clip(root / "clips" / name, Clip(name, frames))
    degrade_clips(root / "clips", root / "set", "Realistic", 3)
    return root


def test_a_clip_beside_its_degradations(clips: Path, open_notebook: None) -> None:
    seen = look.degrade(str(clips / "clips"), "walk", 5, 0)
    found = explore.clip(seen, str(clips / "clips"))
    assert found.page.html == look.show_frames(seen).html and found.menus["clip"].options == ("city", "walk")
    found.menus["part"].value = "middle"
    middle = found.picture.value
    assert "of frame 2 of clip walk" in middle
    found.menus["zoom"].value = 4
    assert found.picture.value != middle
    found.menus["clip"].value = "city"
    other = look.degrade(str(clips / "clips"), "city", 5, 0)
    box = explore.box(other.clip.frames[2], "middle", 4)
    assert found.picture.value == explore.within(look.show_frames(other, 2, box).html)


@pytest.fixture(scope="module")
def executed(clips: Path) -> dict[str, Any]:
    """Notebooks 04, 11 and 12 by papermill, as a reader finds them, on the two clips."""
    given = {"input_path": str(clips / "set/LR_blurdown_x4"), "gt_path": str(clips / "set/HR")}
    restored = given | {"timing_repeats": 0, "output": str(clips / "04")}
    shown = given | {"inference_files": [str(clips / "04/inference.json")], "moving": 2, "output": str(clips / "12")}
    parameters = {
        "04_infer_clips": restored,
        "11_look_at_data": {"hr_root": str(clips / "clips"), "output": str(clips / "11")},
        "12_show_frames": shown,
    }
    for name, values in parameters.items():
        papermill.execute_notebook(
            PROJECT_ROOT / "notebooks" / f"{name}.ipynb", clips / f"{name}.ipynb", values, kernel_name="python3",
            cwd=PROJECT_ROOT / "notebooks", progress_bar=False,
        )  # fmt: skip
    return {name: (nbformat.read(clips / f"{name}.ipynb", as_version=4), values) for name, values in parameters.items()}


@pytest.mark.slow
def test_under_papermill_there_is_the_picture_and_no_menu(executed: dict[str, Any]) -> None:
    cells = 0
    for notebook, _ in executed.values():
        assert "widgets" not in notebook.metadata
        for cell in notebook.cells:
            kinds = {kind for output in cell.get("outputs", ()) for kind in output.get("data", ())}
            assert VIEW not in kinds
            if "explore." in cell.source and "import" not in cell.source:
                cells += 1
                assert "<img" in "".join(output["data"]["text/html"] for output in cell.outputs)
    assert cells == 4


LIVE = """
from vsrlib.report.explore import Explorer
shown = [one for one in list(Out.values()) if isinstance(one, Explorer)]
for one in shown:
    before = one.picture.value
    for menu in one.menus.values():
        menu.value = next(value for value in menu.options if value != menu.value)
        assert one.picture.value != before and "<img" in one.picture.value, menu.description
        before = one.picture.value
print(*(", ".join(one.menus) for one in shown), sep="; ")
"""


@pytest.mark.slow
def test_in_an_open_notebook_every_menu_draws_another_picture(
    executed: dict[str, Any], monkeypatch: pytest.MonkeyPatch, clips: Path, tmp_path: Path
) -> None:
    pytest.importorskip("ipywidgets")
    monkeypatch.setenv(OPEN_NOTEBOOK, "notebooks/12_show_frames.ipynb")
    before = {path: path.read_bytes() for path in (clips / "04").rglob("*") if path.is_file()}
    found = {}
    for name in ("04_infer_clips", "11_look_at_data", "12_show_frames"):
        notebook, values = executed[name]
        if name == "04_infer_clips":
            values = values | {"output": str(tmp_path)}
        found[name] = in_a_kernel(notebook, values)
    places = "clip, frame, part, zoom"
    assert found == {
        "04_infer_clips": f"{places}\n",
        "11_look_at_data": f"{places}\n",
        "12_show_frames": f"{places}; clip, frame, weights\n",
    }
    assert before == {path: path.read_bytes() for path in (clips / "04").rglob("*") if path.is_file()}


def in_a_kernel(notebook: Any, values: dict[str, Any]) -> str:
    """Run a notebook's cells in a kernel and then `LIVE` on what has menus; what that prints."""
    manager, client = start_new_kernel(kernel_name="python3", cwd=str(PROJECT_ROOT / "notebooks"))
    printed: list[str] = []

    def take(message: dict[str, Any]) -> None:
        if message["msg_type"] == "stream" and message["content"]["name"] == "stdout":
            printed.append(message["content"]["text"])

    try:
        for cell in notebook.cells:
            if cell.cell_type != "code" or "injected-parameters" in cell.metadata.get("tags", ()):
                continue
            source = cell.source
            if "parameters" in cell.metadata.get("tags", ()):
                source += "".join(f"\n{name} = {value!r}" for name, value in values.items())
            reply = client.execute_interactive(source, output_hook=lambda message: None, timeout=300)
            assert reply["content"]["status"] == "ok", reply["content"]
        reply = client.execute_interactive(LIVE, output_hook=take, timeout=300)
        assert reply["content"]["status"] == "ok", reply["content"]
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    return "".join(printed)
