"""Where the results of a restoration go: a folder with all of them, or one video file with its result beside it."""

import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vsrlib.common.errors import UserError
from vsrlib.common.files import MARKER, read_object, remove, replaced, require_file, require_folder, require_own
from vsrlib.data.clips import COMPARISON, ClipSource
from vsrlib.data.sets.layouts import require_outside
from vsrlib.data.video import VIDEO_SUFFIXES, WRITTEN_SUFFIXES
from vsrlib.restoration.loop import FRAMES, KERNELS, RESULT, VIDEOS
from vsrlib.restoration.options import InferOptions

NOTES = ".resume"
"""Folder in which stands what is done of a restoration (see `vsrlib.restoration.unfinished`), until all of it is."""

_PARTS = (FRAMES, VIDEOS, KERNELS)
_LONGEST_NAME = 255  # bytes, on the usual file systems


@dataclass(frozen=True)
class Destination:
    """folder: that of the result file, from which its paths are seen. file: the one video that is written there, or
    None for a folder of results. video: the ending of the videos that are written, without its dot, or None for PNG.
    """

    folder: Path
    file: Path | None
    video: str | None

    @classmethod
    def of(cls, output: Path, options: InferOptions) -> "Destination":
        """Where `vsrlib infer INPUT output` writes to: an `output` that ends as a video is that file.

        UserError for a video of a kind that is not written, for options that a file has no place for, and for files in
        the way that were not made here; OSError for a place that cannot be written to.
        """
        output = Path(output)
        if options.fps is not None and options.video is None and output.suffix.lower() not in WRITTEN_SUFFIXES:
            raise UserError("Frames have no rate; give --fps where a video is written, with --video or as the output.")
        suffix = output.suffix.lower()
        if suffix not in VIDEO_SUFFIXES or output.is_dir():
            folder = output if options.part is None else output / options.part.folder
            require_folder(folder)
            for part in _PARTS:
                require_own(folder / part)
            found = cls(folder, None, options.video)
            found.require_own_picture()
            return found
        if suffix not in WRITTEN_SUFFIXES:
            raise UserError(f"{output} cannot be written: give {' or '.join(WRITTEN_SUFFIXES)}, or a folder.")
        if options.video not in (None, suffix[1:]):
            raise UserError(f"{output} is to be written, and --video {options.video} says otherwise; give one of them.")
        if options.part is not None or options.kernels:
            raise UserError(f"{output} is one video; give a folder with --shard or --kernels.")
        require_file(output)
        found = cls(output.parent, output, suffix[1:])
        # A result of this name may be that of a video of the other ending.
        if output.exists() and found._said.get("images") != output.name and not found._in_place:
            raise UserError(f"{output} is there and was not made here: choose another name, or move it away.")
        found.require_own_picture()
        return found

    @property
    def work(self) -> Path:
        """The folder that is filled: `folder`, or a hidden one beside the one video."""
        if self.file is None:
            return self.folder
        name = os.fsencode(self.file.name)
        return self.folder / f".{name[:40].decode('utf-8', 'ignore')}-{zlib.crc32(name):08x}.unfinished"

    @property
    def result(self) -> Path:
        """The result file: inference.json in the folder, or <name>.inference.json beside the video."""
        return self._beside(RESULT)

    @property
    def comparison(self) -> Path:
        """The picture of the result, likewise."""
        return self._beside(COMPARISON)

    @property
    def images(self) -> str:
        """Folder of the pictures or videos, or the one video, as seen from `folder`."""
        return self.file.name if self.file is not None else VIDEOS if self.video else FRAMES

    def require_own_picture(self) -> None:
        """UserError for a picture in the way that no restoration has made."""
        ours = bool(self._said) and self._said.get("comparison", self.comparison.name) == self.comparison.name
        if self.comparison.exists() and not ours and not self._in_place:
            raise UserError(
                f"{self.comparison} is there and was not made here: choose another output, or move it away."
            )

    def path_of(self, clip: str, frame: str) -> Path:
        """Where a restored frame lies when all is done: its own file, or the video that holds it."""
        if self.file is not None:
            return self.file
        return self.folder / (f"{VIDEOS}/{clip}.{self.video}" if self.video else f"{FRAMES}/{clip}/{frame}.png")

    def require_fit(self, input_path: Path, sources: Sequence[ClipSource]) -> None:
        """UserError where the results would lie among what is read, or cannot be named. Before any work."""
        root = Path(input_path).resolve()
        if self.file is not None and len(sources) > 1:
            raise UserError(
                f"{input_path} holds {len(sources)} clips and {self.file} takes one: give a folder, with --video "
                f"{self.video} for a video of each."
            )
        require_outside(self.file or self.folder, input_path, sources)
        for source in sources:
            name = f"{source.name}.{self.video}"
            if self.video and self.file is None and len(os.fsencode(name)) > _LONGEST_NAME:
                raise UserError(
                    f"The clip {source.name} has a name of {len(os.fsencode(source.name))} bytes, and with "
                    f".{self.video} a file's may have {_LONGEST_NAME}; rename it."
                )
        for part in _PARTS:
            if root.is_relative_to((self.folder / part).resolve()) and self.file is None:
                raise UserError(
                    f"The input {input_path} lies in {self.folder / part}, which is to be replaced; give another "
                    "output."
                )

    @contextmanager
    def filled(self, kept: Callable[[Path], bool] | None = None) -> Iterator[Path]:
        """Yield a folder to fill with `frames`, `videos` and `kernels`; when the block ends well, they are in place.

        kept: see `vsrlib.common.files.replaced`. Then the result file is written, and then it is `cleared`.
        """
        if self.file is None:
            with replaced(self.folder, _PARTS, RESULT, kept) as staging:
                yield staging
                self.comparison.unlink(missing_ok=True)
            return
        with replaced(self.work, (VIDEOS,), RESULT, kept) as staging:
            yield staging
            self.result.unlink(missing_ok=True)
            self.comparison.unlink(missing_ok=True)
        (made,) = [path for path in (self.work / VIDEOS).iterdir() if path.suffix.lower() == f".{self.video}"]
        os.replace(made, self.file)

    def cleared(self) -> None:
        """Remove what was kept in case that all is not done."""
        remove(self.work / NOTES if self.file is None else self.work)

    @property
    def _said(self) -> dict[str, Any]:
        """What the result file that is there says, {} without one."""
        return read_object(self.result) or {}

    @property
    def _in_place(self) -> bool:
        """Whether frames or videos were moved into place: if there is no result, then by a run that was killed."""
        return any((self.work / part / MARKER).exists() for part in _PARTS)

    def _beside(self, name: str) -> Path:
        if self.file is None:
            return self.folder / name
        part = os.fsencode(self.file.stem)[: _LONGEST_NAME - len(name) - 1].decode("utf-8", "ignore")
        return self.folder / f"{part}.{name}"
