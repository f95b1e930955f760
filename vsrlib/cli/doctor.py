"""The commands `vsrlib check` and `vsrlib doctor`."""

import argparse
from pathlib import Path

from vsrlib.common.names import FRAMEWORKS
from vsrlib.common.provenance import PROJECT_ROOT


def check_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `vsrlib check`."""
    parser.description = (
        "Use each framework once, forward and backward, and say what works. Exit status 1 if neither does. "
        "`vsrlib doctor` runs nothing, and says what mends what is missing."
    )
    parser.set_defaults(run=run_check)


def run_check(options: argparse.Namespace) -> int:
    """Carry out `vsrlib check`."""
    from vsrlib.study.doctor import frameworks

    found = frameworks.check(list(FRAMEWORKS))
    return 0 if any(entry["usable"] for entry in found.values()) else 1


def doctor_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `vsrlib doctor`."""
    parser.description = (
        "Say what works on this machine, and the one command that mends each fault. Looks at packages, compiler, disk, "
        "memory and settings in seconds, and runs no framework; `vsrlib check` runs both, as --try does. Exit status 1 "
        "if the study cannot be run."
    )
    parser.add_argument(
        "--try", dest="use", action="store_true", help="also use each framework, as `vsrlib check` does"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the findings to a file, too")
    parser.add_argument("--run", type=Path, dest="run_root", default=PROJECT_ROOT / "runs", help="run folder (runs/)")
    parser.add_argument("--data", type=Path, default=PROJECT_ROOT / "data", help="folder of the data sets (data/)")
    parser.set_defaults(run=run_doctor)


def run_doctor(options: argparse.Namespace) -> int:
    """Carry out `vsrlib doctor`."""
    from vsrlib.study.doctor import examine

    findings = examine.examine(options.run_root, options.data, options.use)
    print(examine.table(findings))
    if options.json is not None:
        examine.write(options.json, findings)
    return 0 if examine.frameworks_left(findings) else 1
