"""The thirteen rooms of vsrlib: which may import which, what their imports say, and the picture of docs/design.md.

    python .ci/rooms.py figures/rooms.svg

says every import that goes the wrong way and draws the rooms. Exit status 1 if there is one. Only the standard library.
"""

import ast
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

ROOT = Path(__file__).resolve().parents[1]
RANKS: tuple[dict[str, str], ...] = (
    {"cli": "commands and their options"},
    {"study": "runs the notebooks in order"},
    {"report": "charts, tables and pages"},
    {"experiments": "one question each, run once"},
    {"claims": "compares and judges", "bench": "time and memory"},
    {"training": "learns weights", "restoration": "LR clip to HR clip", "parity": "layer by layer"},
    {"networks": "the model in both frameworks"},
    {"kernels": "C++ and CUDA", "data": "frames, blur, test sets"},
    {"common": "errors, options, files, processes"},
)
"""The rooms with what each is for, the highest rank first. A room imports rooms of lower ranks, and no others."""
_RANK = {room: -number for number, rooms in enumerate(RANKS) for room in rooms}
_ABOVE = ("__init__.py", "__main__.py")
"""Files of no room: they give the package its public names."""


@dataclass(frozen=True)
class Import:
    """One place where a file of `room` imports from another: `target` is a room, or a name that vsrlib itself gives."""

    file: Path
    line: int
    room: str
    target: str

    @property
    def allowed(self) -> bool:
        """Whether it goes down. Of vsrlib itself, which stands above all rooms, only the version may be asked."""
        return self.target == "__version__" or _RANK.get(self.target, 1) < _RANK.get(self.room, -len(RANKS))

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.room} imports {self.target}"


def imports(root: Path = ROOT) -> Iterator[Import]:
    """Every import from another room, inside functions and by a module's name in a text ("vsrlib.x.y") too.

    `root`: the folder that holds vsrlib.
    """
    for path in sorted((root / "vsrlib").rglob("*.py")):
        file = path.relative_to(root)
        if len(file.parts) == 2 and file.name in _ABOVE:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for name in _named(node, file):
                package, _, rest = name.partition(".")
                if package == "vsrlib" and (target := rest.split(".")[0]) != file.parts[1]:
                    yield Import(file, node.lineno, file.parts[1], target)  # type: ignore[attr-defined]


