"""The command `vsrlib convert`: weights from one format into another, or what a weights file is."""

import argparse
from pathlib import Path

from vsrlib.common.files import sha256_file
from vsrlib.networks import architecture
from vsrlib.networks.weights import weights_file
from vsrlib.networks.weights.formats import ENDINGS
from vsrlib.networks.weights.names import FLOW
from vsrlib.networks.weights.weights_file import locate


def convert_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `vsrlib convert`."""
    parser.description = (
        f"Convert weights; the format is the end of the file's name: {', '.join(ENDINGS)}. Prints both files' SHA-256, "
        "and one of the values, which is the same for the same weights in any format. Without a target it says what "
        "the source is."
    )
    parser.add_argument("source", help="weights file, or a name such as study-gaussian")
    parser.add_argument("target", type=Path, nargs="?", help="the file to write")
    parser.set_defaults(run=run_convert)


def run_convert(options: argparse.Namespace) -> None:
    """Carry out `vsrlib convert`."""
    source, target = locate(options.source), options.target
    values = weights_file.read(source) if target is None else weights_file.convert(source, target)
    for path in (source, target):
        if path is not None:
            print(f"{path} (sha256 {sha256_file(path)})")
    notes = weights_file.metadata(source)
    if notes:
        lost = target is not None and not weights_file.metadata(target)
        print(
            f"notes: {', '.join(f'{name} {value}' for name, value in sorted(notes.items()))}"
            f"{'; they are not in the target, because safetensors alone can hold them' if lost else ''}"
        )
    print(f"{len(values)} tensors, {sum(value.size for value in values.values()):,} values, {_fitting(values)}")
    print(f"values (sha256 {weights_file.digest(values)})")


def _fitting(values: weights_file.Values) -> str:
    """Which network the values are for."""
    shapes = {name: value.shape for name, value in values.items()}
    for preset, config in architecture.PRESETS.items():
        wanted = architecture.parameter_shapes(config)
        if shapes == wanted:
            return f"the network of preset {preset}"
        if shapes == {name: shape for name, shape in wanted.items() if name.startswith(FLOW)}:
            return f"the flow network of preset {preset}"
    return "of no network known here"
