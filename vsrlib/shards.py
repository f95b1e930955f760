"""A restoration split over several processes or machines: each restores one run of frames of the whole."""

import re
from dataclasses import dataclass
from typing import TypeVar

from vsrlib.errors import UserError

Item = TypeVar("Item")


@dataclass(frozen=True)
class Shard:
    """Part `number` of `count`, counted from 1."""

    number: int
    count: int

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """From "2/4". UserError for anything else."""
        found = re.fullmatch(r"(\d+)/(\d+)", text)
        if found is None or not 1 <= int(found[1]) <= int(found[2]):
            raise UserError(f"shard is {text!r}; give i/n with i from 1 to n, such as 2/4.")
        return cls(int(found[1]), int(found[2]))

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    @property
    def folder(self) -> str:
        """Name of the folder that takes this part's results."""
        return f"shard_{self.number}_of_{self.count}"

    def of(self, items: list[Item]) -> list[Item]:
        """This part of the items: neighbours stay together, and the parts differ by one item at most."""
        begin, end = (len(items) * part // self.count for part in (self.number - 1, self.number))
        return items[begin:end]
