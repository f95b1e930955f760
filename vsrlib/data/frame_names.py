"""The names of a clip's frames: the order they stand in, gaps in their numbers, and two spellings of one name."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

from vsrlib.common.errors import UserError

_DIGITS = re.compile(r"([0-9]+)")
_NUMBER = re.compile(r"(.*?)(\d+)(\D*)")
_SHOWN = 5  # gaps that are spelt out


class Ambiguous(UserError):
    """Names whose order cannot be told: as text it is another than by their numbers, and these leave more than one."""


def spelt(name: str) -> str:
    """A name as it is compared and written: an accented letter is one character, though a Mac may store it as two."""
    return unicodedata.normalize("NFC", name)


def called(wanted: str | int, names: Iterable[str]) -> str | None:
    """Which of the names is meant: the same one, or for a number the one that is this number; None if none is.

    papermill makes a number of what looks like one: `-p clip 000` arrives as 0. UserError for several of that number.

    >>> called("walk", ["city", "walk"]), called(0, ["000", "walk"]), called("0", ["000"])
    ('walk', '000', None)
    """
    if isinstance(wanted, str):
        return next((name for name in names if name == spelt(wanted)), None)
    found = [name for name in names if name.isdecimal() and int(name) == wanted]
    if len(found) > 1:
        raise UserError(f"{wanted} may be {' or '.join(found)}: give the name as a text, which papermill does with -r.")
    return found[0] if found else None


def in_order(names: Iterable[str]) -> list[str]:
    """Frame names (without endings) in the order of their clip: as text, or by number where that is another order.

    By number only where it is clear which number counts: the names differ in one number and in nothing else. Raises
    Ambiguous where the two orders differ and that is not so.

    >>> in_order(["10", "9", "1"]), in_order(["b", "a2", "a10"][::2])
    (['1', '9', '10'], ['a10', 'b'])
    """
    as_text = sorted(names)
    parts = {name: _DIGITS.split(name) for name in as_text}  # text, digits, text, ...
    by_number = sorted(as_text, key=lambda name: [int(part) if i % 2 else part for i, part in enumerate(parts[name])])
    if by_number == as_text:
        return as_text
    first, second = next((a, b) for a, b in zip(as_text, by_number) if a != b)
    if len({tuple(part[::2]) for part in parts.values()}) > 1:
        raise Ambiguous(_ambiguous(first, second, "they differ in more than a number"))
    numbers = list(zip(*(part[1::2] for part in parts.values())))
    varying = [index for index, found in enumerate(numbers) if len(set(found)) > 1]
    if len(varying) != 1:
        raise Ambiguous(_ambiguous(first, second, "more than one number in them changes"))
    (index,) = varying
    if index and parts[first][2 * index] == ".":
        raise Ambiguous(_ambiguous(first, second, "the number that changes may be a decimal fraction"))
    if len(set(map(int, numbers[index]))) < len(as_text):
        raise Ambiguous(_ambiguous(first, second, "two have the same number"))
    return by_number


def _ambiguous(first: str, second: str, why: str) -> str:
    return f"holds frames whose order is not clear ({first} or {second} first?), because {why}"


def numbering(names: list[str]) -> tuple[list[str], list[str]]:
    """Faults and notes on frame names in the order of the clip, without their endings. Both empty for 00, 01, 02, ...

    The last number in a name counts. Every n-th number, evenly, is a note; a gap in an even row is a fault.
    """
    if len(names) < 2:
        return [], []
    parts = [match for match in map(_NUMBER.fullmatch, names) if match]
    if len(parts) < len(names) or len({(part[1], part[3]) for part in parts}) > 1:
        return [], ["the frames' names do not share a pattern, so that gaps cannot be told"]
    numbers = [int(part[2]) for part in parts]
    twice = sorted(number for number, count in Counter(numbers).items() if count > 1)
    if twice:
        return [f"has two frames with the number {twice[0]}"], []
    if numbers != sorted(numbers):
        return [], []  # their order is not clear, which is a fault of its own
    steps = [b - a for a, b in zip(numbers, numbers[1:])]
    step = min(steps)
    if max(steps) == step:
        return [], [] if step == 1 else [f"the frames' numbers go in steps of {step}"]
    gaps = [(a + step, b - step) for a, b in zip(numbers, numbers[1:]) if b - a > step]
    told = ", ".join(str(a) if a == b else f"{a} to {b}" for a, b in gaps[:_SHOWN])
    more = f" and {len(gaps) - _SHOWN} more gaps" if len(gaps) > _SHOWN else ""
    return [f"has gaps in its numbers: {told}{more} missing"], []
