"""The command `vsrlib`. Each subcommand is one library call; a user's mistake is one sentence and exit status 2."""

import argparse
import errno
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from vsrlib import (
    __version__,
    command_ablate,
    command_bench,
    command_clips,
    command_convert,
    command_costs,
    command_data,
    command_degrade,
    command_doctor,
    command_flow,
    command_infer,
    command_parity,
    command_train,
)
from vsrlib.errors import UserError
from vsrlib.names import CORRELATIONS, DEVICES, FRAMEWORKS, PRESETS

INTERRUPTED = 130
_REMEDIES = {
    errno.ENOSPC: "; free some space and run the same command again",
    errno.EROFS: "; choose a folder on a disk that can be written",
    errno.EACCES: "; choose a folder that you may write, or files that you may read",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line; returns the exit status: 0 done, 1 failed, 2 a user's mistake, 130 interrupted."""
    options = _parser().parse_args(arguments)
    return reported(lambda: options.run(options) or 0)


def reported(task: Callable[[], int]) -> int:
    """The exit status of `task`; what a user or the machine did wrong is one sentence on standard error."""
    try:
        return task()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except OSError as error:  # a full disk, a folder without permission: the environment's fault, not the program's
        remedy = _REMEDIES.get(error.errno or 0, "")
        print(f"error: {error.filename or 'The output'}: {error.strerror or error}{remedy}.", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("error: interrupted; what was not finished has not been written.", file=sys.stderr)
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="vsrlib",
        description="Blind x4 video super-resolution (Self-Blind-VSR), the same network in PyTorch and in "
        "Jittor: make data, train, restore clips, and compare the two.",
    )
    parser.add_argument("--version", action="version", version=f"vsrlib {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _study(commands.add_parser("study", help="run the notebooks in order and write the reports"))
    _check(commands.add_parser("check", help="try both frameworks; Jittor compiles itself the first time"))
    command_doctor.arguments(
        commands.add_parser("doctor", help="say what works on this machine, and what mends the rest")
    )
    command_data.arguments(commands.add_parser("data", help="check data sets, and fetch those that can be downloaded"))
    command_degrade.arguments(commands.add_parser("degrade", help="make LR clips and blur kernels from HR clips"))
    command_clips.arguments(commands.add_parser("clips", help="make HR clips to train on from embedded photographs"))
    command_train.arguments(commands.add_parser("train", help="train the network in one framework"))
    command_flow.arguments(commands.add_parser("train-flow", help="train the flow network from scratch, by itself"))
    command_flow.error_arguments(
        commands.add_parser("flow-error", help="measure a flow network beside zero flow and DIS")
    )
    infer = commands.add_parser("infer", help="restore clips, and measure quality where there is ground truth")
    _network_options(infer)
    command_infer.arguments(infer)
    command_infer.gather_arguments(commands.add_parser("gather", help="put the parts of infer --shard together"))
    command_bench.arguments(commands.add_parser("bench", help="time engines and kernels side by side on this machine"))
    _compare(commands.add_parser("compare", help="put results of both frameworks side by side"))
    command_ablate.arguments(commands.add_parser("ablate", help="measure what every suspect of claim C1 costs"))
    command_costs.arguments(commands.add_parser("costs", help="measure what each framework costs to install and start"))
    command_parity.arguments(
        commands.add_parser("parity", help="referee the frameworks layer by layer against float64")
    )
    command_parity.check_arguments(commands.add_parser("parity-check", help="check the referee with planted faults"))
    command_convert.arguments(commands.add_parser("convert", help="convert a weights file, or say what it is"))
    _publish(commands.add_parser("publish", help="keep a run's charts, verdicts and result files"))
    return parser


def _study(parser: argparse.ArgumentParser) -> None:
    from vsrlib.profiles import PROFILES

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
    parser.add_argument("--only", nargs="+", metavar="STEP", help="run only these steps, e.g. 05 06")
    parser.add_argument("--force", action="store_true", help="run the steps even if they are up to date")
    parser.add_argument("--dry-run", action="store_true", help="say what would be run, and run nothing")
    parser.set_defaults(run=_run_study)


def _run_study(options: argparse.Namespace) -> int:
    from vsrlib import study
    from vsrlib.provenance import PROJECT_ROOT

    overrides = {}
    for pair in options.set:
        name, equals, value = pair.partition("=")
        if not equals:
            raise UserError(f"--set {pair!r} has no =; write NAME=VALUE.")
        overrides[name] = value
    run_root = options.run_root or PROJECT_ROOT / "runs" / options.profile
    return study.run(options.profile, run_root, options.data, overrides, options.only, options.force, options.dry_run)


def _check(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Use each framework once, forward and backward, and say what works. Exit status 1 if neither does. "
        "`vsrlib doctor` runs nothing, and says what mends what is missing."
    )
    parser.set_defaults(run=_run_check)


def _run_check(options: argparse.Namespace) -> int:
    from vsrlib import environment
    from vsrlib.names import FRAMEWORKS

    found = environment.check(list(FRAMEWORKS))
    return 0 if any(entry["usable"] for entry in found.values()) else 1


def _compare(parser: argparse.ArgumentParser) -> None:
    parser.description = "Compare results of both frameworks. Writes OUTPUT/comparison.json and OUTPUT/comparison.md."
    parser.add_argument("inference", type=Path, nargs="+", help="inference.json files")
    parser.add_argument("--training", type=Path, nargs="*", default=[], help="train.json files")
    parser.add_argument("--output", type=Path, required=True, help="folder of the comparison")
    parser.set_defaults(run=_run_compare)


def _run_compare(options: argparse.Namespace) -> None:
    from vsrlib import comparison, comparison_table

    print(comparison_table.table(comparison.compare(options.inference, options.training, options.output)))


def _publish(parser: argparse.ArgumentParser) -> None:
    parser.description = "Copy a study's result files, and draw and judge them again, e.g. into figures/."
    parser.add_argument("run_root", type=Path, metavar="RUN", help="run folder, e.g. runs/quick")
    parser.add_argument("output", type=Path, help="folder of the charts, e.g. figures")
    parser.add_argument("--readme", type=Path, help="also fill the verdicts into this README")
    parser.set_defaults(run=_run_publish)


def _run_publish(options: argparse.Namespace) -> None:
    from vsrlib import readme, times
    from vsrlib.files import read_json
    from vsrlib.publish import publish

    print(f"{len(publish(options.run_root, options.output)) - 1} charts and their sources written to {options.output}.")
    if options.readme is not None:
        taken = options.output / "results" / times.NAME
        readme.fill(
            options.readme, read_json(options.output / "claims.json"), read_json(taken) if taken.exists() else None
        )


def _network_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--framework", default="torch", choices=FRAMEWORKS, help="(%(default)s)")
    parser.add_argument("--preset", default="study", choices=PRESETS, help="size of the network (%(default)s)")
    parser.add_argument(
        "--weights",
        type=Path,
        help="weights to start from: a file (.safetensors, .pt, .pkl, .npz), or a name such as study-gaussian",
    )
    parser.add_argument("--device", default="auto", choices=DEVICES, help="(%(default)s)")
    parser.add_argument(
        "--correlation",
        default="auto",
        choices=CORRELATIONS,
        help="kernel of the flow network; auto: the fastest that can be had here (%(default)s)",
    )
    parser.add_argument("--seed", type=int, default=1, help="(%(default)s)")


if __name__ == "__main__":
    sys.exit(main())
