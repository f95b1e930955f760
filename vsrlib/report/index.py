"""The index of a study: the verdicts first, then pictures, the steps, and where all of it comes from."""

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

from vsrlib.claims.verdict import figure
from vsrlib.common.numbers import counted
from vsrlib.report.pages import EXECUTED, MANIFEST, PARTIAL, REPORT, REPORT_CODE, write_page


@dataclass(frozen=True)
class Picture:
    """A picture file that the index shows: `path` from the index, a title, and words for those who cannot see it."""

    path: str
    title: str
    alt: str


@dataclass
class Row:
    """One step as the index shows it. `status` is one of STATUSES; `seconds` is None if it never ran."""

    id: str
    status: str
    seconds: float | None = None
    headline: str = ""
    message: str = ""
    links: tuple[str, ...] = ()
    picture: Picture | None = None


@dataclass(frozen=True)
class Overview:
    """What a study has found so far: the content of claims.json, or None, and from which folder (seen from the index)
    its evidence is named; the chart of the ablation, or None; all other charts.
    """

    claims: dict[str, Any] | None = None
    claims_folder: str = "."
    ablation: Picture | None = None
    charts: Sequence[Picture] = field(default_factory=tuple)


STATUSES = ("done", "up to date", "running", "waiting", "skipped", "failed", "interrupted", "not run", "stale")
_LINKS = {
    REPORT: "report",
    REPORT_CODE: "with code",
    EXECUTED: "notebook",
    PARTIAL: "as far as it came",
    MANIFEST: "manifest",
}


def duration(seconds: float | None) -> str:
    """Seconds in words: "3.2 s", "4 min 05 s", "2 h 07 min"; a dash for None."""
    if seconds is None:
        return "-"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def write_index(
    page: Path, profile: str, rows: Sequence[Row], provenance: dict[str, Any], overview: Overview | None = None
) -> None:
    """Write the overview of a study: its verdicts, its charts, a table of its steps, and where all this comes from."""
    overview = overview or Overview()
    count = sum(row.status in ("done", "up to date") for row in rows)
    total = escape(duration(sum(row.seconds or 0 for row in rows)))
    parts = [
        "<main>\n<h1>Self-Blind-VSR in PyTorch and in Jittor</h1>",
        f"<p>Profile <strong>{escape(profile)}</strong>: {count} of {len(rows)} steps done, {total} in all.</p>",
        *(_trouble(row) for row in rows if row.status in ("failed", "interrupted")),
        _verdicts(overview.claims, overview.claims_folder) if overview.claims else "",
        _ablation(overview.ablation) if overview.ablation else "",
        _gallery(overview.charts) if overview.charts else "",
        _steps(rows),
        _origin(provenance),
        "</main>",
    ]
    write_page(page, f"Study, profile {profile}", "\n".join(filter(None, parts)))


def _trouble(row: Row) -> str:
    words = f": {row.message}" if row.message else "."
    return f'<p class="trouble"><strong>Step {escape(row.id)} {escape(row.status)}</strong>{escape(words)}</p>'


def _verdicts(claims: dict[str, Any], folder: str) -> str:
    rows = "\n".join(_verdict(one, folder) for one in claims["claims"])
    uses = "\n".join(
        f"<li>{escape(one['use'])}: <strong>{escape(one['choose'])}</strong>, because {escape(one['because'])}.</li>"
        for one in claims["by_use"]
    )
    advice = f"<h3>Which framework to choose</h3>\n<ul>\n{uses}\n</ul>" if uses else ""
    return f"""<h2>The earlier report's claims</h2>
<table class="cards claims">
<thead><tr><th></th><th>claim</th><th>verdict</th><th>this run</th><th>evidence</th></tr></thead>
<tbody>
{rows}
</tbody>
</table>
<p class="note">Measured with {escape(claims["claims"][0]["profile"])}.</p>
{advice}"""


