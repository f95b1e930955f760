"""What the documents say that can be checked: their commands, code, links and headings."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from vsrlib.common.provenance import PROJECT_ROOT

DOCS = PROJECT_ROOT / "docs"
TRANSLATIONS = {
    (PROJECT_ROOT if page.name == "README.zh-CN.md" else DOCS) / page.name.replace(".zh-CN", ""): page
    for page in sorted(DOCS.glob("*.zh-CN.md"))
}
"""Pages -> the same in Chinese."""
DOCUMENTS = [
    path
    for path in (
        PROJECT_ROOT / "README.md",
        *sorted(DOCS.glob("*.md")),
        PROJECT_ROOT / "data" / "README.md",
        PROJECT_ROOT / "figures" / "README.md",
        PROJECT_ROOT / "CONTRIBUTING.md",
    )
    if path.is_file()
]
ENGLISH = [path for path in DOCUMENTS if path not in TRANSLATIONS.values()]
"""What the others translate, whose commands are therefore known."""
SHELL = ("", "bash", "sh", "console")
"""Labels of fenced blocks whose every line is a command."""
PROGRAMS = {
    "vsrlib", "./run_all.sh", ".ci/run", "pip", "apt", "python", "python3", "pytest", "torchrun", "papermill",
    "jupyter", "conda", "mamba", "git", "wsl", "export", "explorer.exe", "nvidia-smi", "snakemake", "pre-commit",
    "ruff", "mypy", "docker", "sbatch", "cd", "xdg-open", "ssh", "source",
}  # fmt: skip
"""First words by which a command in running text is recognised."""
_FOLDER = r"^(\.venv|\.conda)/bin/"


@dataclass(frozen=True)
class Block:
    """A fenced block: its label, its text, and the line before it that is not empty."""

    label: str
    text: str
    before: str


def blocks(document: Path) -> list[Block]:
    """The fenced blocks of a document, those in lists too."""
    found, before = [], ""
    lines = iter(document.read_text(encoding="utf-8").splitlines())
    for line in lines:
        if not line.lstrip().startswith("```"):
            before = line.strip() or before
            continue
        margin, inside = len(line) - len(line.lstrip()), []
        for inner in lines:
            if inner.lstrip().startswith("```"):
                break
            inside.append(inner[margin:])
        found.append(Block(line.strip().removeprefix("```"), "\n".join(inside), before))
    return found


def prose(document: Path) -> str:
    """A document without its fenced blocks."""
    return re.sub(r"^ *```.*?^ *```", "", document.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def spans(document: Path) -> list[str]:
    """What stands between backquotes in running text."""
    return [re.sub(r"\s+", " ", span) for span in re.findall(r"`([^`]+)`", prose(document))]


def commands(document: Path) -> list[str]:
    """Every command of a document in its order, each once, without comments, `sudo` and the environment's folder.

    In running text: what begins with the name of a program and has an argument at least.
    """
    fenced = [line for block in blocks(document) if block.label in SHELL for line in _lines(block.text)]
    inline = [plain(span) for span in spans(document) if re.sub(_FOLDER, "", span).split(" ")[0] in PROGRAMS]
    return list(dict.fromkeys([*fenced, *(one for one in inline if " " in one)]))


def plain(line: str) -> str:
    """A command without comment, `sudo` and the environment's folder."""
    words = shlex.split(line, comments=True)
    words = words[1:] if words[:1] == ["sudo"] else words
    line = shlex.join(words) if words else ""
    line = re.sub(_FOLDER, "", line)
    return re.sub(r"^python3? -m vsrlib(?= |$)", "vsrlib", line)


def _lines(text: str) -> list[str]:
    joined = re.sub(r"\\\n\s*", "", text)
    return [command for command in map(plain, joined.splitlines()) if command]


def links(document: Path) -> list[str]:
    """The targets of a document's links and pictures."""
    text = prose(document)
    return [*re.findall(r"\]\(([^)\s]+)\)", text), *re.findall(r'(?:src|href)="([^"]+)"', text)]


def paths(document: Path) -> list[str]:
    """What running text names of the project's own files: paths, source files by their ends, modules with a name."""
    folders = r"(?:\.ci|docs|figures|notebooks|tests|vsrlib)/[\w./-]*[\w/]"
    pattern = rf"{folders}|(?<![\w./-])[\w/]+\.(?:py|h|cu|css)\b|\bvsrlib(?:\.\w+)+"
    return [path for span in spans(document) for path in re.findall(pattern, span)]


def section(document: Path, title: str) -> str:
    """The text below a heading of the second level, up to the next one."""
    text = document.read_text(encoding="utf-8")
    return next(part for part in text.split("\n## ") if part.startswith(f"{title}\n"))


def headings(document: Path) -> list[str]:
    """Headings with their signs, such as "## Limits"."""
    return re.findall(r"^#+ .+$", prose(document), re.MULTILINE)


def anchor(heading: str) -> str:
    """The name by which a heading is linked to, as GitHub makes it."""
    words = re.sub(r"[^\w\- ]", "", heading.lstrip("# ").lower())
    return words.replace(" ", "-")