def _named(node: ast.AST, file: Path) -> list[str]:
    """Full names of the modules, or of what is taken from vsrlib itself, that one node imports."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        above = ".".join(file.parts[: -node.level]) if node.level else ""
        base = ".".join(filter(None, (above, node.module)))
        return [f"{base}.{alias.name}" for alias in node.names]
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and re.match(r"vsrlib\.[a-z_]+\.", node.value):
        return [node.value]
    return []


def sizes(root: Path = ROOT) -> dict[str, int]:
    """Lines of Python of each room."""
    return {
        room: sum(len(path.read_text(encoding="utf-8").splitlines()) for path in (root / "vsrlib" / room).rglob("*.py"))
        for room in _RANK
    }


# The picture: 400 units wide, so that a letter of 12 units has 12 pixels on a telephone.

_WIDTH, _HEIGHT, _STEP, _TOP = 400, 58, 92, 14
_BOX = {1: 216, 2: 150, 3: 114}
"""Width of a box where so many stand beside each other."""
_STYLE = """
    rect { fill: #eaf2fb; stroke: #2f6fb2; stroke-width: 1.3; }
    .page { fill: #ffffff; stroke: none; }
    text { font: 12px "DejaVu Sans", sans-serif; fill: #1f2328; text-anchor: middle; }
    .room { font-size: 14px; font-weight: bold; }
    .size { font-size: 11px; fill: #444444; }
    path { fill: none; stroke: #57606a; stroke-width: 1.4; marker-end: url(#arrow); }
    marker path { fill: #57606a; stroke: none; marker-end: none; }
  """


def arrows(root: Path = ROOT) -> list[tuple[str, str]]:
    """Which room imports which, without what follows from the rest: where a imports b and b imports c, a may use c."""
    below: dict[str, set[str]] = {room: set() for room in _RANK}
    for one in imports(root):
        if one.allowed and one.target in _RANK:
            below[one.room].add(one.target)

    def reached(room: str) -> set[str]:
        return below[room].union(*map(reached, below[room]))

    return [
        (room, target)
        for room in _RANK
        for target in _RANK
        if target in below[room] and not any(target in reached(other) for other in below[room])
    ]


def draw(links: Sequence[tuple[str, str]], lines: dict[str, int]) -> str:
    """The SVG of the rooms with arrows and `lines`, which are rounded to 500."""
    said = "; ".join(f"{room} imports {', '.join(t for r, t in links if r == room)}" for room in dict(links))
    words = f"{len(_RANK)} folders in {len(RANKS)} ranks; each imports only from ranks below it. From the top: {said}."
    height = _TOP + _STEP * (len(RANKS) - 1) + _HEIGHT + _TOP
    boxes = [_box(room, purpose, lines[room]) for rooms in RANKS for room, purpose in rooms.items()]
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img">',
        f"  <title>The rooms of vsrlib and what they import</title>\n  <desc>{escape(words)}</desc>",
        f"  <style>{_STYLE}</style>",
        '  <defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0 L8 4 L0 8 Z"/></marker></defs>',
        f'  <rect class="page" width="{_WIDTH}" height="{height}"/>',
        *(f'  <path d="{_way(room, target, links)}"/>' for room, target in links),
        *boxes,
        "</svg>\n",
    ])  # fmt: skip


def _box(room: str, purpose: str, lines: int) -> str:
    left, right, top = _place(room)
    middle = (left + right) / 2
    texts = (("room", 19, room), ("", 36, purpose), ("size", 51, f"about {max(1, round(lines / 500)) * 500} lines"))
    written = "".join(f'<text class="{kind}" x="{middle:g}" y="{top + y}">{text}</text>' for kind, y, text in texts)
    return f'  <rect x="{left:g}" y="{top}" width="{right - left:g}" height="{_HEIGHT}" rx="5"/>{written}'


def _place(room: str) -> tuple[float, float, int]:
    """Left, right and top of a room's box."""
    row = -_RANK[room]
    beside = list(RANKS[row])
    width = _BOX[len(beside)]
    gap = (_WIDTH - len(beside) * width) / (len(beside) + 1)
    left = gap + beside.index(room) * (width + gap)
    return left, left + width, _TOP + row * _STEP


def _way(room: str, target: str, links: Sequence[tuple[str, str]]) -> str:
    """From below a room to above its target; past the rooms between them through the nearest gap."""
    start = _spread(room, [t for r, t in links if r == room], target)
    end = _spread(target, [r for r, t in links if t == target], room)
    top, bottom = _place(room)[2] + _HEIGHT, _place(target)[2] - 1
    x, y, way = start, top, f"M{start:g} {top}"
    for row in range(1 - _RANK[room], -_RANK[target]):
        x = min(_gaps(row), key=lambda at: abs(at - x) + abs(at - end))
        above = _TOP + row * _STEP
        way += f" C{_bend(y, above, x, way)} V{above + _HEIGHT}"
        y = above + _HEIGHT
    return f"{way} C{_bend(y, bottom, end, way)}"


def _bend(y: int, below: int, x: float, way: str) -> str:
    """A curve from the end of a way, at height y, to x at height `below`; upright at both ends."""
    before = re.findall(r"[MC ](-?[\d.]+) \d+", way)[-1]
    middle = (y + below) / 2
    return f"{before} {middle:g} {x:g} {middle:g} {x:g} {below}"


def _spread(room: str, others: Sequence[str], other: str) -> float:
    """Where on the edge of a room's box the arrow to or from `other` ends: ordered as the others lie."""
    left, right, _ = _place(room)
    ordered = sorted(others, key=lambda name: sum(_place(name)[:2]))
    return left + (right - left) * (1 + ordered.index(other)) / (1 + len(ordered))


def _gaps(row: int) -> list[float]:
    """The middles of what is free beside and between the boxes of a row."""
    edges = [0.0, *(edge for room in RANKS[row] for edge in _place(room)[:2]), float(_WIDTH)]
    return [(a + b) / 2 for a, b in zip(edges[::2], edges[1::2])]


def main() -> int:
    wrong = [one for one in imports() if not one.allowed]
    print(*wrong, sep="\n", end="\n" if wrong else "")
    Path(sys.argv[1]).write_text(draw(arrows(), sizes()), encoding="utf-8")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
