"""docs/formats.md against real files: every key in them is documented, and none is invented."""

import functools
import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import results_fixture

from vsrlib.claims import comparison, every_pair, judge
from vsrlib.common.provenance import PROJECT_ROOT
from vsrlib.data.degrade import degrade_clips

TEXT = (PROJECT_ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
WHOLE = {
    "interval": ("value", "low", "high", "n", "unit"),
    "spread": ("value", "low", "high", "n", "spread"),
    "file": ("path", "sha256"),
    "weights": ("path", "sha256", "bytes"),
}
FILES = {
    "inference.json": "inference.json",
    "train.json": "train.json",
    "log.jsonl": "log.jsonl",
    "train_flow.json": "train_flow.json",
    "comparison.json": "comparison.json",
    "every_pair.json": "every_pair.json",
    "claims.json": "claims.json",
    "ablation.json": "ablation.json",
    "costs.json": "costs.json",
    "precision.json": "precision.json",
    "blind.json": "blind.json",
    "measurement.json": "measurement.json",
    "parity.json": "parity.json",
    "training.json": "training.json",
    "seeds.json": "seeds.json",
    "processes.json": "processes.json",
    "backends.json": "backends.json",
    "output.json": "processes.json",
    "memory.json": "processes.json",
    "manifest.json": "manifest.json",
    "environment.json": "environment.json",
    "provenance.json": "environment.json",
}
"""Name of a file -> name of the section that documents it."""
_TODAY = {"comparison.json": '"filmed": {"', "costs.json": "unseen_share", "ablation.json": "by_scene"}
"""A key that files of today have."""


def documented(section: str, text: str = TEXT) -> dict[str, str]:
    """Key -> what it is, of the section whose heading names that file; braces are written out."""
    part = next(one for one in text.split("\n## ") if one.startswith(f"`{section}`"))
    found = {}
    for keys, words in re.findall(r"^\| (`.+?`) \| (.+) \|$", part, re.MULTILINE):
        for key in re.findall(r"`([^`]+)`", keys):
            found |= dict.fromkeys(_written_out(key), words)
    return found


def _written_out(key: str) -> Iterator[str]:
    parts = [part.split(",") for part in re.split(r"\{([^}]*)\}", key)[1::2]]
    holes = re.sub(r"\{[^}]*\}", "\0", key)
    for choice in itertools.product(*parts):
        one = holes
        for word in choice:
            one = one.replace("\0", word, 1)
        yield one


def leaves(value: Any, path: str = "") -> Iterator[str]:
    """The paths of all values that are neither objects nor lists of objects."""
    if isinstance(value, dict) and value:
        for name, one in value.items():
            yield from leaves(one, f"{path}.{name.replace('.', '_')}" if path else name.replace(".", "_"))
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for one in value:
            yield from leaves(one, f"{path}[]")
    else:
        yield path


@functools.cache
def pattern(key: str) -> re.Pattern[str]:
    """A documented key as what it matches: itself, or what lies below it."""
    return re.compile(re.escape(key.removesuffix("[]")).replace(r"\*", r"[^.\[\]]+") + r"(\[\])?((\.|\[).*)?")


def undocumented(content: Any, keys: dict[str, str]) -> list[str]:
    return sorted(leaf for leaf in set(leaves(content)) if not leaf.endswith("skipped") and not _covered(leaf, keys))


def _covered(leaf: str, keys: dict[str, str]) -> bool:
    for key, words in keys.items():
        if key.startswith(f"{leaf}["):  # an empty list
            return True
        found = pattern(key).fullmatch(leaf)
        if found is None:
            continue
        below, kind = (found.group(2) or "").lstrip(".[]"), words.split(",")[0].split(" ")[0]
        if not below or kind not in WHOLE or below.split(".")[0].split("[")[0] in WHOLE[kind]:
            return True
    return False


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the code of today writes, where that takes no framework."""
    root = tmp_path_factory.mktemp("formats")
    inference, training = results_fixture.write_run(root / "run")
    parity = [PROJECT_ROOT / "figures/results/06_prove_parity/parity.json"]
    every_pair.compare(inference, training, parity, root / "every_pair")
    comparison.compare(inference, training, root / "comparison")
    judge.judge(root / "comparison" / "comparison.json", root / "claims")
    degrade_clips(root / "run" / "torch_Gaussian" / "frames", root / "Set", "Realistic", 0)
    return root


def contents(name: str, made: Path) -> list[Any]:
    paths = [*sorted((PROJECT_ROOT / "figures").rglob(name)), *sorted(made.rglob(name))]
    if name.endswith(".jsonl"):
        return [json.loads(line) for path in paths for line in path.read_text().splitlines()[:3]]
    found = [json.loads(path.read_text()) for path in paths]
    # What an earlier version published is replaced with the next run.
    return [one for one in found if _TODAY.get(name, "") in json.dumps(one)]


@pytest.mark.parametrize("name", FILES)
def test_every_key_is_documented(name: str, made: Path) -> None:
    keys = documented(FILES[name])
    for content in contents(name, made):
        assert undocumented(content, keys) == []


@pytest.mark.parametrize("section", sorted(set(FILES.values())))
def test_no_key_is_invented(section: str, made: Path) -> None:
    """Each is in a real file; where there is none to look at, or it is optional, the library has the word."""
    names = [name for name, documented_in in FILES.items() if documented_in == section]
    found = {leaf for name in names for content in contents(name, made) for leaf in leaves(content)}
    source = "".join(path.read_text(encoding="utf-8") for path in (PROJECT_ROOT / "vsrlib").rglob("*.py"))
    for key in documented(section):
        seen = any(pattern(key).fullmatch(leaf) for leaf in found)
        word = re.split(r"[.\[]", key.replace("[]", "").replace(".*", ""))[-1]
        assert seen or re.search(rf"\b{re.escape(word)}\b", source), key


def test_planted_mistakes_are_found() -> None:
    text = "\n## `a.json`\n| `x`, `y[].{b,c}` | words |\n| `z` | interval, dB |\n| `w.*` | weights |\n"
    keys = documented("a.json", text)
    assert set(keys) == {"x", "y[].b", "y[].c", "z", "w.*"}
    content = {
        "x": 1,
        "y": [{"b": 1, "d": 2}],
        "z": {"value": 1, "middle": 2},
        "w": {"q": {"path": "", "size": 1}},
        "v": 0,
    }
    assert undocumented(content, keys) == ["v", "w.q.size", "y[].d", "z.middle"]
