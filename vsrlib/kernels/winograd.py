"""3x3 convolutions of many channels on the CPU by Winograd's minimal filtering; for inference, without gradients.

They compute what the framework's convolutions compute in about a quarter of the time, in float32 with a few more units
in the last place. Activations are (B, h, w, C), channels last, C a multiple of LANES.
"""

import importlib
from collections.abc import Sequence

import numpy as np

from vsrlib.common.errors import UserError
from vsrlib.kernels import native

LANES = 16  # channels are multiples of this
MOST_PARTS = 6  # in which the inputs of one convolution may lie
RELU, LINEAR = 0.0, 1.0
"""Slopes below zero of the activation that follows a convolution; any other is a leaky ReLU's."""

# Lavin and Gray (CVPR 2016), section 4.2: the weights' transform G of F(4x4, 3x3).
_G = np.array(
    [
        [1 / 4, 0, 0],
        [-1 / 6, -1 / 6, -1 / 6],
        [-1 / 6, 1 / 6, -1 / 6],
        [1 / 24, 1 / 12, 1 / 6],
        [1 / 24, -1 / 12, 1 / 6],
        [0, 0, 1],
    ]
)
_BOTH_WAYS = np.kron(_G, _G)  # along the columns and along the rows


def pick(name: str, device: str, features: int) -> str:
    """ "auto" becomes "winograd" where there is a compiler, else "framework". UserError when "winograd" cannot be had.

    `features` is the network's width. Whether the compiler compiles it, `pick_ready` says.
    """
    reason = (
        "is for the CPU"
        if device != "cpu"
        else f"takes multiples of {LANES} features, and the network has {features}"
        if features % LANES
        else "is compiled on first use and g++ was not found"
        if native.compiler() is None
        else None
    )
    if name == "auto":
        return "framework" if reason else "winograd"
    if name == "winograd" and reason:
        raise UserError(f'The convolution "winograd" {reason}; choose --convolution framework.')
    return name


def pick_ready(name: str, framework: str, device: str, features: int, note: native.Note) -> str:
    """As `pick`, and what has to be compiled beforehand is: "auto" becomes "framework" where that fails.

    `note` is told why.
    """
    picked = pick(name, device, features)
    if picked == "framework":
        if name == "auto" and device == "cpu" and native.compiler() is None:
            note("g++ was not found")
        return picked
    if framework != "jittor":  # which compiles what it uses at first use, itself among it
        prepare = importlib.import_module(f"vsrlib.kernels.{framework}_cpp").prepare_convolve
        if name == "auto":
            return picked if native.had(prepare, note) else "framework"
        prepare()
    return picked


def transformed(weight: np.ndarray, widths: Sequence[int] | None = None) -> np.ndarray:
    """A convolution's weight (D, C, 3, 3) -> G w G^T by position, (36, D / 16, C, 16), as the C++ reads it; float32.

    The outputs, and the inputs of each part, whose `widths` add up to C (None: one part), are `filled`.
    """
    parts = [weight] if widths is None else np.split(weight, np.cumsum(widths)[:-1], axis=1)
    weight = filled(np.concatenate([filled(part, 1) for part in parts], axis=1), 0)
    panels, inputs = weight.shape[0] // LANES, weight.shape[1]
    taps = weight.reshape(panels, LANES, inputs, 9).transpose(3, 0, 2, 1).reshape(9, -1)
    return (_BOTH_WAYS @ taps.astype(np.float64)).astype(np.float32).reshape(36, panels, inputs, LANES)


def filled(values: np.ndarray, axis: int = 0) -> np.ndarray:
    """The values with zeros after them, up to a multiple of LANES along an axis."""
    missing = -values.shape[axis] % LANES
    return np.pad(values, [(0, missing if i == axis else 0) for i in range(values.ndim)]) if missing else values


def source() -> str:
    """The C++ source: the convolution, and the warp of what lies as it takes it."""
    text = "".join(map(native.text, ("winograd_product.h", "winograd.h", "warp.h")))
    return text.replace("#pragma once\n", "").replace('#include "winograd_product.h"\n', "")
