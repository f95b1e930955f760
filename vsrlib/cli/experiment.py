"""The command `vsrlib experiment`: what is run once and whose files are committed, the protocol's experiments first."""

import argparse
import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vsrlib.claims.ten_claims import GAIN
from vsrlib.common import files
from vsrlib.common.files import atomic_path
from vsrlib.experiments.options import (
    BackendsOptions,
    BlindOptions,
    MemoryOptions,
    OutputOptions,
    ProcessesOptions,
    SceneOptions,
    SeedsOptions,
    TrainingFaultsOptions,
)

EXPERIMENTS = (
    ("precision", f"E3: to how many bits of mantissa convolutions must fall to lose {GAIN['psnr']} dB", SceneOptions),
    ("seeds", "E1: what the other reading of the sampling grids costs, with ten networks", SeedsOptions),
    ("processes", "E5: what the earlier report's clock misses, and how fast both are", ProcessesOptions),
    ("output", 'E6: what is in "post-processing" (PNG, PSNR, SSIM)', OutputOptions),
    ("memory", "E7: what a sample more takes in memory in training", MemoryOptions),
    ("measurement", "E4: whether two ways of measuring the same frames make the published figures", SceneOptions),
    ("backends", "the same frames in everything that runs the network: how fast, how far apart", BackendsOptions),
    ("blind", "what learning from the low-resolution frames is worth on blurs never trained on", BlindOptions),
    ("training", "E8: what the training faults of the earlier sides cost", TrainingFaultsOptions),
)
"""Name, help and options. `vsrlib.experiments.NAME` has the function NAME, which takes a folder and the options and
returns the result, and `table`, which makes Markdown of that."""
_BY_THEMSELVES = ("seeds", "blind")
"""Those that hold what they work on: the former a network each, so that processes share the ten, the latter OUTPUT."""


def experiment_arguments(parser: argparse.ArgumentParser) -> None:
    """The experiments of `vsrlib experiment`, and the options of each."""
    parser.description = (
        "Run one experiment, those with a number as docs/protocol.md says. Writes OUTPUT/NAME.json, OUTPUT/NAME.md and "
        "of some a chart. What is done of it lies in OUTPUT/parts: the same command goes on where it was interrupted."
    )
    names = parser.add_subparsers(dest="name", required=True, metavar="NAME")
    for name, text, options in EXPERIMENTS:
        one = names.add_parser(name, help=text, description=text)
        one.add_argument("output", type=Path, help="folder of the result")
        options.add_arguments(one)
        one.set_defaults(run=run_experiment, options=options)


def run_experiment(options: argparse.Namespace) -> None:
    """Carry out `vsrlib experiment`."""
    from vsrlib.report.charts import experiments

    asked = options.options.of(vars(options))
    files.require_folder(options.output)
    module = importlib.import_module(f"vsrlib.experiments.{options.name}")
    with _held(options.output, options.name):
        result = getattr(module, options.name)(options.output, asked)
        text = module.table(result)
        with atomic_path(options.output / f"{options.name}.md") as temporary:
            temporary.write_text(text, encoding="utf-8")
        experiments.draw(options.name, result, options.output)
    print(f"\n{text}", end="")


@contextmanager
def _held(output: Path, name: str) -> Iterator[None]:
    """Hold the folder, so that no second process measures at the same time or takes the parts of this one for its own.

    A folder that stayed empty because of a mistake is not left behind.
    """
    if name in _BY_THEMSELVES:
        yield
        return
    new = not output.exists()
    try:
        with files.lock(output, "experiment", "output folder"):
            yield
    finally:
        if new and output.is_dir() and not any(output.iterdir()):
            output.rmdir()
