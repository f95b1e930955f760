"""What is done of a restoration that was interrupted, so that the same command goes on where it stopped."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vsrlib.common.errors import UserError
from vsrlib.common.files import read_json, write_json
from vsrlib.restoration.loop import FRAMES

_ASKED, _DONE = "asked.json", "done.jsonl"


class Unfinished:
    """The frames of one restoration that are written, in the folder that is filled until all are.

    asked: everything that they depend on, as JSON values. anew: what is there from before does not count. A frame
    counts as soon as its line is in the log, which is written after its file; so of a process that is killed at any
    moment, no frame is lost or there twice.
    """

    def __init__(self, output: Path, asked: Mapping[str, Any], anew: bool) -> None:
        self._output, self._asked, self._anew = output, dict(asked), anew
        self._folder = Path()

    def kept(self, folder: Path) -> bool:
        """Whether `folder` holds frames to go on from. UserError for those of another restoration."""
        anew, self._anew = self._anew, False
        if anew or not _lines(folder / _DONE):
            return False
        before = read_json(folder / _ASKED)
        differing = sorted(name for name in before.keys() | self._asked if before.get(name) != self._asked.get(name))
        if differing:
            raise UserError(
                f"{self._output} holds a restoration that was interrupted and differs in {', '.join(differing)}: give "
                "its command to go on with it, --restart to begin anew, or another output."
            )
        return True

    def go_on(self, folder: Path) -> dict[str, list[dict[str, Any]]]:
        """Use `folder` from now on; returns what is done, in order: clip -> the results of its frames."""
        self._folder = folder
        done: dict[str, list[dict[str, Any]]] = {}
        lines = []
        for line in _lines(folder / _DONE):
            clip, frame = json.loads(line)
            if not (folder / FRAMES / clip / f"{frame['name']}.png").exists():
                break  # it was killed while all was moved into place
            lines.append(line)
            done.setdefault(clip, []).append(frame)
        write_json(folder / _ASKED, self._asked)
        (folder / _DONE).write_text("".join(lines), encoding="utf-8")  # without a line that was begun and not ended
        return done

    def add(self, clip: str, frame: Mapping[str, Any]) -> None:
        """Another frame is written, with this result."""
        with open(self._folder / _DONE, "a", encoding="utf-8") as file:
            file.write(json.dumps([clip, frame], allow_nan=False) + "\n")


def _lines(path: Path) -> list[str]:
    """The whole lines of a file, each with its end."""
    if not path.exists():
        return []
    return [line for line in path.read_text(encoding="utf-8").splitlines(keepends=True) if line.endswith("\n")]
