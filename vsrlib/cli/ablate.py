"""The command `vsrlib ablate`."""

import argparse
from pathlib import Path

from vsrlib.common.names import DEVICES, PRESETS
from vsrlib.study.settings import AblationSettings


def compare_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = "Compare results of both frameworks. Writes OUTPUT/comparison.json and OUTPUT/comparison.md."
    parser.add_argument("inference", type=Path, nargs="+", help="inference.json files")
    parser.add_argument("--training", type=Path, nargs="*", default=[], help="train.json files")
    parser.add_argument("--output", type=Path, required=True, help="folder of the comparison")
    parser.set_defaults(run=run_compare)


def run_compare(options: argparse.Namespace) -> None:
    from vsrlib.claims import comparison, comparison_table

    print(comparison_table.table(comparison.compare(options.inference, options.training, options.output)))


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `vsrlib ablate`."""
    parser.description = (
        "Measure what every suspect of claim C1 costs, one change at a time, in PyTorch: how the warps read their "
        "grids, the refiner's dilations, the masks, which frames and which weights. Writes OUTPUT/ablation.json and "
        "two charts."
    )
    parser.add_argument("output", type=Path, help="folder of the result")
    for blur in ("gaussian", "realistic"):
        parser.add_argument(f"--weights-{blur}", default=f"study-{blur}", help="file or name (%(default)s)")
        parser.add_argument(
            f"--weights-{blur}-false",
            help="trained with align_corners=False, for the control (those that come with the project, beside them)",
        )
        parser.add_argument(
            f"--{blur}-set", type=Path, help="test set (HR and LR_blurdown_x4); none: clips made from photographs"
        )
    parser.add_argument("--preset", choices=PRESETS, help="size of the network (what the weights note)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], help="of the made clips (%(default)s)")
    parser.add_argument("--count", type=int, default=AblationSettings.count, help="photographs (%(default)s)")
    parser.add_argument(
        "--draws", type=int, default=AblationSettings.draws, help="of the realistic kernels (%(default)s)"
    )
    parser.add_argument("--device", choices=DEVICES, default="auto", help="(%(default)s)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Carry out `vsrlib ablate`."""
    from vsrlib.claims.ablation.ablate import ablate
    from vsrlib.claims.ablation.table import table
    from vsrlib.report.charts import evidence
    from vsrlib.report.charts.style import save

    weights = {"gaussian": options.weights_gaussian, "realistic": options.weights_realistic}
    for blur, given in tuple(weights.items()):
        control = getattr(options, f"weights_{blur}_false")
        shipped = f"study-{blur}-align-false" if given == f"study-{blur}" else None
        weights[f"{blur}_false"] = control or shipped
    result = ablate(
        options.output,
        weights,
        options.gaussian_set,
        options.realistic_set,
        options.seeds,
        count=options.count,
        draws=options.draws,
        device=options.device,
        preset=options.preset,
    )
    for chart in (evidence.effects(result), evidence.rings(result)):
        save(chart, options.output)
    print(table(result))
