"""What the index of a study shows: pages of its steps; verdicts and charts of those that are done, and of no others."""

import os
import re
from collections.abc import Collection, Sequence
from html import unescape
from pathlib import Path

from vsrlib.report.index import Overview, Picture
from vsrlib.report.pages import EXECUTED, MANIFEST, PARTIAL, REPORT, REPORT_CODE, THUMBNAIL, description
from vsrlib.study import headlines, profiles
from vsrlib.study.plan import Planned

ABLATION_CHART = "chart_ablation_effects.svg"


def overview(planned: Sequence[Planned], done: Collection[str], run_root: Path) -> Overview:
    """The overview of a study in the folder `run_root`, from the steps whose ids are `done`.

    What an earlier run left of the other steps is not shown beside the results of this one.
    """
    found = {one.step.notebook: one for one in planned if one.step.id in done}
    claims = found.get(profiles.CLAIMS)
    return Overview(
        claims=headlines.result_of(profiles.CLAIMS, claims.settings) if claims else None,
        claims_folder=_from(run_root, claims.settings.folder) if claims else ".",
        ablation=_ablation(found[profiles.ABLATION], run_root) if profiles.ABLATION in found else None,
        charts=_charts(found[profiles.FIGURES], run_root) if profiles.FIGURES in found else (),
    )


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
    path = one.settings.folder / ABLATION_CHART
    if not path.is_file():
        return None
    spoken = re.search(r"<title>(.*?)</title>\s*<desc>(.*?)</desc>", path.read_text(encoding="utf-8"), re.DOTALL)
    if spoken is None:
        raise ValueError(f"{path} has no title and description")
    title, alt = map(unescape, spoken.groups())
    return Picture(_from(run_root, path), title, alt)


def _from(run_root: Path, path: Path) -> str:
    return Path(os.path.relpath(path, run_root)).as_posix()
