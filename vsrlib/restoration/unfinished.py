"""What is done of a restoration that was interrupted, so that the same command goes on where it stopped."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vsrlib.common.errors import UserError
from vsrlib.common.files import atomic_path, read_json, remove, write_json
from vsrlib.restoration.loop import FRAMES, KERNELS, RESULT

NOTES = ".resume"
"""Folder in the output in which stands what is done, until the result file is written."""

_ASKED, _DONE = "asked.json", "done.jsonl"


class Unfinished:
    """The frames of one restoration to the folder `output` that are written while not all are.

    asked: everything that they depend on, as JSON values. anew: what is there from before does not count. A frame
    counts as soon as its line is in the log, which is written after its file; so of a process that is killed at any
    moment, no frame is lost or there twice.
    """

    def __init__(self, output: Path, asked: Mapping[str, Any], anew: bool) -> None:
        self._output, self._asked, self._anew = output, dict(asked), anew
        self._notes = output / NOTES

    def kept(self, folder: Path) -> bool:
        """Whether `folder`, which is filled, has frames to go on from. UserError for those of another restoration."""
        anew, self._anew = self._anew, False
        over = not folder.exists() and (self._output / RESULT).exists()
        if anew or over or not self._lines():
            return False
        before = read_json(self._notes / _ASKED)
        differing = sorted(name for name in before.keys() | self._asked if before.get(name) != self._asked.get(name))
        if differing:
            raise UserError(
                f"{self._output} holds a restoration that was interrupted and differs in {', '.join(differing)}: give "
                "its command to go on with it, --restart to begin anew, or another output."
            )
        return True

    def go_on(self, folder: Path) -> dict[str, list[dict[str, Any]]]:
        """What is done and lies in `folder`, in order: clip -> the results of its frames."""
        for part in (FRAMES, KERNELS) if self._asked["kernels"] else (FRAMES,):
            moved = self._output / part
            # It was killed after all had been moved into place, and before the result file was written.
            if moved.exists() and not (folder / part).exists() and not (self._output / RESULT).exists():
                moved.rename(folder / part)
        for half in folder.glob("*/*/.*"):  # of a file that was being written when the process was killed
            half.unlink()
        done: dict[str, list[dict[str, Any]]] = {}
        lines = []
        for line in self._lines():
            clip, frame = json.loads(line)
            if not (folder / FRAMES / clip / f"{frame['name']}.png").exists():
                break
            lines.append(line)
            done.setdefault(clip, []).append(frame)
        if not lines:
            self.end()
            return {}
        with atomic_path(self._notes / _DONE) as temporary:  # without a line that was begun and not ended
            temporary.write_text("".join(lines), encoding="utf-8")
        return done

    def add(self, clip: str, frame: Mapping[str, Any]) -> None:
        """Another frame is written, with this result."""
        if not self._notes.exists():
            write_json(self._notes / _ASKED, self._asked)
        with open(self._notes / _DONE, "a", encoding="utf-8") as file:
            file.write(json.dumps([clip, frame], allow_nan=False) + "\n")

    def end(self) -> None:
        """All is done: forget how."""
        remove(self._notes)

    def _lines(self) -> list[str]:
        """The whole lines of the log, each with its end."""
        if not (self._notes / _DONE).exists():
            return []
        text = (self._notes / _DONE).read_text(encoding="utf-8")
        return [line for line in text.splitlines(keepends=True) if line.endswith("\n")]
