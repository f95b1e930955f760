"""Names that would do something if they were let: files stay below the output, and HTML shows them as text.

python tests/reliability/names.py OUTPUT
"""

import ast
import contextlib
import html.parser
import io
import os
import shutil
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
from common import main

from vsrlib import cli
from vsrlib.claims import comparison_table
from vsrlib.common.files import write_json
from vsrlib.common.provenance import PROJECT_ROOT
from vsrlib.data.clips import Clip, write_clip
from vsrlib.report.index import Row, write_index
from vsrlib.report.pages import EXECUTED, REPORT, REPORT_CODE, write_pages

SHOWN = (
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)<",
    "[x](javascript:alert(1))",
    "![x](http:evil)",
    "$(touch ran)",
    "`touch ran`",
    "; touch ran",
    "-rf",
    "--help",
    "a b",
    "Straße 视频",
    "a'b\"c&d",
    "|pipe|",
    "%s%n{0}",
    "$a^$",
    "*bold*",
)
"""Names of clips that are odd and allowed."""
REFUSED = ("a\nb", "a\x1b[2Jb", "a\x07", os.fsdecode(b"\xff\xfe"))
"""Names that no report could show."""


def check(folder: Path, count: int, seed: int) -> dict[str, Any]:
    """Degrade clips with each name, show the names in a table and a report, and try to leave the output folder."""
    broken: list[str] = []
    names = SHOWN[:count]
    folder = _fresh(folder / "names of clips")  # nobody else writes in here
    inside = _fresh(folder / "names")
    frames = np.random.default_rng(seed).integers(0, 256, (5, 16, 16, 3), dtype=np.uint8)
    for name in names:
        write_clip(inside / "HR" / name, Clip(name, frames))
    before = _below(folder)
    status, said = _cli("degrade", inside / "HR", inside / "set", "--blur", "Gaussian", "--seed", seed)
    made = {path.name for path in (inside / "set" / "LR_blurdown_x4").glob("[!.]*")} if status == 0 else set()
    if made != set(names):
        broken.append(f"degrade: exit status {status}, {said}; missing: {sorted(set(names) - made)}")
    strays = [path for path in _below(folder) - before if path != "names/set" and not path.startswith("names/set/")]
    broken += [f"{path} lies outside the output" for path in strays]
    broken += [f"the page of {name!r} holds {found}" for name in names for found in active(page_of(folder, name))]
    refused = 0
    for name in REFUSED:
        root = _fresh(folder / "refused")
        write_clip(root / "HR" / name, Clip("x", frames))
        status, said = _cli("degrade", root / "HR", root / "set", "--blur", "Gaussian", "--seed", seed)
        refused += status == 2 and "control characters" in said and said.isprintable()
    if refused != len(REFUSED):
        broken.append(f"{len(REFUSED) - refused} names with control characters were taken")
    broken += _traversal(folder, frames)
    shells = shell_calls(PROJECT_ROOT / "vsrlib")
    broken += [f"{place} uses a shell" for place in shells]
    return {"names": len(names), "names_refused": refused, "shell_calls": len(shells), "broken": broken[:10]}


def page_of(folder: Path, name: str, table: Any = None) -> str:
    """A report as the study makes it: a notebook that shows the quality table of a clip, and the name in its output."""
    one = {"psnr": 30.0, "ssim": 0.9, "identical": 0}
    quality = {
        "clips": [{"name": name, "scene": name, "kind": "filmed", "frames": 5, "bicubic": one}],
        "filmed": {
            "total": {"scenes": 1, "frames": 5, "bicubic": one},
            "difference": {"skipped": "because there is one framework"},
            "gain_over_bicubic": {},
        },
        "made": {"skipped": "because no clip is made"},
    }
    text = (table or comparison_table.quality_table)(quality, {"level": 0.95, "draws": 1, "seed": 0})
    notebook = nbformat.v4.new_notebook()
    shown = nbformat.v4.new_output("display_data", {"text/markdown": text, "text/plain": "x"})
    notebook.cells = [
        nbformat.v4.new_code_cell(
            "1", execution_count=1, outputs=[shown, nbformat.v4.new_output("stream", name="stdout", text=f"{name}\n")]
        )
    ]
    nbformat.write(notebook, folder / EXECUTED)
    write_pages(folder / EXECUTED)
    write_index(folder / "index.html", name, [Row(name, "failed", 1.0, name, name)], _ORIGIN)
    return "".join((folder / page).read_text() for page in (REPORT, REPORT_CODE, "index.html"))


_ORIGIN = {
    "machine": {"processor": "x", "cores": 1, "memory_gib": 1, "gpu": None, "system": "x"},
    "commit": None,
    "dirty": None,
    "created": "x",
    "versions": {},
}


def active(page: str) -> list[str]:
    """Elements and attributes of a page that do something or fetch something from elsewhere."""
    found: list[str] = []

    class Reader(html.parser.HTMLParser):
        def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
            if tag in ("script", "iframe", "object", "embed", "form", "base", "link"):
                found.append(f"<{tag}>")
            for key, value in attributes:
                goes = (value or "").strip().lower()
                if key.startswith("on") or (key in ("src", "href") and goes.startswith(("javascript", "http", "x"))):
                    found.append(f"{key}={value}")

    Reader().feed(page)
    return found


def shell_calls(root: Path) -> list[str]:
    """Where the source below `root` could hand a text to a shell."""
    found = []
    for path in sorted(root.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = ast.unparse(node.func)
            shell = any(one.arg == "shell" and ast.unparse(one.value) != "False" for one in node.keywords)
            banned = ("os.system", "os.popen", "getoutput", "getstatusoutput")
            if shell or name.endswith(banned):
                found.append(f"{path.name}:{node.lineno}")
    return found


def _traversal(folder: Path, frames: np.ndarray) -> list[str]:
    """A manifest and a parameter that want to write elsewhere."""
    root, broken = _fresh(folder / "traversal"), []
    write_clip(root / "Set" / "LR_blurdown_x4" / "a", Clip("a", frames))
    write_json(root / "Set" / "manifest.json", {"blur": "../../../../evil"})
    from vsrlib.cli.infer import _manifest_blur

    if _manifest_blur(root / "Set" / "LR_blurdown_x4") is not None:
        broken.append("a manifest names the folder of the results")
    status, said = _cli(
        "study", "--run", root / "run", "--data", root / "data", "--set", "name=../../evil", "--dry-run"
    )
    if status != 2 or "it names folders" not in said:
        broken.append(f"a data set was named ../../evil: {said}")
    return broken


def _cli(*arguments: object) -> tuple[int, str]:
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
        status = cli.main([str(one) for one in arguments])
    return status, (said.getvalue().strip().split("\n") or [""])[-1]


def _fresh(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _below(folder: Path) -> set[str]:
    return {os.path.relpath(path, folder) for path in folder.rglob("*")}


if __name__ == "__main__":
    main("names", check, len(SHOWN))
