"""The library's rooms: imports run one way, their picture is that of the code, and none grows out of hand."""

import re
import runpy
from pathlib import Path

import pytest

from vsrlib.common.provenance import PROJECT_ROOT

ROOMS = runpy.run_path(str(PROJECT_ROOT / ".ci" / "rooms.py"), run_name="rooms")
PICTURE = PROJECT_ROOT / "figures" / "rooms.svg"
FILES = sorted((PROJECT_ROOT / "vsrlib").rglob("*.py"))


def wrong_ways(root: Path) -> list[str]:
    return [str(one) for one in ROOMS["imports"](root) if not one.allowed]


def test_imports_between_rooms_run_one_way() -> None:
    assert wrong_ways(PROJECT_ROOT) == []


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("from vsrlib.report import html", "report"),
        ("from vsrlib import claims", "claims"),
        ("from vsrlib import load_network", "load_network"),
        ("from ..training import step", "training"),
        ("import vsrlib.cli.data", "cli"),
        ("def late():\n    import importlib\n    return importlib.import_module(f'vsrlib.study.{late}')", "study"),
        ("COMMAND = ('python', '-m', 'vsrlib.bench.worker')", "bench"),
        ("from vsrlib.shed import door", "shed"),
    ],
)
def test_a_planted_import_is_found(source: str, target: str, tmp_path: Path) -> None:
    """Upwards, to a room of the same rank, and to what is no room; downwards and within the room nothing is said."""
    room = tmp_path / "vsrlib" / "restoration"
    room.mkdir(parents=True)
    allowed = "from vsrlib.networks import losses\nfrom vsrlib import __version__, data\nfrom . import metrics\n"
    (room / "loop.py").write_text(f"{allowed}{source}\n")
    (tmp_path / "vsrlib" / "__init__.py").write_text("from vsrlib.cli import main\n")
    line = 3 + len(source.splitlines())
    assert wrong_ways(tmp_path) == [f"vsrlib/restoration/loop.py:{line}: restoration imports {target}"]


def test_the_picture_is_that_of_the_code() -> None:
    """`python .ci/rooms.py figures/rooms.svg` draws it anew. Its line counts may be 500 behind, and nothing else."""
    drawn = PICTURE.read_text(encoding="utf-8")
    shown = dict(re.findall(r'class="room"[^>]*>(\w+)</text>.*?about (\d+) lines', drawn))
    lines = ROOMS["sizes"](PROJECT_ROOT)
    assert {room: int(count) for room, count in shown.items()} == pytest.approx(lines, abs=500)
    assert drawn == ROOMS["draw"](ROOMS["arrows"](PROJECT_ROOT), {room: int(shown[room]) for room in lines})


def test_the_picture_follows_the_imports() -> None:
    links, lines = ROOMS["arrows"](PROJECT_ROOT), ROOMS["sizes"](PROJECT_ROOT)
    assert ROOMS["draw"](links[1:], lines) != ROOMS["draw"](links, lines)
    assert ("cli", "study") in links and ("networks", "kernels") in links
    assert ("cli", "common") not in links  # which follows from the rest


def test_the_house_stays_small() -> None:
    entries = {path.name for path in (PROJECT_ROOT / "vsrlib").iterdir() if path.name != "__pycache__"}
    assert entries == {"__init__.py", "__main__.py", *(room for rooms in ROOMS["RANKS"] for room in rooms)}
    assert len(FILES) <= 271
    assert [path.name for path in FILES if len(path.read_text(encoding="utf-8").splitlines()) > 400] == []
