"""Progress bars as text: a line in a terminal, and one output of a notebook's cell that stays as its last state."""

import os
import sys
from typing import Any

from tqdm import tqdm

STREAM = "VSRLIB_PROGRESS_TO_STREAM"
"""Set in the environment of a notebook whose standard error somebody passes on to a terminal, and joins afterwards."""

OPEN_NOTEBOOK = "JPY_SESSION_NAME"
"""In the environment of a kernel that Jupyter's server started for an open notebook; papermill's has it not."""


def bar(total: int | None, description: str, unit: str, shown: bool = True, initial: int = 0) -> tqdm:
    """A bar for `total` units (None: nobody knows), `initial` of them done; refreshed every two seconds at most."""
    to_output = _in_notebook() and not os.environ.get(STREAM)
    return tqdm(
        total=total,
        desc=description,
        unit=unit,
        initial=initial,
        disable=not shown,
        file=_Output() if to_output else None,
        mininterval=2,
        miniters=1,  # with a number of its own tqdm refreshes from another thread, whose output no cell receives
        ncols=100,
    )


def _in_notebook() -> bool:
    # IPython in a terminal has no kernel; a terminal knows what to do with a carriage return.
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return getattr(shell, "kernel", None) is not None


class _Output:
    """What tqdm writes to. A stream would keep every refresh in the notebook; a display is replaced by the next."""

    encoding = "utf-8"

    def __init__(self) -> None:
        self._text = ""
        self._place: Any = None

    def write(self, text: str) -> None:
        self._text = text.strip() or self._text

    def flush(self) -> None:
        from IPython.display import display

        shown = {"text/plain": self._text}
        if self._place is None:
            self._place = display(shown, raw=True, display_id=True)
        else:
            self._place.update(shown, raw=True)
