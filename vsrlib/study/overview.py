"""What the index of a study shows of its results: verdicts and charts of the steps that are done, and only of those."""

import os
import re
from collections.abc import Collection, Sequence
from html import unescape
from pathlib import Path

from vsrlib.report import Chart, Overview
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


def _charts(one: Planned, run_root: Path) -> list[Chart]:
    folder = _from(run_root, one.settings.folder)
    charts = headlines.result_of(profiles.FIGURES, one.settings).get("charts", {})
    return [Chart(f"{folder}/{name}.svg", about["title"], about["alt"]) for name, about in charts.items()]


def _ablation(one: Planned, run_root: Path) -> Chart | None:
    path = one.settings.folder / ABLATION_CHART
    if not path.is_file():
        return None
    spoken = re.search(r"<title>(.*?)</title>\s*<desc>(.*?)</desc>", path.read_text(encoding="utf-8"), re.DOTALL)
    if spoken is None:
        raise ValueError(f"{path} has no title and description")
    title, alt = map(unescape, spoken.groups())
    return Chart(_from(run_root, path), title, alt)


def _from(run_root: Path, path: Path) -> str:
    return Path(os.path.relpath(path, run_root)).as_posix()
