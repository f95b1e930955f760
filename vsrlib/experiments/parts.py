"""Where `Parts` was: it is in `vsrlib.common.parts`."""

from vsrlib.common.parts import Parts

__all__ = ["Parts"]