def _verdict(one: dict[str, Any], folder: str) -> str:
    paths = [posixpath.normpath(posixpath.join(folder, path)) for path in one["evidence"]]
    links = ", ".join(f'<a href="{escape(path)}">{escape(_step_of(path))}</a>' for path in paths)
    name = one["verdict"].replace(" ", "-")
    return (
        f'<tr><th scope="row">{escape(one["id"])}</th><td>{escape(one["claim"])}'
        f"<br><em>{escape(one['question'])}</em></td>"
        f'<td data-label="verdict"><strong class="verdict {escape(name)}">{escape(one["verdict"])}</strong>'
        f"<br>{escape(one['reason'])}</td>"
        f'<td data-label="this run">{escape(figure(one))}</td>'
        f"<td><details><summary>{counted(len(paths), 'file')}</summary>{links}</details></td></tr>"
    )


def _step_of(path: str) -> str:
    """The step that a file is of, or the experiment, whose files lie in one folder."""
    folder, file = posixpath.split(path)
    name = posixpath.basename(folder)
    return name if name[:1].isdigit() else posixpath.splitext(file)[0]


def _ablation(chart: Picture) -> str:
    return f"<h2>What each ablated factor of claim C1 costs</h2>\n{_figure(chart)}"


def _gallery(charts: Sequence[Picture]) -> str:
    figures = "\n".join(map(_figure, charts))
    return f'<h2>Charts</h2>\n<div class="charts">\n{figures}\n</div>'


def _figure(chart: Picture) -> str:
    path, title, alt = escape(chart.path), escape(chart.title), escape(chart.alt)
    image = f'<img src="{path}" alt="{alt}">'
    return f'<figure><a href="{path}">{image}</a><figcaption>{title}</figcaption></figure>'


def _steps(rows: Sequence[Row]) -> str:
    numbers = [row.id[:2] for row in rows]
    table = "\n".join(_table_row(row, numbers.index(row.id[:2]) == at) for at, row in enumerate(rows))
    return f"""<h2>Steps</h2>
<table class="cards">
<thead><tr><th>step</th><th></th><th>status</th><th>time</th><th>key number</th><th>files</th></tr></thead>
<tbody>
{table}
</tbody>
</table>"""


def _breakable(name: str) -> str:
    """A name that may go on in the next line after any of its underscores, and nowhere else."""
    return escape(name).replace("_", "_<wbr>")


def _table_row(row: Row, first: bool) -> str:
    """A step; the first one of its number is where links to its notebook lead."""
    links = " ".join(f'<a href="{escape(one)}">{escape(_LINKS.get(Path(one).name, one))}</a>' for one in row.links)
    words = "<br>".join(escape(text) for text in (row.headline, row.message) if text)
    name = row.status.replace(" ", "-")
    anchor = f' id="s{escape(row.id[:2])}"' if first else ""
    picture = ""
    if row.picture is not None:
        image = f'<img src="{escape(row.picture.path)}" alt="{escape(row.picture.alt)}">'
        picture = f'<a href="{escape(row.id)}/{REPORT}">{image}</a>'
    return (
        f'<tr class="{name}"><th scope="row"{anchor}>{_breakable(row.id)}</th><td class="thumbnail">{picture}</td>'
        f'<td data-label="status"><span class="status">{escape(row.status)}</span></td>'
        f'<td data-label="time">{escape(duration(row.seconds))}</td>'
        f'<td data-label="key number">{words}</td><td data-label="files" class="files">{links}</td></tr>'
    )


def _origin(provenance: dict[str, Any]) -> str:
    machine = provenance["machine"]
    commit = provenance["commit"]
    state = " with changes" if provenance["dirty"] else ""
    facts = {
        "written": provenance["created"],
        "commit": f"{commit}{state}" if commit else "not in a git checkout",
        "machine": f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gib']} GiB, "
        f"{machine['gpu'] or 'no GPU'}, {machine['system']}",
        "versions": ", ".join(f"{name} {version or '(none)'}" for name, version in provenance["versions"].items()),
    }
    entries = "\n".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in facts.items())
    return f"<h2>Where this comes from</h2>\n<dl>\n{entries}\n</dl>"
