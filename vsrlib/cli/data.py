"""The commands `vsrlib data check` and `vsrlib data fetch`."""

import argparse
from pathlib import Path

from vsrlib.common.errors import UserError
from vsrlib.common.names import BLURS
from vsrlib.data.synthetic.pictures import PHOTOGRAPHS


def arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the commands and their options."""
    parser.description = "Check data sets, and fetch those that can be downloaded."
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _check(commands.add_parser("check", help="say what is there, what is missing and what is wrong"))
    _fetch(commands.add_parser("fetch", help="download a data set or weights"))


def _check(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Say what lies at PATH, what is missing of a published set, and what is wrong: frames that do not decode, "
        "mixed sizes, gaps in numbering, HR and LR that do not belong together. Exit status 2 if anything is wrong. "
        "The digest is that of all decoded pixels: two folders with the same digest hold the same frames."
    )
    parser.add_argument("path", type=Path, metavar="PATH", help="folder of a data set, frame, or video")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all of it, with a digest of every frame")
    parser.add_argument("--against", type=Path, metavar="FILE", help="a file of --json: whatever differs is a fault")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="frames at a time (%(default)s)")
    parser.set_defaults(run=_run_check)


def _run_check(options: argparse.Namespace) -> int:
    from vsrlib.common import provenance
    from vsrlib.common.files import write_json
    from vsrlib.data.sets.check import check, report

    result = check(options.path, options.workers, options.against)
    print(report(result))
    if options.json is not None:
        write_json(options.json, result | {"provenance": provenance.collect()})
    return 2 if result["faults"] else 0


def _fetch(parser: argparse.ArgumentParser) -> None:
    from vsrlib.data.sets.addresses import SOURCES

    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = (
        "Download a data set or weights into the data folder, and unpack it. The licence is shown first. A download "
        "that\nbroke off is gone on with. What can only be had by hand is said, with the place where it belongs.\n\n"
        + "\n".join(
            f"  {name:<18}{source.what}{'' if source.url else ' (by hand)'}" for name, source in SOURCES.items()
        )
    )
    parser.add_argument("name", metavar="NAME", help="which one: see above")
    parser.add_argument("--data", type=Path, help="folder of the data sets (data/ of the project)")
    parser.set_defaults(run=_run_fetch)


def _run_fetch(options: argparse.Namespace) -> None:
    from vsrlib.common.provenance import PROJECT_ROOT
    from vsrlib.data.sets.fetch import fetch

    print(f"done: {fetch(options.name, options.data or PROJECT_ROOT / 'data')}")


# The command `vsrlib degrade`.


def degrade_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command and its options."""
    parser.description = (
        "Make a test set: blur every HR clip with one kernel and keep every fourth pixel. Writes OUTPUT/HR, "
        "OUTPUT/LR_blurdown_x4, OUTPUT/kernel and OUTPUT/manifest.json. The same clips, blur and seed give the same "
        "bytes, whatever the number of workers."
    )
    parser.add_argument(
        "input",
        type=Path,
        help="folder of clip folders, folder of frames, video file, or a published set as it comes (REDS, Vid4, SPMCS)",
    )
    parser.add_argument("output", type=Path, help="folder of the data set")
    parser.add_argument(
        "--blur",
        default="Gaussian",
        choices=BLURS,
        help="Gaussian: sigma 1.2; Realistic: one drawn for each clip (%(default)s)",
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the realistic kernels and of noise (%(default)s)")
    parser.add_argument("--clips", nargs="+", metavar="NAME", help="these clips alone; REDS4 and Vid4 stand for theirs")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="frames made at a time (%(default)s)")
    parser.add_argument(
        "--noise",
        type=float,
        default=0.0,
        metavar="SIGMA",
        help="Gaussian noise on LR, standard deviation in levels of 255 (none)",
    )
    parser.add_argument("--jpeg", type=int, metavar="QUALITY", help="LR through JPEG, 1 to 100 (not done)")
    parser.add_argument(
        "--video", type=int, metavar="CRF", help="LR through H.264, 0 to 51, larger is coarser (not done)"
    )
    parser.set_defaults(run=run_degrade)


def run_degrade(options: argparse.Namespace) -> None:
    """Carry out `vsrlib degrade`."""
    from vsrlib.data.degradation import Further
    from vsrlib.data.degrade import degrade_clips

    further = Further(options.noise, options.jpeg, options.video)
    manifest = degrade_clips(
        options.input, options.output, options.blur, options.seed, further, options.clips, options.workers
    )
    frames = sum(len(clip["frames"]) for clip in manifest["clips"].values())
    print(f"{frames} frames of {len(manifest['clips'])} clips written to {options.output}.")


# The command `vsrlib clips`.


def clips_arguments(parser: argparse.ArgumentParser) -> None:
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
    parser.set_defaults(run=run_clips)


def run_clips(options: argparse.Namespace) -> None:
    """Carry out `vsrlib clips`."""
    from vsrlib.data.synthetic.sets import write_clips

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
