"""The command `vsrlib doctor`."""

import argparse
from pathlib import Path

from vsrlib.provenance import PROJECT_ROOT


def arguments(parser: argparse.ArgumentParser) -> None:
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
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Carry out `vsrlib doctor`."""
    from vsrlib import doctor

    findings = doctor.examine(options.run_root, options.data, options.use)
    print(doctor.table(findings))
    if options.json is not None:
        doctor.write(options.json, findings)
    return 0 if doctor.frameworks_left(findings) else 1
