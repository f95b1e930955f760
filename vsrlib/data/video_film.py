"""What a video says beside its pixels: when each frame is shown, for how long the last one stays, and how it looks."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from vsrlib.data.video_integrity import Progress, fraction_of, nominal_rate
from vsrlib.data.video_picture import Picture

if TYPE_CHECKING:
    import av

_FINEST = 10**6  # ticks a second: of a clock that is finer, a file's own is taken


@dataclass(frozen=True)
class Film:
    """A video's clock and look.

    stamps: when each frame begins, in ticks from where its file begins, and in the end when the last one ends; a range
    where the frames come evenly. tick: seconds. begins: seconds on the file's own clock at which this one is 0. whole:
    all frames of the file are meant, not a part. picture: what the frames have in common.
    """

    path: Path
    stamps: Sequence[int]
    tick: Fraction
    picture: Picture
    begins: Fraction = Fraction(0)
    whole: bool = True

    def __len__(self) -> int:
        return len(self.stamps) - 1

    @property
    def rate(self) -> Fraction:
        """Frames a second: exactly where they come evenly, on average elsewhere."""
        found = len(self) / ((self.stamps[-1] - self.stamps[0]) * self.tick)
        return found if isinstance(self.stamps, range) else found.limit_denominator(1001)

    def part(self, first: int, last: int) -> "Film":
        """The frames from `first` to `last`, on a clock that begins with them."""
        if first == 0 and last == len(self) - 1:
            return self
        start, stamps = self.stamps[first], self.stamps[first : last + 2]
        moved = (
            range(0, stamps[-1] - start + 1, stamps.step)
            if isinstance(stamps, range)
            else tuple(stamp - start for stamp in stamps)
        )
        return replace(self, stamps=moved, begins=self.begins + start * self.tick, whole=False)


def film_of(
    container: "av.container.InputContainer",
    stream: "av.VideoStream",
    progress: Progress,
    stamps: list[int | None],
    picture: Picture,
) -> Film:
    """The clock of a video that was read to its end; stamps: those of its frames, in the stream's unit of time."""
    known = [stamp for stamp in stamps if stamp is not None]
    tick = fraction_of(stream.time_base)
    if len(known) < len(stamps) or tick is None or any(b <= a for a, b in zip(known, known[1:])):
        # a clock that stands still or runs backwards says nothing
        return Film(progress.path, range(len(stamps) + 1), 1 / nominal_rate(stream), picture)
    begins = known[0] * tick
    if container.start_time is not None:  # where sound begins before the picture does
        begins = min(begins, Fraction(container.start_time, 1_000_000))
    end = max(round(progress.shown_until / tick), known[-1] + 1)
    delay, even = known[0] * tick - begins, _even_rate(stream, known, end)
    if even is not None:
        step, fine = _common(1 / even, delay)
        if fine.denominator <= _FINEST:
            start = int(delay / fine)
            return Film(progress.path, range(start, start + step * len(known) + 1, step), fine, picture, begins)
    return Film(progress.path, tuple(stamp - round(begins / tick) for stamp in [*known, end]), tick, picture, begins)


def _even_rate(stream: "av.VideoStream", stamps: list[int], end: int) -> Fraction | None:
    """The rate at which frames come that are shown equally long but for the rounding of their clock; None if not."""
    tick, first, count = Fraction(stream.time_base), stamps[0], len(stamps)
    rates = [rate for rate in map(fraction_of, (stream.average_rate, stream.guessed_rate, stream.base_rate)) if rate]
    if count > 1:
        rates.append(Fraction(count - 1) / ((stamps[-1] - first) * tick))
    for rate in (rate.limit_denominator(1001) for rate in rates):
        if rate <= 0 or (1 / rate < 2 * tick and 1 / rate != tick):  # any stamps would be near to so fine a grid
            continue
        period = 1 / (rate * tick)
        near = all(abs(stamp - first - index * period) <= 1 for index, stamp in enumerate(stamps))
        if near and abs(end - first - count * period) <= max(period / 2, Fraction(1)):
            return rate
    return None


def _common(period: Fraction, delay: Fraction) -> tuple[int, Fraction]:
    """The longest tick that both are whole numbers of, and how many of it a period has."""
    denominator = math.lcm(period.denominator, delay.denominator)
    divisor = math.gcd(int(period * denominator), int(delay * denominator))
    return int(period * denominator) // divisor, Fraction(divisor, denominator)
