"""The command `vsrlib bench`: time and memory of the project's parts, against plain formulations of the same."""

import argparse
from pathlib import Path

from vsrlib.bench.options import SUITES, Options, parse_size
from vsrlib.common.names import DEVICES, FRAMEWORKS, PRESETS
from vsrlib.study.settings import CostsSettings


def arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command and its options."""
    parser.description = (
        "Time the engines, the correlation kernels, the blur, a training step, and metrics with PNG files, each in "
        "turns with a plain formulation of the same; and measure each engine's memory. Writes "
        "OUTPUT/bench.json and OUTPUT/bench.md. Exit status 1 if something broke off."
    )
    # Checked by Options: argparse would take the empty list for a choice that is not there.
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=f"{', '.join(SUITES)} (all)")
    parser.add_argument(
        "--framework",
        default="both",
        choices=(*FRAMEWORKS, "both"),
        help="both: those that can be used here (%(default)s)",
    )
    parser.add_argument("--preset", default="published", choices=PRESETS, help="size of the network (%(default)s)")
    parser.add_argument("--size", default="180x320", metavar="HxW", help="LR pixels (%(default)s)")
    parser.add_argument("--repeats", type=int, default=30, help="rounds of a comparison, at least 3 (%(default)s)")
    parser.add_argument("--seconds", type=float, default=300, help="after which no further round begins (%(default)s)")
    parser.add_argument("--threads", type=int, metavar="N", help="threads on the CPU (as many as there are cores)")
    parser.add_argument("--device", default="cpu", choices=DEVICES, help="(%(default)s)")
    parser.add_argument("--weights", type=Path, help="weights, .safetensors or .pt (initial values of seed 0)")
    parser.add_argument("--output", type=Path, default=Path("runs/bench"), help="folder of the results (%(default)s)")
    parser.add_argument(
        "--unsynchronised",
        action="store_true",
        help="stop the clock when a call returns, as the earlier report did; the tables say so",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Measure, write, and print the tables."""
    wanted = Options(
        suites=tuple(options.suites) or SUITES,
        frameworks=FRAMEWORKS if options.framework == "both" else (options.framework,),
        preset=options.preset,
        size=parse_size(options.size),
        repeats=options.repeats,
        seconds=options.seconds,
        threads=options.threads,
        device=options.device,
        weights=None if options.weights is None else str(options.weights),
        synchronised=not options.unsynchronised,
    )
    from vsrlib.bench import runner, table

    result = runner.bench(wanted, options.output)
    print(f"\n{table.table(result)}")
    return 0 if runner.complete(result) else 1


# The command `vsrlib costs`.


def costs_arguments(parser: argparse.ArgumentParser) -> None:
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
    parser.set_defaults(run=run_costs)


def run_costs(options: argparse.Namespace) -> None:
    """Carry out `vsrlib costs`."""
    wanted = Options(
        frameworks=FRAMEWORKS if options.framework == "both" else (options.framework,),
        preset=options.preset,
        size=parse_size(options.size),
        repeats=options.repeats,
        seconds=options.seconds,
        device=options.device,
    )
    from vsrlib.bench.costs.study import costs
    from vsrlib.bench.costs.table import table

    print(table(costs(options.output, wanted, options.fresh)))
