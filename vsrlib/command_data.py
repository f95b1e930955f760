"""The commands `vsrlib data check` and `vsrlib data fetch`."""

import argparse
from pathlib import Path


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
    from vsrlib import provenance
    from vsrlib.data_sets.check import check
    from vsrlib.data_sets.words import report
    from vsrlib.files import write_json

    result = check(options.path, options.workers, options.against)
    print(report(result))
    if options.json is not None:
        write_json(options.json, result | {"provenance": provenance.collect()})
    return 2 if result["faults"] else 0


def _fetch(parser: argparse.ArgumentParser) -> None:
    from vsrlib.data_sets.addresses import SOURCES

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
    from vsrlib.data_sets.fetch import fetch
    from vsrlib.provenance import PROJECT_ROOT

    print(f"done: {fetch(options.name, options.data or PROJECT_ROOT / 'data')}")
