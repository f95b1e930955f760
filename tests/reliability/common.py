"""What the scripts of this folder share: their command line, the result that each writes, damage, and a meter."""

import argparse
import gc
import os
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "helpers"))  # the tests' own modules

from damage_images import KINDS, damaged

from vsrlib.common import provenance
from vsrlib.common.files import write_json

__all__ = ["collect", "fork", "main", "mutations"]

_KINDS = [kind for kind in KINDS if kind != "other"]  # another whole file in its place is no damage


def main(name: str, check: Callable[..., dict[str, Any]], count: int, **options: Any) -> None:
    """Run `check(folder, count, seed, **options)` and write what it returns to OUTPUT/<name>.json.

    `folder` is OUTPUT/work. `count` and `options` are the defaults of the command line. The exit status is 1 if the
    result's `broken`, a list of sentences, is not empty: these are promises that did not hold.
    """
    parser = argparse.ArgumentParser(description=sys.modules["__main__"].__doc__)
    parser.add_argument("output", type=Path, help=f"folder of {name}.json and of what is made on the way")
    parser.add_argument("--count", type=int, default=count, help="how many (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="(%(default)s)")
    for option, default in options.items():
        kind = type(default) if default is not None else Path
        parser.add_argument(f"--{option.replace('_', '-')}", type=kind, default=default, help="(%(default)s)")
    given = vars(parser.parse_args())
    output = given.pop("output")
    work = output / "work"
    work.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    found = check(work, **given)
    result = {
        "check": name,
        "asked": {key: value for key, value in given.items() if not isinstance(value, Path | None)},
        **found,
        "seconds": round(time.monotonic() - start, 1),
        "provenance": provenance.collect(seed=given["seed"]),
    }
    write_json(output / f"{name}.json", result)
    print({key: value for key, value in result.items() if key != "provenance"})
    sys.exit(1 if found["broken"] else 0)


def mutations(whole: list[bytes], seed: int) -> Callable[[int], tuple[str, int, bytes]]:
    """A function of a number: (kind of damage, which of the `whole` files, its bytes with that damage)."""

    def mutation(number: int) -> tuple[str, int, bytes]:
        rng = random.Random(f"{seed} {number}")
        which = number % len(whole)
        kind = _KINDS[number // len(whole) % len(_KINDS)]
        changed = damaged(whole[which], kind, rng, b"")
        for _ in range(rng.randrange(3)):  # one damage, two or three
            if len(changed) > 1:
                changed = damaged(changed, rng.choice(_KINDS), rng, b"")
        return kind, which, changed

    return mutation


def collect() -> None:
    """Free what is garbage, before a fork: a decoder that a child frees waits for threads that the child has not."""
    gc.collect()


def fork(work: Callable[[], object]) -> int:
    """Do `work` in a fork, which has everything loaded; returns its process number. It ends with 0, or 1 on error."""
    collect()
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        except BaseException as error:
            print(f"{type(error).__name__}: {error}", flush=True)
            os._exit(1)
    return child
