"""The commands `vsrlib data check`, `vsrlib data fetch`, `vsrlib degrade` and `vsrlib clips`."""

import argparse
from pathlib import Path

from vsrlib.common.numbers import counted
from vsrlib.data.degradation import Further
from vsrlib.data.degrade import DegradeOptions
from vsrlib.data.synthetic.sets import ClipsOptions, write_clips


def data_arguments(parser: argparse.ArgumentParser) -> None:
    """The commands of `vsrlib data`, and their options."""
    parser.description = "Check data sets, and fetch those that can be downloaded."
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _check(commands.add_parser("check", help="say what is there, what is missing and what is wrong"))
    _fetch(commands.add_parser("fetch", help="download a data set or weights"))
    _pictures(commands.add_parser("pictures", help="get pictures that may be learned from"))


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
    from vsrlib.common.files import require_file, write_json
    from vsrlib.data.sets.check import check, report

    if options.json is not None:
        require_file(options.json)  # now, and not only when all has been read
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
    from vsrlib.common.files import resolve
    from vsrlib.data.sets.fetch import fetch

    print(f"done: {fetch(options.name, options.data or resolve('data'))}")


def _pictures(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Get pictures that may be learned from: photographs out of Debian's wallpaper packages and of scikit-image, of "
        "clean licence, and drawn ones. Writes OUTPUT/train, OUTPUT/validation and OUTPUT/manifest.json with the "
        "author and the licence of each."
    )
    parser.add_argument("output", type=Path, help="folder of the pictures")
    parser.add_argument(
        "--packages", type=Path, metavar="FOLDER", help="folder of the packages' .deb files (apt-get downloads them)"
    )
    parser.set_defaults(run=_run_pictures)


def _run_pictures(options: argparse.Namespace) -> None:
    from vsrlib.data.sets.pictures import write_pictures

    manifest = write_pictures(options.output, options.packages)
    print(f"{len(manifest['pictures'])} pictures written to {options.output}.")


def degrade_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `vsrlib degrade`."""
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
    DegradeOptions.add_arguments(parser)
    Further.add_arguments(parser)
    parser.set_defaults(run=run_degrade)


def run_degrade(options: argparse.Namespace) -> None:
    """Carry out `vsrlib degrade`."""
    from vsrlib.data.degrade import degrade_clips

    wanted, further = DegradeOptions.of(vars(options)), Further.of(vars(options))
    manifest = degrade_clips(
        options.input, options.output, wanted.blur, wanted.seed, further, wanted.clips, wanted.workers
    )
    frames = sum(len(clip["frames"]) for clip in manifest["clips"].values())
    clips = counted(len(manifest["clips"]), "clip")
    print(f"{counted(frames, 'frame')} of {clips} written to {options.output}.")


def clips_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `vsrlib clips`."""
    parser.description = (
        "Make HR clips to train on without a download: a camera moves over photographs that ship with scikit-image and "
        "over drawn pictures (dead leaves), with a patch of another in front. Writes OUTPUT/HR and "
        "OUTPUT/manifest.json."
    )
    parser.add_argument("output", type=Path, help="folder of the data set")
    ClipsOptions.add_arguments(parser)
    parser.set_defaults(run=run_clips)


def run_clips(options: argparse.Namespace) -> None:
    """Carry out `vsrlib clips`."""
    wanted = ClipsOptions.of(vars(options))
    write_clips(options.output, wanted)
    print(f"{counted(wanted.count, 'clip')} of {wanted.frames} frames written to {options.output / 'HR'}.")
