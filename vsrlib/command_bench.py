"""The command `vsrlib bench`: time and memory of the project's parts, against plain formulations of the same."""

import argparse
from pathlib import Path

from vsrlib.bench.options import SUITES, Options, parse_size
from vsrlib.names import DEVICES, FRAMEWORKS, PRESETS


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
