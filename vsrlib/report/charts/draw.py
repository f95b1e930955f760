"""The charts of a comparison, drawn from comparison.json and nothing else; every number is read or computed from it."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib

from vsrlib.claims import results
from vsrlib.common import provenance
from vsrlib.common.files import located, read_json, relative, sha256_file, write_json
from vsrlib.report.charts.efficiency import efficiency, quality_vs_speed, radar
from vsrlib.report.charts.quality import comparison_by_clip, distribution, trend
from vsrlib.report.charts.ratios import ratios
from vsrlib.report.charts.speed import time_breakdown, time_performance
from vsrlib.report.charts.style import Chart, save, style
from vsrlib.report.html import Page, image_html

CHARTS: dict[str, Callable[[dict], Chart]] = {
    "chart_psnr_comparison": partial(comparison_by_clip, metric="psnr"),
    "chart_ssim_comparison": partial(comparison_by_clip, metric="ssim"),
    "chart_performance_radar": radar,
    "chart_performance_ratios": ratios,
    "chart_time_performance": time_performance,
    "chart_time_breakdown": time_breakdown,
    "chart_efficiency": efficiency,
    "chart_psnr_trend": trend,
    "chart_quality_vs_speed": quality_vs_speed,
    "chart_video_psnr_distribution": partial(distribution, metric="psnr"),
    "chart_video_ssim_distribution": partial(distribution, metric="ssim"),
}
_PROVENANCE = "provenance.json"


def draw_all(
    comparison_file: Path, output: Path, source: str | None = None, checkout: Mapping[str, Any] | None = None
) -> list[Path]:
    """Draw the charts into the folder `output`, each as SVG and as PNG, and provenance.json beside them.

    provenance.json holds, per chart, title, alternative text and sha256 of both files; the digests of the files
    that the numbers come from; where these were measured (commit, versions, machine, seeds) and where drawn.
    `source`: where the comparison's numbers were measured, in words; provenance.json keeps it.
    `checkout`: "commit" and "dirty" of the project's own, where they are not those of now.
    Returns the paths written. The same comparison.json gives the same charts, byte for byte.
    """
    comparison_file, output = Path(comparison_file), Path(output)
    comparison = results.read_comparison(comparison_file)
    written: list[Path] = []
    charts = {}
    for name, draw in CHARTS.items():
        with style():
            chart = draw(comparison)
        files = save(chart, output / name)
        digests = {file.name: sha256_file(file) for file in files}
        charts[name] = {"title": chart.title, "alt": chart.alt, "sha256": digests}
        written += files
    measured = {"path": relative(comparison_file, output), "sha256": sha256_file(comparison_file)}
    inputs = [
        {**one, "path": relative(located(one["path"], comparison_file.parent), output)} for one in comparison["inputs"]
    ]
    record = {
        "charts": charts,
        "sources": [measured, *inputs],
        "statistics": comparison["statistics"],
        **({} if source is None else {"source": source}),
        "measured": comparison["provenance"],
        "drawn": provenance.collect(matplotlib=matplotlib.__version__) | dict(checkout or {}),
    }
    write_json(output / _PROVENANCE, record)
    return [*written, output / _PROVENANCE]


def show_all(folder: Path) -> Page:
    """All charts that `draw_all` wrote into `folder`, with their alternative texts."""
    charts = read_json(Path(folder) / _PROVENANCE)["charts"]
    blocks = [
        f"<p>{image_html('image/svg+xml', (Path(folder) / f'{name}.svg').read_bytes(), chart['alt'], 560)}</p>"
        for name, chart in charts.items()
    ]
    return Page("\n".join(blocks), "\n".join(f"{name}: {chart['alt']}" for name, chart in charts.items()))
