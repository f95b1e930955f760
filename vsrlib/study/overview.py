"""What a study shows of itself while it runs: a line for each step, what there is to open of it, and the index."""

import os
import re
from collections.abc import Mapping, Sequence
from html import unescape
from pathlib import Path
from typing import Any

from vsrlib.report import index
from vsrlib.report.index import Overview, Picture, Row
from vsrlib.report.pages import EXECUTED, MANIFEST, PARTIAL, REPORT, REPORT_CODE, THUMBNAIL, description
from vsrlib.study import headlines, profiles
from vsrlib.study.plan import Planned

_ABLATION_CHART = "chart_ablation_effects.svg"


def write(
    run_root: Path, profile: str, rows: Sequence[Row], origin: dict[str, Any], done: Mapping[str, Planned]
) -> None:
    """Write the index of a study into its folder. `done`: by notebook the steps whose results are shown."""
    claims, ablation, figures = map(done.get, (profiles.CLAIMS, profiles.ABLATION, profiles.FIGURES))
    overview = Overview(
        claims=headlines.result_of(profiles.CLAIMS, claims.settings) if claims else None,
        claims_folder=_from(run_root, claims.settings.folder) if claims else ".",
        ablation=_ablation(ablation, run_root) if ablation else None,
        charts=_charts(figures, run_root) if figures else (),
    )
    index.write_index(run_root / "index.html", profile, list(rows), origin, overview)


def say(row: Row) -> None:
    """A line of the terminal: what has become of a step."""
    words = "; ".join(text for text in (row.headline, row.message) if text)
    print(f"{row.id:<32} {row.status:<11} {index.duration(row.seconds):>12}  {words}".rstrip(), flush=True)


def links(folder: Path) -> tuple[str, ...]:
    """What there is to open of the step in this folder, as seen from the index beside it."""
    names = (REPORT, REPORT_CODE, EXECUTED, PARTIAL, MANIFEST)
    return tuple(f"{folder.name}/{name}" for name in names if (folder / name).exists())


def picture(folder: Path) -> Picture | None:
    """The small picture of the step in this folder, as seen from the index beside it; None if it has none."""
    path = folder / THUMBNAIL
    return Picture(f"{folder.name}/{THUMBNAIL}", "", description(path)) if path.exists() else None


def _charts(one: Planned, run_root: Path) -> list[Picture]:
    folder = _from(run_root, one.settings.folder)
    charts = headlines.result_of(profiles.FIGURES, one.settings).get("charts", {})
    return [Picture(f"{folder}/{name}.svg", about["title"], about["alt"]) for name, about in charts.items()]


def _ablation(one: Planned, run_root: Path) -> Picture | None:
    path = one.settings.folder / _ABLATION_CHART
    if not path.is_file():
        return None
    spoken = re.search(r"<title>(.*?)</title>\s*<desc>(.*?)</desc>", path.read_text(encoding="utf-8"), re.DOTALL)
    if spoken is None:
        raise ValueError(f"{path} has no title and description")
    title, alt = map(unescape, spoken.groups())
    return Picture(_from(run_root, path), title, alt)


def _from(run_root: Path, path: Path) -> str:
    return Path(os.path.relpath(path, run_root)).as_posix()
