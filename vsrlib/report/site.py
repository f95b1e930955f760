"""A run's pages as a folder for the web: the index, everything that it leads to, and nothing else."""

import re
import shutil
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.parse import unquote, urlsplit

from vsrlib.common.errors import UserError
from vsrlib.common.files import replaced_whole, require_own

INDEX = "index.html"
_LEFT_OUT = (".ipynb", "report_code.html")  # the notebooks are in the project, and each would be there three times
_LINK = re.compile(r'(?:href|src)="([^"]+)"')


def write_site(run_root: Path, site: Path) -> list[Path]:
    """Copy a study's index and, page by page, each file that it leads to; returns the copies. A site is replaced.

    It appears whole: an error or an interruption leaves the one that was there. The pages need nothing from elsewhere,
    so that the folder can be served as it is. Links to what is not in the run, such as the project's own figures, and
    to notebooks and pages with code become plain text. UserError: no index, or files in the way that were not made
    here.
    """
    run_root, site = Path(run_root).resolve(), Path(site)
    require_pages(run_root, site)
    with replaced_whole(site, "copy of pages") as folder:
        names = _copy(run_root, folder)
    return [site / name for name in names]


def _copy(run_root: Path, folder: Path) -> list[Path]:
    """The index and what it leads to, from a run into a folder; returns their names there."""
    waiting, done = [run_root / INDEX], set()
    names = []
    while waiting:
        path = waiting.pop()
        if path in done:
            continue
        done.add(path)
        names.append(path.relative_to(run_root))
        copy = folder / names[-1]
        copy.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".html":
            text = path.read_text(encoding="utf-8")
            inside = {link: target for link, target in _links(text, path.parent) if _in(target, run_root)}
            copy.write_text(_without(text, set(inside)), encoding="utf-8")
            waiting += inside.values()
        else:
            shutil.copyfile(path, copy)
    return names


def require_pages(run_root: Path, site: Path) -> None:
    """UserError where a run has no index, or a site's folder holds files that were not made here."""
    if not (Path(run_root) / INDEX).is_file():
        raise UserError(f"{run_root} holds no {INDEX}; run the study there first.")
    require_own(Path(site))


def _links(text: str, folder: Path) -> Iterator[tuple[str, Path]]:
    """The links of a page to files, as they stand there, and the files."""
    for link in dict.fromkeys(_LINK.findall(text)):
        parts = urlsplit(unescape(link))
        if not parts.scheme and not parts.netloc and parts.path:
            yield link, (folder / unquote(parts.path)).resolve()


def _in(path: Path, root: Path) -> bool:
    return path.is_file() and path.is_relative_to(root) and not path.name.endswith(_LEFT_OUT)


def _without(text: str, kept: set[str]) -> str:
    """A page whose links to files that are not `kept` are their words alone."""

    def shown(found: re.Match[str]) -> str:
        link = found[1]
        away = bool(urlsplit(unescape(link)).scheme) or link.startswith("#")
        return found[0] if away or link in kept else found[2]

    return re.sub(r'<a href="([^"]+)">(.*?)</a>', shown, text, flags=re.DOTALL)
