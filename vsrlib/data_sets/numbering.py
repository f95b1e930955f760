"""Whether the frames of a clip are numbered without gaps, and sorted by name as by number."""

import re

_NUMBER = re.compile(r"(.*?)(\d+)(\D*)")
_SHOWN = 5  # gaps that are spelt out


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
    twice = sorted({n for n in numbers if numbers.count(n) > 1})
    if twice:
        return [f"has two frames with the number {twice[0]}"], []
    if numbers != sorted(numbers):
        first = next(i for i, (a, b) in enumerate(zip(numbers, numbers[1:])) if a > b)
        return [
            f"is sorted as text, which puts {names[first]} before {names[first + 1]}: number the frames with "
            "leading zeros"
        ], []
    steps = [b - a for a, b in zip(numbers, numbers[1:])]
    step = min(steps)
    if max(steps) == step:
        return [], [] if step == 1 else [f"the frames' numbers go in steps of {step}"]
    gaps = [(a + step, b - step) for a, b in zip(numbers, numbers[1:]) if b - a > step]
    told = ", ".join(str(a) if a == b else f"{a} to {b}" for a, b in gaps[:_SHOWN])
    more = f" and {len(gaps) - _SHOWN} more gaps" if len(gaps) > _SHOWN else ""
    return [f"has gaps in its numbers: {told}{more} missing"], []
