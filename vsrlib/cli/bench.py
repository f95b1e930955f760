"""The commands `vsrlib bench` and `vsrlib costs`: time and memory of the project's parts, and of the frameworks."""

import argparse
from pathlib import Path
from typing import Any

from vsrlib.bench.options import ASKED_FOR, SUITES, CostsOptions, Options, parse_size
from vsrlib.common.names import FRAMEWORKS


def bench_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `vsrlib bench`."""
    parser.description = (
        "Time the engines, the correlation kernels, the blur, a training step, and metrics with PNG files, each in "
        "turns with a plain formulation of the same; and measure each engine's memory. Writes "
        "OUTPUT/bench.json and OUTPUT/bench.md. Exit status 1 if something broke off."
    )
    # Checked by Options: argparse would take the empty list for a choice that is not there.
    named = f"{', '.join(SUITES)} (all of these); {', '.join(ASKED_FOR)}"
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=named)
    _measured(parser, Options.size)
    Options.add_arguments(parser, "preset", "repeats", "seconds", "processes", "threads", "device", "weights")
    parser.add_argument("--output", type=Path, default=Path("runs/bench"), help="folder of the results (%(default)s)")
    parser.add_argument(
        "--unsynchronised",
        dest="synchronised",
        action="store_false",
        help="stop the clock when a call returns, as the earlier report did; the tables say so",
    )
    parser.set_defaults(run=run_bench)


def run_bench(options: argparse.Namespace) -> int:
    """Carry out `vsrlib bench`."""
    wanted = Options.of(
        {
            **vars(options),
            "suites": tuple(options.suites) or SUITES,
            "frameworks": _frameworks(options),
            "size": parse_size(options.size),
        }
    )
    from vsrlib.bench.runner import bench, complete
    from vsrlib.bench.tables import bench_table

    result = bench(wanted, options.output)
    print(f"\n{bench_table(result)}")
    return 0 if complete(result) else 1


def costs_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `vsrlib costs`."""
    parser.description = (
        "Measure what each framework costs beside its arithmetic: what is installed, the way to the first frame with "
        "and without a compiler, memory, and, by processes in turns, a frame timed by two clocks, the correlation "
        "kernels and image output. Writes OUTPUT/costs.json."
    )
    parser.add_argument("output", type=Path, help="folder of the result")
    _measured(parser, (CostsOptions.height, CostsOptions.width))
    CostsOptions.add_arguments(parser, "preset", "device", "repeats", "seconds", "processes", "batch", "fresh")
    parser.set_defaults(run=run_costs)


def run_costs(options: argparse.Namespace) -> None:
    """Carry out `vsrlib costs`."""
    height, width = parse_size(options.size)
    sides: dict[str, Any] = {"frameworks": list(_frameworks(options)), "height": height, "width": width}
    wanted = CostsOptions.of(vars(options) | sides)
    from vsrlib.bench.costs import costs
    from vsrlib.bench.costs_tables import costs_table

    print(costs_table(costs(options.output, wanted.measured, wanted.batch, wanted.fresh)))


def _measured(parser: argparse.ArgumentParser, size: tuple[int, int]) -> None:
    """What is measured, as both commands ask for it: `size` is (height, width)."""
    parser.add_argument(
        "--framework",
        default="both",
        choices=(*FRAMEWORKS, "both"),
        help="both: those that can be used here (%(default)s)",
    )
    parser.add_argument("--size", default=f"{size[0]}x{size[1]}", metavar="HxW", help="LR pixels (%(default)s)")


def _frameworks(options: argparse.Namespace) -> tuple[str, ...]:
    return FRAMEWORKS if options.framework == "both" else (options.framework,)
