"""A training as TensorBoard shows it: losses, rates, validations and their pictures, in an event file.

TensorBoard's own writer needs neither of the frameworks. The log, the scores and the pictures are what counts, and the
event file is made of them: a training that is gone on with writes it anew, so that no step stands in it twice.
"""

import sys
import time
from collections.abc import Iterator
from importlib import util
from pathlib import Path
from typing import Any

from vsrlib.common.errors import UserError
from vsrlib.data.frames import read_frame
from vsrlib.training.options import TrainOptions
from vsrlib.training.validation import picture_file

FOLDER = "tensorboard"
_TIMES = ("seconds", "wait_seconds")
_SHOWN_SOON = 10  # seconds after which what was written is in the file at the latest


def require_tensorboard() -> None:
    """UserError where the package is not installed."""
    if util.find_spec("tensorboard") is None:
        raise UserError(
            "Event files are written by the package tensorboard, which is not installed; install it, "
            f"{sys.executable} -m pip install tensorboard, or leave tensorboard out."
        )


def remove_events(output: Path) -> None:
    """Remove the event files of an earlier training."""
    for path in (output / FOLDER).glob("events.out.tfevents.*"):
        path.unlink()


class Events:
    """The event file of a training, in its output folder. It is opened, and former ones removed, at the first call."""

    def __init__(self, output: Path, options: TrainOptions) -> None:
        self.output = output
        self._flow_rate = options.flow_learning_rate / options.learning_rate  # of that of the others
        self._writer: Any = None
        self._steps = self._validations = 0  # that are written

    def __call__(self, log: list[dict[str, Any]], scores: list[dict[str, Any]], bicubic: float) -> None:
        """Write what is not yet written of the log's entries and of the validations; `bicubic`: its PSNR, dB."""
        if self._writer is None:
            from tensorboard.summary.writer.event_file_writer import EventFileWriter

            remove_events(self.output)
            self._writer = EventFileWriter(str(self.output / FOLDER), flush_secs=_SHOWN_SOON)
        entries, validations = log[self._steps :], scores[self._validations :]
        self._steps, self._validations = len(log), len(scores)
        # Entries of before a training was gone on with are as far apart as they were.
        later = sum(entry["seconds"] for entry in entries)
        now, times = time.time(), {0: time.time() - later}
        for entry in entries:
            later -= entry["seconds"]
            times[entry["step"]] = now - later
            self._write(entry["step"], times[entry["step"]], self._of_step(entry))
        for one in validations:
            values = [("validation/psnr", one["psnr"]), ("validation/cycle", one["cycle"])]
            values.append(("validation/psnr_bicubic", bicubic))
            self._write(one["step"], times.get(one["step"], now), values, picture_file(self.output, one["step"]))

    def close(self) -> None:
        """Write out what is still held."""
        if self._writer is not None:
            self._writer.close()

    def _of_step(self, entry: dict[str, Any]) -> Iterator[tuple[str, float]]:
        for name, value in entry.items():
            if name in _TIMES:
                yield f"time/{name}", value
            elif name == "learning_rate":
                yield "rate/learning_rate", value
                yield "rate/flow_learning_rate", value * self._flow_rate
            elif name == "skipped_steps":
                yield "skipped_steps", value
            elif name != "step":
                yield f"loss/{name}", value

    def _write(self, step: int, wall: float, values: Any, picture: Path | None = None) -> None:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary

        found = [Summary.Value(tag=tag, simple_value=value) for tag, value in values if value is not None]
        if picture is not None and picture.is_file():
            height, width = read_frame(picture).shape[:2]
            image = Summary.Image(height=height, width=width, colorspace=3, encoded_image_string=picture.read_bytes())
            found.append(Summary.Value(tag="validation/picture", image=image))
        self._writer.add_event(Event(step=step, wall_time=wall, summary=Summary(value=found)))
