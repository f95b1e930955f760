"""Exported models: an .onnx file for each form of `networks.onnx_net`, with notes that say what it is."""

from dataclasses import replace
from pathlib import Path

from vsrlib import __version__
from vsrlib.common.errors import UserError
from vsrlib.common.files import atomic_path
from vsrlib.networks.architecture import PRESETS, NetworkConfig
from vsrlib.networks.backend import Values
from vsrlib.networks.network import described
from vsrlib.networks.onnx_net import FORMS, WINDOW, build
from vsrlib.networks.weights import weights_file

ENDING = ".onnx"


def export(weights: str | Path, model: Path, preset: str | None = None) -> list[Path]:
    """Write every form of a network; returns the files.

    weights: a file or a name; preset: None for what the weights note, as in `vsrlib.load_network`. model: the path of
    the window's form, which ends in .onnx; the others lie beside it (`path_of`). UserError for weights that cannot be
    used, for another ending, and where the package onnx is not installed.
    """
    model = Path(model)
    if model.suffix != ENDING:
        raise UserError(
            f"Exported models end in {ENDING}, and {model.name} does not; give a name such as model{ENDING}."
        )
    config, values = described(weights, preset)
    written = {path_of(model, form): contents(form, config, values) for form in FORMS}  # all or none
    for path, data in written.items():
        with atomic_path(path) as temporary:
            temporary.write_bytes(data)
    return list(written)


def path_of(model: Path, form: str) -> Path:
    """Where a form lies: the window under the model's own name, another one beside it, as `model.features.onnx`."""
    return model if form == WINDOW else model.with_suffix(f".{form}{ENDING}")


def contents(form: str, config: NetworkConfig, values: Values) -> bytes:
    """The file of a form, one of FORMS; values: every parameter by name."""
    return build(form, config, values, _notes(form, config, values))


def _notes(form: str, config: NetworkConfig, values: Values) -> dict[str, str]:
    """What a file says of itself; `digest` is that of the weights, as `vsrlib convert` prints it."""
    plain = replace(config, align_corners=True)
    return {
        "vsrlib": __version__,
        "form": form,
        "preset": next(name for name, one in PRESETS.items() if one == plain),
        "align_corners": str(config.align_corners).lower(),
        "digest": weights_file.digest(values),
        "scale": str(config.scale),
        "layout": "frames (n, 3, height, width), red before green before blue; recons (1, 3, 4 height, 4 width)",
        "range": "frames from 0 to 1; recons not clamped",
    }
