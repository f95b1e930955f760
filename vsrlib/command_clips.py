"""The command `vsrlib clips`."""

import argparse
from pathlib import Path

from vsrlib.errors import UserError
from vsrlib.photographs import PHOTOGRAPHS


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `vsrlib clips`."""
    parser.description = (
        "Make HR clips to train on without a download: a camera moves over photographs that ship with scikit-image and "
        "over drawn pictures (dead leaves), with a patch of another in front. Writes OUTPUT/HR and "
        "OUTPUT/manifest.json."
    )
    parser.add_argument("output", type=Path, help="folder of the data set")
    parser.add_argument("--split", choices=PHOTOGRAPHS, default="train", help="whose photographs (%(default)s)")
    parser.add_argument("--count", type=int, default=64, help="clips (%(default)s)")
    parser.add_argument("--frames", type=int, default=7, help="frames of a clip (%(default)s)")
    parser.add_argument("--height", type=int, default=256, help="of a frame, pixels (%(default)s)")
    parser.add_argument("--width", type=int, default=384, help="of a frame, pixels (%(default)s)")
    parser.add_argument("--leaves", type=int, default=9, help="drawn pictures beside the photographs (%(default)s)")
    parser.add_argument(
        "--speed",
        type=float,
        nargs="+",
        default=[1.0, 3.0, 5.0, 8.0, 12.0],
        metavar="PIXELS",
        help="mean motion per frame, taken by the clips in turn (%(default)s)",
    )
    parser.add_argument("--seed", type=int, default=0, help="(%(default)s)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Carry out `vsrlib clips`."""
    from vsrlib.embedded import write_clips

    if options.leaves < 0:
        raise UserError(f"leaves is {options.leaves}; give 0 or more.")
    write_clips(
        options.output,
        options.split,
        options.frames,
        (options.height, options.width),
        options.seed,
        options.count,
        options.leaves,
        options.speed,
    )
    print(f"{options.count} clips of {options.frames} frames written to {options.output / 'HR'}.")
