"""The commands that set the frameworks against each other: `vsrlib compare`, `ablate`, `parity` and `parity-check`."""

import argparse
from pathlib import Path

from vsrlib.bench.options import parse_size
from vsrlib.claims.ablation.options import AblationOptions
from vsrlib.parity.options import CheckOptions, ParityOptions


def compare_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `vsrlib compare`."""
    parser.description = "Compare results of both frameworks. Writes OUTPUT/comparison.json and OUTPUT/comparison.md."
    parser.add_argument("inference", type=Path, nargs="+", help="inference.json files")
    parser.add_argument("--training", type=Path, nargs="*", default=[], help="train.json files")
    parser.add_argument("--output", type=Path, required=True, help="folder of the comparison")
    parser.set_defaults(run=run_compare)


def run_compare(options: argparse.Namespace) -> None:
    """Carry out `vsrlib compare`."""
    from vsrlib.claims import comparison, comparison_table

    print(comparison_table.table(comparison.compare(options.inference, options.training, options.output)))


def ablate_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `vsrlib ablate`."""
    parser.description = (
        "Ablation of claim C1: measure what each factor that may explain it costs, one change at a time, in PyTorch: "
        "how the warps read their grids, the refiner's dilations, the masks, which frames and which weights. Writes "
        "OUTPUT/ablation.json and two charts."
    )
    parser.add_argument("output", type=Path, help="folder of the result")
    AblationOptions.add_arguments(parser)
    # What is not given is None: weights of your own do not have the controls that come with the project.
    parser.set_defaults(run=run_ablate, weights_gaussian_false=None, weights_realistic_false=None)


def run_ablate(options: argparse.Namespace) -> None:
    """Carry out `vsrlib ablate`."""
    from vsrlib.claims.ablation.ablate import ablate
    from vsrlib.claims.ablation.table import table
    from vsrlib.report.charts import ablation

    given = vars(options)
    for blur in ("gaussian", "realistic"):
        shipped = getattr(AblationOptions, f"weights_{blur}") == given[f"weights_{blur}"]
        given[f"weights_{blur}_false"] = given[f"weights_{blur}_false"] or (
            getattr(AblationOptions, f"weights_{blur}_false") if shipped else None
        )
    result = ablate(options.output, AblationOptions.of(given))
    ablation.draw(result, options.output)
    print(table(result))


def parity_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `vsrlib parity`."""
    parser.description = (
        "Compare the network in PyTorch and another framework, step by step, against the reference network, PyTorch in "
        "float64: structure, operations, layers, gradients, training. Writes OUTPUT/parity.json and "
        "OUTPUT/parity.txt. Exit status 1 if something departs."
    )
    parser.add_argument("output", type=Path, help="folder of the results")
    ParityOptions.add_arguments(parser, "preset", "weights", "frames")
    size = f"{ParityOptions.height}x{ParityOptions.width}"
    parser.add_argument("--size", default=size, metavar="HxW", help="of the windows, LR pixels (%(default)s)")
    ParityOptions.add_arguments(parser, "steps", "starts", "seed", "second")
    parser.set_defaults(run=run_parity)


def run_parity(options: argparse.Namespace) -> int:
    """Carry out `vsrlib parity`."""
    from vsrlib.parity import referee, report

    height, width = parse_size(options.size)
    wanted = ParityOptions.of({**vars(options), "height": height, "width": width})
    result = referee.compare(options.output, wanted)
    print(report.text(result), end="")
    return 0 if "skipped" in result or result["agree"] else 1


def check_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `vsrlib parity-check`."""
    parser.description = (
        "Check the comparison of `vsrlib parity` itself, the referee: plant known porting faults one at a time, and "
        "compare clean networks. Writes OUTPUT/parity_check.json and OUTPUT/parity_check.txt. Exit status 1 if a "
        "fault is missed or a clean run raises an alarm."
    )
    parser.add_argument("output", type=Path, help="folder of the results")
    CheckOptions.add_arguments(parser)
    parser.set_defaults(run=run_check)


def run_check(options: argparse.Namespace) -> int:
    """Carry out `vsrlib parity-check`."""
    from vsrlib.parity import check

    result = check.check(options.output, CheckOptions.of(vars(options)))
    print(check.text(result), end="")
    missed = "faults" in result and (result["found"] < len(result["faults"]) or result["false_alarms"])
    return 1 if missed else 0
