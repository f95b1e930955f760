"""The command `vsrlib`. Each subcommand is one library call; a user's mistake is one sentence and exit status 2."""

import argparse
import sys
from collections.abc import Sequence

from vsrlib import __version__
from vsrlib.cli import ablate, bench, data, doctor, parity, train, weights
from vsrlib.cli import infer as cli_infer
from vsrlib.cli.ablate import compare_arguments
from vsrlib.cli.doctor import check_arguments
from vsrlib.cli.infer import network_arguments
from vsrlib.cli.study import _publish, _study
from vsrlib.common.errors import reported


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line; returns the exit status: 0 done, 1 failed, 2 a user's mistake, 130 interrupted."""
    options = _parser().parse_args(arguments)
    return reported(lambda: options.run(options) or 0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="vsrlib",
        description="Blind x4 video super-resolution (Self-Blind-VSR), the same network in PyTorch and in "
        "Jittor: make data, train, restore clips, and compare the two.",
    )
    parser.add_argument("--version", action="version", version=f"vsrlib {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _study(commands.add_parser("study", help="run the notebooks in order and write the reports"))
    check_arguments(commands.add_parser("check", help="try both frameworks; Jittor compiles itself the first time"))
    doctor.arguments(commands.add_parser("doctor", help="say what works on this machine, and what mends the rest"))
    data.arguments(commands.add_parser("data", help="check data sets, and fetch those that can be downloaded"))
    data.degrade_arguments(commands.add_parser("degrade", help="make LR clips and blur kernels from HR clips"))
    data.clips_arguments(commands.add_parser("clips", help="make HR clips to train on from embedded photographs"))
    train.arguments(commands.add_parser("train", help="train the network in one framework"))
    train.flow_arguments(commands.add_parser("train-flow", help="train the flow network from scratch, by itself"))
    train.error_arguments(commands.add_parser("flow-error", help="measure a flow network beside zero flow and DIS"))
    infer = commands.add_parser("infer", help="restore clips, and measure quality where there is ground truth")
    network_arguments(infer)
    cli_infer.arguments(infer)
    cli_infer.gather_arguments(commands.add_parser("gather", help="put the parts of infer --shard together"))
    bench.arguments(commands.add_parser("bench", help="time engines and kernels side by side on this machine"))
    compare_arguments(commands.add_parser("compare", help="put results of both frameworks side by side"))
    ablate.arguments(commands.add_parser("ablate", help="measure what every suspect of claim C1 costs"))
    bench.costs_arguments(commands.add_parser("costs", help="measure what each framework costs to install and start"))
    parity.arguments(commands.add_parser("parity", help="referee the frameworks layer by layer against float64"))
    parity.check_arguments(commands.add_parser("parity-check", help="check the referee with planted faults"))
    weights.arguments(commands.add_parser("convert", help="convert a weights file, or say what it is"))
    _publish(commands.add_parser("publish", help="keep a run's charts, verdicts and result files"))
    return parser


if __name__ == "__main__":
    sys.exit(main())
