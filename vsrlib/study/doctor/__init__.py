"""What works on this machine, and the one command that mends what does not: what one check found.

`machine` and `packages` are small functions that check what they are given and look at nothing themselves; `examine`
gives it to them and says what their findings mean for the study; `frameworks` uses each framework once.
"""

import shlex
import sys
from dataclasses import asdict, dataclass
from typing import Any

OK, WARNING, FAULT = "ok", "warning", "fault"


@dataclass(frozen=True)
class Finding:
    """One line: `what` was looked at, `status`, what it `says`, and the one command that mends it (`remedy`).

    A warning costs time or comfort. A fault makes something impossible: `stops` is "study", or the framework that
    cannot be used.
    """

    what: str
    status: str
    says: str
    remedy: str | None = None
    stops: str | None = None

    def __post_init__(self) -> None:
        """ValueError for a fault without a remedy or without what it stops, and for anything else that stops."""
        if (self.status == FAULT) != (self.stops is not None) or (self.status != OK) != (self.remedy is not None):
            raise ValueError(f"{self.what}: a fault stops something, and what is not ok has a remedy")

    def to_json(self) -> dict[str, Any]:
        """As JSON holds it."""
        return asdict(self)


def ok(what: str, says: str) -> Finding:
    """Nothing to do."""
    return Finding(what, OK, says)


def warning(what: str, says: str, remedy: str) -> Finding:
    """Works, with less."""
    return Finding(what, WARNING, says, remedy)


def fault(what: str, says: str, remedy: str, stops: str = "study") -> Finding:
    """Does not work."""
    return Finding(what, FAULT, says, remedy, stops)


def pip(*arguments: str) -> str:
    """A command of this environment's pip, to be pasted into a shell."""
    return shlex.join([sys.executable, "-m", "pip", *arguments])
