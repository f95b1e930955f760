"""One name for every parameter: that of the published weights, whatever a file calls it.

Files of the flow network alone come in three namings: that of the published weights without the prefix; the same with
`net` for `module`, as newer releases have it; and that of PWC-Net's authors (Sun et al., CVPR 2018).
"""

import re
from typing import Any

import numpy as np

from vsrlib.common.errors import UserError
from vsrlib.networks.architecture import LEVELS, WARP_SCALE

Values = dict[str, np.ndarray]

FLOW = "flow_net."
FLOW_PREFIX = "flow_net.moduleNetwork."
_WRAPPERS = ("module.", "_orig_mod.", "model.")
"""What DataParallel, torch.compile and a training program's own module put before every name."""
_AVERAGED = "n_averaged"  # a counter that PyTorch's AveragedModel keeps beside the values
_NEWER = re.compile(r"(?<![^.])net(?=[A-Z])")
_STANDALONE = re.compile(r"module(Extractor|Refiner|Two|Thr|Fou|Fiv|Six)\.")
_ORDINALS = ("One", "Two", "Thr", "Fou", "Fiv", "Six")
_MARK_OF_AUTHORS = "conv1a.0.weight"
_UNUSED = "deconv2"  # in the authors' files; their network computes with it nothing that it returns


def published_names(values: Values, source: str) -> Values:
    """The same values under the names of the published weights; names that are none of the known stay as they are.

    Raises UserError if two of the values would get one name.
    """
    values = unwrapped(values)
    table = _authors_layers() if _MARK_OF_AUTHORS in values else {}
    renamed: Values = {}
    for name, value in values.items():
        layer, _, kind = name.rpartition(".")
        if table and layer == _UNUSED:
            continue
        new = f"{FLOW_PREFIX}{table[layer]}.{kind}" if layer in table else _NEWER.sub("module", name)
        if _STANDALONE.match(new):
            new = FLOW_PREFIX + new
        if new in renamed:
            raise UserError(f"The weights in {source} hold {new} twice, under two names; use a file with one naming.")
        renamed[new] = value
    return renamed


def unwrapped(values: dict[str, Any]) -> dict[str, Any]:
    """The same without what wrappers of a network put before every name, and without AveragedModel's counter.

    >>> unwrapped({"module._orig_mod.a": 1, "n_averaged": 2}), unwrapped({"model.a": 1, "b": 2})
    ({'a': 1}, {'model.a': 1, 'b': 2})
    """
    named = {name: value for name, value in values.items() if name != _AVERAGED}
    for prefix in _WRAPPERS:
        if named and all(name.startswith(prefix) for name in named):
            return unwrapped({name.removeprefix(prefix): value for name, value in named.items()})
    return values


def is_flow_only(values: Values) -> bool:
    """Whether these are values of the flow network and of nothing else (under the published names)."""
    return bool(values) and all(name.startswith(FLOW) for name in values)


def merge_flow(full: Values, flow: Values, source: str = "the flow weights") -> Values:
    """The weights `full` with the flow network of `flow`, which may hold only that or other values beside it.

    Names are the published ones, as `vsrlib.networks.weights.weights_file.read` gives them. Neither dictionary is
    changed. Raises UserError if `flow` lacks a value of the flow network, has one too many, or one of another shape.
    """
    wanted = {name: value.shape for name, value in full.items() if name.startswith(FLOW)}
    given = {name: value for name, value in flow.items() if name.startswith(FLOW)}
    faults = [f"{name} is missing" for name in wanted if name not in given]
    faults += [f"{name} is unknown" for name in given if name not in wanted]
    faults += [
        f"{name} has shape {given[name].shape}, not {shape}"
        for name, shape in wanted.items()
        if name in given and given[name].shape != shape
    ]
    if faults:
        others = f", and {len(faults) - 1} more like it" if len(faults) > 1 else ""
        raise UserError(
            f"The flow network in {source} does not fit: {faults[0]}{others}; check the preset it was made for."
        )
    return {name: given.get(name, value) for name, value in full.items()}


def _authors_layers() -> dict[str, str]:
    """Layers as PWC-Net's authors call them -> below the flow network's prefix."""
    table = {}
    for level, name in enumerate(_ORDINALS, start=1):
        # Level 6 has the letters in another order: there `aa` halves the size, in the other levels `a` does.
        for letters, index in zip(("aa", "a", "b") if level == 6 else ("a", "aa", "b"), (0, 2, 4)):
            table[f"conv{level}{letters}.0"] = f"moduleExtractor.module{name}.{index}"
    for level, name in LEVELS.items():
        for index, dense in enumerate(_ORDINALS[:5]):
            table[f"conv{level}_{index}.0"] = f"module{name}.module{dense}.0"
        table[f"predict_flow{level}"] = f"module{name}.moduleSix.0"
        if level in WARP_SCALE:  # named after the level they come from
            table[f"deconv{level + 1}"] = f"module{name}.moduleUpflow"
            table[f"upfeat{level + 1}"] = f"module{name}.moduleUpfeat"
    for index in range(6):
        table[f"dc_conv{index + 1}.0"] = f"moduleRefiner.moduleMain.{2 * index}"
    table["dc_conv7"] = "moduleRefiner.moduleMain.12"
    return table
