"""The commands that set the frameworks against each other: `vsrlib compare`, `ablate`, `parity` and `parity-check`."""

import argparse
from pathlib import Path
from typing import Any

from vsrlib.bench.options import parse_size
from vsrlib.claims.ablation.options import AblationOptions
from vsrlib.common.errors import UserError
from vsrlib.common.names import NAMES
from vsrlib.parity.options import CheckOptions, ParityOptions


def compare_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `vsrlib compare`."""
    parser.description = (
        "Compare results of both frameworks. Writes OUTPUT/comparison.json and OUTPUT/comparison.md. "
        "Exit status 2 if they hold nothing that can be compared."
    )
    parser.add_argument("inference", type=Path, nargs="+", help="inference.json files")
    parser.add_argument("--training", type=Path, nargs="*", default=[], help="train.json files")
    parser.add_argument("--output", type=Path, required=True, help="folder of the comparison")
    parser.set_defaults(run=run_compare)


def run_compare(options: argparse.Namespace) -> None:
    """Carry out `vsrlib compare`."""
    from vsrlib.claims import comparison, comparison_table

    result = comparison.compare(options.inference, options.training, options.output)
    print(comparison_table.table(result))
    if reason := comparison.why_nothing(result):  # a script that asked for a comparison has none
        raise UserError(f"Nothing was compared {reason}; give results of both frameworks that were made alike.")


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
        "OUTPUT/parity.txt. Exit status 1 if something departs, 2 if the other framework cannot be used."
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
    _require_compared(result, wanted.second, options.output / referee.JSON)
    print(report.text(result), end="")
    return 0 if result["agree"] else 1


def check_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `vsrlib parity-check`."""
    parser.description = (
        "Check the comparison of `vsrlib parity` itself, the referee: plant known porting faults one at a time, and "
        "compare clean networks. Writes OUTPUT/parity_check.json and OUTPUT/parity_check.txt. Exit status 1 if a "
        "fault is missed or a clean run raises an alarm, 2 if the other framework cannot be used."
    )
    parser.add_argument("output", type=Path, help="folder of the results")
    CheckOptions.add_arguments(parser)
    parser.set_defaults(run=run_check)


def run_check(options: argparse.Namespace) -> int:
    """Carry out `vsrlib parity-check`."""
    from vsrlib.parity import check

    wanted = CheckOptions.of(vars(options))
    result = check.check(options.output, wanted)
    _require_compared(result, wanted.second, options.output / check.JSON)
    print(check.text(result), end="")
    return 1 if result["found"] < len(result["faults"]) or result["false_alarms"] else 0


def _require_compared(result: dict[str, Any], second: str, written: Path) -> None:
    """A study goes on without a framework; a script that asked for this one has nothing."""
    if "skipped" in result:
        raise UserError(
            f"PyTorch and {NAMES[second]} were not compared {result['skipped'].rstrip('.')}, which {written} says as "
            "well; `vsrlib doctor` gives the command that mends it."
        )
