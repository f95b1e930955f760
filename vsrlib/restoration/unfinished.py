"""What is done of a restoration that was interrupted, so that the same command goes on where it stopped."""

import functools
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vsrlib.common.errors import UserError
from vsrlib.common.files import atomic_path, read_json, remove, sha256_file, sha256_named, write_json
from vsrlib.restoration.destination import NOTES, Destination
from vsrlib.restoration.loop import FRAMES, KERNELS
from vsrlib.restoration.segments import segment, whole

_ASKED, _DONE, _SEGMENTS = "asked.json", "done.jsonl", "segments"
_SOURCES = Path(__file__).resolve().parents[1]


@functools.cache
def program() -> str:
    """Digest of the library's own sources: installed without a repository, or changed in one, it has no other name."""
    paths = [path for path in _SOURCES.rglob("*") if path.suffix in (".py", ".h", ".cu")]
    return sha256_named({str(path.relative_to(_SOURCES)): sha256_file(path) for path in paths})


class Unfinished:
    """The frames of one restoration that are written while not all are.

    asked: everything that they depend on, as JSON values. anew: what is there from before does not count. A frame
    counts as soon as its line is in the log, which is written after its file, and one of a video when the segment that
    it lies in is whole; so of a process that is killed at any moment, no frame is lost or there twice.
    """

    def __init__(self, target: Destination, asked: Mapping[str, Any], anew: bool) -> None:
        self._target, self._asked, self._anew = target, dict(asked), anew
        self._notes, self._begun = target.work / NOTES, False
        self.segments = self._notes / _SEGMENTS
        """Folder of the segments of videos, which stay there until the result file is written."""

    def kept(self, folder: Path) -> bool:
        """Whether `folder`, which is filled, is to be filled on: asked before the work, and where it ended early.

        UserError for frames of another restoration.
        """
        anew, self._anew, early, self._begun = self._anew, False, self._begun, True
        over = not folder.exists() and self._target.result.exists()
        before = read_json(self._notes / _ASKED) if (self._notes / _ASKED).exists() else {}
        video = self._target.file is not None or before.get("video") is not None  # of what is there
        nothing = not self._lines() or (video and not any(self.segments.glob("*/[!.]*")))
        if anew or over or nothing:
            remove(self._notes)
            return False
        differing = sorted(name for name in before.keys() | self._asked if before.get(name) != self._asked.get(name))
        if differing:
            raise UserError(
                f"{self._target.file or self._target.folder} holds a restoration that was interrupted and differs in "
                f"{', '.join(differing)}: give its command to go on with it, --restart to begin anew, or another "
                "output."
            )
        if early:
            print("note: what is restored is kept, and the same command goes on with it.", file=sys.stderr)
        return True

    def go_on(self, folder: Path, wanted: Sequence[tuple[str, Sequence[str]]]) -> dict[str, list[dict[str, Any]]]:
        """What is done of the `wanted` frames of each clip, in order: clip -> the results of its first frames."""
        kernels = (KERNELS,) if self._asked["kernels"] else ()
        for part in kernels if self._target.video else (FRAMES, *kernels):
            moved = self._target.work / part
            # It was killed after all had been moved into place, and before the result file was written.
            if moved.exists() and not (folder / part).exists() and not self._target.result.exists():
                moved.rename(folder / part)
        for half in [*folder.glob("*/*/.*"), *self.segments.glob("*/.*")]:
            half.unlink()  # of a file that was being written when the process was killed
        done: dict[str, list[dict[str, Any]]] = {}
        lines: list[str] = []
        for line, (clip, number, name) in zip(self._lines(), _numbered(wanted)):
            frame = _result(line, clip, name)
            if frame is None or not self._path(folder, clip, number, name).exists():
                break
            lines.append(line)
            done.setdefault(clip, []).append(frame)
        if self._target.video and done:
            clip = next(reversed(done))
            if len(done[clip]) < len(dict(wanted)[clip]):  # its last segment may lack frames that have no line yet
                kept = whole(len(done[clip]))
                lines = lines[: len(lines) - len(done[clip]) + kept]
                done[clip] = done[clip][:kept]
        if not lines:
            remove(self._notes)
            return {}
        with atomic_path(self._notes / _DONE) as temporary:  # without a line that was begun and not ended
            temporary.write_text("".join(lines), encoding="utf-8")
        return done

    def add(self, clip: str, frame: Mapping[str, Any]) -> None:
        """Another frame is written, with this result."""
        if not (self._notes / _ASKED).exists():
            write_json(self._notes / _ASKED, self._asked)
        with open(self._notes / _DONE, "a", encoding="utf-8") as file:
            file.write(json.dumps([clip, frame], allow_nan=False) + "\n")

    def _path(self, folder: Path, clip: str, number: int, name: str) -> Path:
        """The file that a frame lies in: frame `number` of those that are restored of its clip."""
        if self._target.video:
            return segment(self.segments / clip, number, self._target.video)
        return folder / FRAMES / clip / f"{name}.png"

    def _lines(self) -> list[str]:
        """The whole lines of the log, each with its end."""
        if not (self._notes / _DONE).exists():
            return []
        text = (self._notes / _DONE).read_text(encoding="utf-8")
        return [line for line in text.splitlines(keepends=True) if line.endswith("\n")]


def _numbered(wanted: Sequence[tuple[str, Sequence[str]]]) -> list[tuple[str, int, str]]:
    return [(clip, number, name) for clip, names in wanted for number, name in enumerate(names)]


def _result(line: str, clip: str, name: str) -> dict[str, Any] | None:
    """The result in a line, if it is that of this frame: where a write failed, half a line or a gap may have stayed."""
    try:
        found, frame = json.loads(line)
    except ValueError:
        return None
    return frame if (found, frame["name"]) == (clip, name) else None
