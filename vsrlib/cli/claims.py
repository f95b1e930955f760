"""The commands `vsrlib compare` and `vsrlib ablate`: what the earlier report's claims are judged by."""

import argparse
from pathlib import Path

from vsrlib.claims.ablation.options import AblationOptions


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
