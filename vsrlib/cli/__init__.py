"""The command `vsrlib`. Each subcommand is one library call; a user's mistake is one sentence and exit status 2."""

import argparse
import io
import sys
from collections.abc import Sequence

from vsrlib import __version__
from vsrlib.cli import bench, compare, completion, data, demo, experiment, infer, study, train
from vsrlib.cli.config import with_config
from vsrlib.common.errors import UserError, reported

_COMMANDS = (
    ("demo", "a first result: restore a second of film, with sound", demo.demo_arguments),
    ("study", "run the notebooks in order and write the reports", study.study_arguments),
    ("check", "try both frameworks; Jittor compiles itself the first time", study.check_arguments),
    ("doctor", "say what works on this machine, and what mends the rest", study.doctor_arguments),
    ("data", "check data sets, and fetch those that can be downloaded", data.data_arguments),
    ("degrade", "make LR clips and blur kernels from HR clips", data.degrade_arguments),
    ("clips", "make HR clips to train on from embedded photographs", data.clips_arguments),
    ("train", "train the network in one framework", train.train_arguments),
    ("adapt", "let trained weights learn from the LR clips to be restored", train.adapt_arguments),
    ("train-flow", "train the flow network from scratch, by itself", train.flow_arguments),
    ("flow-error", "measure a flow network beside zero flow and DIS", train.error_arguments),
    ("infer", "restore clips, and measure quality where there is ground truth", infer.infer_arguments),
    ("gather", "put the parts of infer --shard together", infer.gather_arguments),
    ("bench", "time engines and kernels side by side on this machine", bench.bench_arguments),
    ("compare", "put results of both frameworks side by side", compare.compare_arguments),
    ("ablate", "ablation of claim C1: measure what each factor that may explain it costs", compare.ablate_arguments),
    ("costs", "measure what each framework costs to install and start", bench.costs_arguments),
    ("parity", "compare the frameworks layer by layer with the reference network in float64", compare.parity_arguments),
    ("parity-check", "check that comparison with planted faults", compare.check_arguments),
    ("experiment", "run one experiment of the protocol", experiment.experiment_arguments),
    ("weights", "list the weights that come with the project, or measure them", train.weights_arguments),
    ("convert", "convert a weights file, or say what it is", train.convert_arguments),
    ("export", "write a network as ONNX files, which run without this program", train.export_arguments),
    ("site", "copy a run's pages, as they are, for the web", study.site_arguments),
    ("publish", "keep a run's charts, verdicts and result files", study.publish_arguments),
    ("completion", "let bash complete commands and options", completion.completion_arguments),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line; returns the exit status.

    0 done, 1 failed, 2 a user's mistake, 130 interrupted, 141 whoever read the output has stopped, 143 ended by SIGTERM
    (`vsrlib adapt`, which keeps what it has then).
    """
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal of ASCII must not end in an error when all is done
        sys.stdout.reconfigure(errors="backslashreplace")
    parser = build_parser()
    options = parser.parse_args(arguments)

    def run() -> int:
        if "" in (sys.argv[1:] if arguments is None else arguments):  # as a path it would be the folder that one is in
            raise UserError("An argument is empty, perhaps a variable that is not set; give a value, or leave it out.")
        told = with_config(parser, options, arguments)
        return told.run(told) or 0

    return reported(run)


def build_parser() -> argparse.ArgumentParser:
    """The parser of the whole command line; what it parses has `run`, which carries the command out."""
    parser = argparse.ArgumentParser(
        prog="vsrlib",
        description="Performs blind x4 video super-resolution (Self-Blind-VSR) with the same network in PyTorch and in "
        "Jittor: make data, train, restore clips, and compare the two.",
    )
    parser.add_argument("--version", action="version", version=f"vsrlib {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for name, text, describe in _COMMANDS:
        describe(commands.add_parser(name, help=text))
    return parser


if __name__ == "__main__":
    sys.exit(main())
