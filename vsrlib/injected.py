"""What papermill was told: the names in the cell that it puts after the parameters cell.

papermill itself only warns of a parameter that a notebook does not have, and exits with 0.
"""

import ast
import sys
from collections.abc import Collection, Sequence

from vsrlib.checks import nearest
from vsrlib.errors import UserError

_BEGIN = "# Parameters\n"


def names() -> list[str]:
    """The names that papermill gave to the running notebook; empty outside of a notebook and without any."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    cells = [] if shell is None else shell.user_ns.get("In", [])
    source = next((cell for cell in cells if cell.startswith(_BEGIN)), "")
    return [
        node.id
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    ]


def require_known(own: Sequence[str], known: Collection[str]) -> None:
    """Say which of the given names change nothing here. UserError for one that no notebook has.

    `own`: the notebook's parameters; `known`: those of all notebooks, so that one command line does for several.
    """
    for name in names():
        if name not in known:
            raise UserError(f"There is no parameter {name!r}; the nearest is {nearest(name, list(own))!r}.")
        if name not in own:
            print(f"{name} was given and changes nothing: this notebook has no such parameter.")
