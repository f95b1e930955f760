"""Executed notebooks as self-contained HTML, and the index page of a study. Nothing is loaded from the network."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from vsrlib.files import atomic_path


@dataclass
class Row:
    """One step as the index shows it. `status` is one of STATUSES; `seconds` is None if it never ran."""

    id: str
    status: str
    seconds: float | None = None
    headline: str = ""
    message: str = ""
    links: tuple[str, ...] = ()


@dataclass(frozen=True)
class Chart:
    """A chart as the index shows it: `path` from the index, a title, and words for those who cannot see it."""

    path: str
    title: str
    alt: str


STATUSES = ("done", "up to date", "running", "waiting", "skipped", "failed", "interrupted", "not run", "stale")


def duration(seconds: float | None) -> str:
    """Seconds in words: "3.2 s", "4 min 05 s", "2 h 07 min"; a dash for None."""
    if seconds is None:
        return "–"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def write_notebook(notebook: Path, page: Path) -> None:
    """Convert an executed notebook into one HTML file that needs no other."""
    # These imports take a second, which a study that has nothing to do need not spend.
    from nbconvert import HTMLExporter
    from pygments.formatters import HtmlFormatter
    from traitlets.config import Config

    # The template is the body alone: the others load scripts from the network.
    config = Config({"NbConvertBase": {"display_data_priority": list(_SHOWN_TYPES)}})
    exporter = HTMLExporter(config=config, template_name="basic", embed_images=True, exclude_anchor_links=True)
    body, _ = exporter.from_filename(str(notebook))
    style = _STYLE + _NOTEBOOK_STYLE + HtmlFormatter(style="default").get_style_defs(".highlight")
    back = '<p class="back"><a href="../index.html">All steps</a></p>'
    _write_page(page, notebook.parent.name, style, f"{back}\n{body}")


# No scripts and no widgets: a report is to be read. What comes from data is escaped where it is written; a browser is
# told all the same to run nothing.
_INERT = "script-src 'none'; object-src 'none'; frame-src 'none'; form-action 'none'; base-uri 'none'"
_SHOWN_TYPES = ("image/svg+xml", "text/html", "text/markdown", "image/png", "image/jpeg", "text/plain")


def write_index(
    page: Path, profile: str, rows: Sequence[Row], charts: Sequence[Chart], provenance: dict[str, Any]
) -> None:
    """Write the overview of a study: a table of its steps, its charts, and where all this comes from."""
    count = sum(row.status in ("done", "up to date") for row in rows)
    total = duration(sum(row.seconds or 0 for row in rows))
    table = "\n".join(map(_table_row, rows))
    figures = "\n".join(map(_figure, charts))
    gallery = f'<h2>Charts</h2>\n<div class="charts">\n{figures}\n</div>' if figures else ""
    body = f"""<h1>Self-Blind-VSR in PyTorch and in Jittor</h1>
<p>Profile <strong>{escape(profile)}</strong>: {count} of {len(rows)} steps done, {escape(total)} in all.</p>
<table>
<thead><tr><th>step</th><th>status</th><th>time</th><th>key number</th><th>files</th></tr></thead>
<tbody>
{table}
</tbody>
</table>
{gallery}
{_origin(provenance)}"""
    _write_page(page, f"Study, profile {profile}", _STYLE, body)


def _table_row(row: Row) -> str:
    links = " ".join(f'<a href="{escape(link)}">{escape(Path(link).stem)}</a>' for link in row.links)
    words = "<br>".join(escape(text) for text in (row.headline, row.message) if text)
    name = row.status.replace(" ", "-")
    return (
        f'<tr class="{name}"><th scope="row">{escape(row.id)}</th>'
        f'<td data-label="status"><span class="status">{escape(row.status)}</span></td>'
        f'<td data-label="time">{escape(duration(row.seconds))}</td>'
        f'<td data-label="key number">{words}</td><td data-label="files">{links}</td></tr>'
    )


def _figure(chart: Chart) -> str:
    path, title, alt = escape(chart.path), escape(chart.title), escape(chart.alt)
    image = f'<img src="{path}" alt="{alt}" loading="lazy">'
    return f'<figure><a href="{path}">{image}</a><figcaption>{title}</figcaption></figure>'


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


def _write_page(path: Path, title: str, style: str, body: str) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text(
            f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            f'<meta http-equiv="Content-Security-Policy" content="{_INERT}">\n'
            f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{escape(title)}</title>\n'
            f"<style>\n{style}\n</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n",
            encoding="utf-8",
        )


_STYLE = """
:root { color-scheme: light; }
body { margin: 0; color: #1a1a1a; background: #fff; font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 70rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.5rem; line-height: 1.25; } h2 { font-size: 1.2rem; margin-top: 2rem; }
a { color: #0b57a4; } img, svg { max-width: 100%; height: auto; }
table { border-collapse: collapse; } th, td { padding: .35rem .7rem; text-align: left; vertical-align: top; }
tr { border-bottom: 1px solid #ddd; } tbody th { font-weight: 600; overflow-wrap: anywhere; }
td { overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
.status { font-weight: 600; white-space: nowrap; } td:last-child a { white-space: nowrap; }
.done .status, .up-to-date .status { color: #1b6e32; } .failed .status, .interrupted .status { color: #a8201a; }
.skipped .status, .not-run .status, .waiting .status, .stale .status { color: #6a5200; }
.running .status { color: #0b57a4; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(20rem, 100%), 1fr)); gap: 1rem; }
figure { margin: 0; border: 1px solid #ddd; padding: .5rem; break-inside: avoid; } figcaption { font-size: .85rem; }
dt { font-weight: 600; } dd { margin: 0 0 .5rem; overflow-wrap: anywhere; }
@media (max-width: 40rem) {
  main > table thead { position: absolute; clip-path: inset(50%); }
  main > table, main > table tbody, main > table tr, main > table th, main > table td { display: block; }
  main > table th, main > table td { padding: .1rem 0; } main > table tr { padding: .6rem 0; }
  main > table td:not(:empty)::before { content: attr(data-label) ": "; color: #555; }
}
@media print {
  body { font-size: 10pt; } main { max-width: none; padding: 0; } tr { break-inside: avoid; }
  .charts { grid-template-columns: 1fr 1fr; } .back { display: none; }
}
"""

_NOTEBOOK_STYLE = """
pre { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; font: .85rem/1.45 ui-monospace, monospace; }
.input_prompt, .output_prompt, .prompt { display: none; }
.code_cell { margin: 1rem 0; break-inside: avoid; } .input_area { background: #f6f6f4; padding: .5rem .75rem; }
.output_area { padding: .5rem .75rem; overflow-x: auto; } .output_stderr pre { color: #555; }
.output_error pre { color: #a8201a; } .celltag_parameters, .celltag_injected-parameters { border-left: 3px solid #999; }
.celltag_papermill-error-cell-tag { border-left: 3px solid #a8201a; padding-left: .75rem; }
"""
