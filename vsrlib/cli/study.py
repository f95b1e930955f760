"""The commands of a study and of the machine it runs on: `vsrlib study`, `publish`, `check` and `doctor`."""

import argparse
import shlex
from pathlib import Path

from vsrlib.common.errors import UserError
from vsrlib.common.names import FRAMEWORKS
from vsrlib.common.provenance import PROJECT_ROOT


def study_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `vsrlib study`."""
    from vsrlib.study.profiles import PROFILES

    parser.description = (
        "Run the study's notebooks in order. Steps that are done and whose inputs have not changed are "
        "skipped; after a failure the same command goes on where it stopped. The reports are in "
        "RUN/index.html."
    )
    parser.add_argument(
        "--profile",
        default="quick",
        choices=PROFILES,
        help="quick: embedded clips on a CPU; standard: your data; published: released weights on REDS4; "
        "paper: train as the paper does (%(default)s)",
    )
    parser.add_argument("--run", type=Path, dest="run_root", metavar="RUN", help="run folder (runs/PROFILE)")
    parser.add_argument("--data", type=Path, help="folder of the data sets (data/ of the project)")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="set a notebook's parameter, for one step as STEP.NAME=VALUE; may be given several times",
    )
    _frameworks_argument(parser, "of the study; torch alone needs no Jittor")
    parser.add_argument("--only", nargs="+", metavar="STEP", help="run only these steps, e.g. 05 06")
    parser.add_argument("--force", action="store_true", help="run the steps even if they are up to date")
    parser.add_argument("--dry-run", action="store_true", help="say what would be run, and run nothing")
    parser.set_defaults(run=run_study)


def run_study(options: argparse.Namespace) -> int:
    """Carry out `vsrlib study`."""
    from vsrlib.study import runner

    overrides = {}
    for pair in options.set:
        name, equals, value = pair.partition("=")
        if not equals:
            raise UserError(f"--set {pair!r} has no =; write NAME=VALUE.")
        overrides[name] = value
    run_root = options.run_root or PROJECT_ROOT / "runs" / options.profile
    choice = (overrides, options.only, options.force, options.dry_run, options.frameworks)
    return runner.run(options.profile, run_root, options.data, *choice)


def _frameworks_argument(parser: argparse.ArgumentParser, what: str) -> None:
    """--frameworks torch,jittor: a tuple of names, which whoever uses them checks."""
    parser.add_argument(
        "--frameworks",
        type=lambda words: tuple(words.replace(" ", "").split(",")),
        default=FRAMEWORKS,
        metavar="NAMES",
        help=f"the frameworks {what} ({','.join(FRAMEWORKS)})",
    )


def publish_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `vsrlib publish`."""
    parser.description = "Copy a study's result files, and draw and judge them again, e.g. into figures/."
    parser.add_argument("run_root", type=Path, metavar="RUN", help="run folder, e.g. runs/quick")
    parser.add_argument(
        "output",
        type=Path,
        help="folder of the charts, e.g. figures; where it is RUN itself, an earlier publication is drawn again",
    )
    parser.add_argument("--readme", type=Path, help="also fill the verdicts into this README")
    parser.add_argument(
        "--site", type=Path, metavar="FOLDER", help="also write the run's pages for the web, as vsrlib site does"
    )
    parser.set_defaults(run=run_publish)


def run_publish(options: argparse.Namespace) -> None:
    """Carry out `vsrlib publish`."""
    from vsrlib.common.files import read_json
    from vsrlib.report import readme
    from vsrlib.report.site import INDEX, require_pages
    from vsrlib.study.publish import TIMES, publish, redraw, sentence

    if options.site is not None:
        require_pages(options.run_root, options.site)  # before anything is written
    if options.run_root.resolve() == options.output.resolve():
        print(f"{len(redraw(options.output)) // 2} charts drawn again in {options.output}, and those of experiments.")
        return
    print(f"{len(publish(options.run_root, options.output)) - 1} charts and their sources written to {options.output}.")
    if options.readme is not None:
        times = options.output / "results" / TIMES
        took = sentence(read_json(times)) if times.exists() else ""
        readme.fill(options.readme, read_json(options.output / "claims.json"), took)
    if options.site is not None:
        run_site(argparse.Namespace(run_root=options.run_root, output=options.site))
    elif (options.run_root / INDEX).is_file():
        print(f"Its pages are not among them; for the web: vsrlib site {shlex.quote(str(options.run_root))} SITE")


def site_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `vsrlib site`."""
    parser.description = (
        "Copy the index of a study and what its pages lead to, but for code, frames and weights: a folder of some MB "
        "that any web server shows as it is. An earlier site in the same place is replaced."
    )
    parser.add_argument("run_root", type=Path, metavar="RUN", help="run folder, e.g. runs/quick")
    parser.add_argument("output", type=Path, help="folder of the site, e.g. site")
    parser.set_defaults(run=run_site)


def run_site(options: argparse.Namespace) -> None:
    """Carry out `vsrlib site`."""
    from vsrlib.report.site import INDEX, write_site

    written = write_site(options.run_root, options.output)
    size = sum(path.stat().st_size for path in written)
    print(f"{len(written)} files, {size / 1e6:.1f} MB: {options.output / INDEX}")


def check_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `vsrlib check`."""
    parser.description = (
        "Use each framework once, forward and backward, and say what works. Exit status 1 if none does. "
        "`vsrlib doctor` runs nothing, and says what mends what is missing."
    )
    parser.add_argument(
        "--if-changed",
        action="store_true",
        help="pass over a framework that has worked here if code, packages, compiler and machine are what they were",
    )
    _frameworks_argument(parser, "to use")
    parser.set_defaults(run=run_check)


def run_check(options: argparse.Namespace) -> int:
    """Carry out `vsrlib check`."""
    from vsrlib.study.doctor import frameworks

    found = frameworks.check(list(options.frameworks), not options.if_changed)
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
