"""`python -m vsrlib` is the command `vsrlib`."""

import sys

from vsrlib.cli import main

if __name__ == "__main__":
    sys.exit(main())
