"""A restoration that is stopped on purpose, and what of its results is of one run alone."""

import pytest

from vsrlib.restoration import loop

TIMES = ("pre", "forward", "post")
"""Of a frame's result: seconds, which differ from run to run."""


def stopped_at(patch: pytest.MonkeyPatch, after: int, error: BaseException, alone: bool = False) -> None:
    """The error in place of frame number `after` that is to be written, and of those behind it unless it is `alone`."""
    seen, finish = [], loop._finish

    def stop(*arguments) -> dict:
        seen.append(arguments)
        if len(seen) == after + 1 or (len(seen) > after and not alone):
            raise error
        return finish(*arguments)

    patch.setattr(loop, "_finish", stop)
