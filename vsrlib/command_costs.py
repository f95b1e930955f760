"""The command `vsrlib costs`."""

import argparse
from pathlib import Path

from vsrlib.bench.options import Options, parse_size
from vsrlib.names import DEVICES, FRAMEWORKS, PRESETS
from vsrlib.settings import CostsSettings


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `vsrlib costs`."""
    parser.description = (
        "Measure what each framework costs beside its arithmetic: what is installed, the way to the first frame with "
        "and without a compiler, the correlation kernels, image output, and one run timed three ways. Writes "
        "OUTPUT/costs.json."
    )
    parser.add_argument("output", type=Path, help="folder of the result")
    parser.add_argument("--framework", default="both", choices=(*FRAMEWORKS, "both"), help="(%(default)s)")
    parser.add_argument(
        "--preset", default=CostsSettings.preset, choices=PRESETS, help="size of the network (%(default)s)"
    )
    parser.add_argument(
        "--size", default=f"{CostsSettings.height}x{CostsSettings.width}", metavar="HxW", help="LR pixels (%(default)s)"
    )
    parser.add_argument("--repeats", type=int, default=CostsSettings.repeats, help="rounds, at least 3 (%(default)s)")
    parser.add_argument(
        "--seconds",
        type=float,
        default=CostsSettings.seconds,
        help="after which no further round of a comparison begins (%(default)s)",
    )
    parser.add_argument("--device", default=CostsSettings.device, choices=DEVICES, help="(%(default)s)")
    parser.add_argument(
        "--fresh", action="store_true", help="also time a first use with nothing compiled; in Jittor that takes minutes"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Carry out `vsrlib costs`."""
    wanted = Options(
        frameworks=FRAMEWORKS if options.framework == "both" else (options.framework,),
        preset=options.preset,
        size=parse_size(options.size),
        repeats=options.repeats,
        seconds=options.seconds,
        device=options.device,
    )
    from vsrlib.costs.study import costs
    from vsrlib.costs.table import table

    print(table(costs(options.output, wanted, options.fresh)))
