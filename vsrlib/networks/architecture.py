"""The network's constants and layers as data: the one description that both frameworks build from.

Self-Blind-VSR (Bai and Pan, TPAMI 2024, arXiv 2201.07422): a PWC-Net flow network
(Sun et al., CVPR 2018), a kernel network of residual channel-attention blocks
(Zhang et al., ECCV 2018) and a reconstruction network of residual blocks. The
layers' names are those of the published weights.
"""

import math
import zlib
from dataclasses import asdict, dataclass
from typing import NamedTuple

import numpy as np

from vsrlib.common.errors import UserError
from vsrlib.kernels.correlation import SEARCH_RANGE

CENTRE = 2  # of five frames


LEAKY_SLOPE = 0.1  # of every leaky ReLU of the flow network
FLOW_SCALE = 20.0  # the flow network's output is in units of 20 pixels of its input
FLOW_STRIDE = 64  # its input sides are multiples of this
MASK_THRESHOLD = 0.999  # a warped pixel is seen where the warped ones reach it; in the flow network, exceed it
LEVELS = {2: "Two", 3: "Thr", 4: "Fou", 5: "Fiv", 6: "Six"}  # the pyramid levels that are decoded
WARP_SCALE = {5: 0.625, 4: 1.25, 3: 2.5, 2: 5.0}  # FLOW_SCALE / 2**level: pixels at that level
PARTS = ("in_conv", "extra_feat", "fusion_conv", "recons_net", "upsample_layers", "out_conv", "kernel_net", "flow_net")


@dataclass(frozen=True)
class NetworkConfig:
    """Sizes of the network, and the one switch that the study is about.

    `align_corners` is how the sampling grids of both warps are read. They are normalised by
    (size - 1), which is right only with True, the behaviour that the published weights were trained
    with. False reproduces the fault: PyTorch changed the default of `grid_sample` to it in version 1.3.
    """

    features: int = 128
    extra_blocks: int = 3
    recons_blocks: int = 20
    pyramid: tuple[int, ...] = (16, 32, 64, 96, 128, 196)
    decoder: tuple[int, ...] = (128, 128, 96, 64, 32)
    refiner: tuple[int, ...] = (128, 128, 128, 96, 64, 32)
    refiner_dilations: tuple[int, ...] = (1, 2, 4, 8, 16, 1, 1)
    kernel_features: int = 64
    kernel_hidden: int = 1000
    frames: int = 5
    scale: int = 4
    kernel_size: int = 13
    align_corners: bool = True

    def __post_init__(self) -> None:
        if (self.frames, self.scale) != (5, 4):
            raise UserError("The network takes 5 frames and upsamples them 4 times; other values are not specified.")
        if len(self.pyramid) != 6 or len(self.decoder) != 5 or len(self.refiner) != 6:
            raise UserError(
                "The flow network has 6 pyramid levels, 5 dense layers and 6 hidden refiner layers; "
                "give that many widths."
            )
        if self.kernel_features % 16:
            raise UserError(
                f"kernel_features is {self.kernel_features}, and the channel attention divides it by 16; "
                "give a multiple of 16."
            )

    def to_json(self) -> dict:
        """The configuration as plain JSON values."""
        return asdict(self)


PRESETS = {
    "published": NetworkConfig(),
    "study": NetworkConfig(
        features=32,
        extra_blocks=2,
        recons_blocks=6,
        pyramid=(8, 16, 24, 32, 40, 48),
        decoder=(32, 32, 24, 16, 8),
        refiner=(32, 32, 32, 24, 16, 8),
        kernel_features=16,
        kernel_hidden=256,
    ),
    # Channels in sixteens, which is what processors compute at a time.
    "medium": NetworkConfig(
        features=48,
        extra_blocks=3,
        recons_blocks=8,
        pyramid=(16, 32, 48, 64, 80, 96),
        decoder=(64, 64, 48, 32, 16),
        refiner=(64, 64, 64, 48, 32, 16),
        kernel_features=32,
        kernel_hidden=256,
    ),
}


def preset(name: str) -> NetworkConfig:
    """The configuration called `name`, one of PRESETS. Raises UserError for any other."""
    if name not in PRESETS:
        raise UserError(f"There is no network preset {name!r}; choose one of {', '.join(PRESETS)}.")
    return PRESETS[name]


class Conv(NamedTuple):
    """A convolution (cross-correlation) with bias; zero padding."""

    inputs: int
    outputs: int
    kernel: int = 3
    stride: int = 1
    padding: int = 1
    dilation: int = 1

    @property
    def weight_shape(self) -> tuple[int, ...]:
        return (self.outputs, self.inputs, self.kernel, self.kernel)


class Deconv(NamedTuple):
    """A transposed convolution with bias that doubles the size; its weight has the inputs first."""

    inputs: int
    outputs: int
    kernel: int = 4
    stride: int = 2
    padding: int = 1

    @property
    def weight_shape(self) -> tuple[int, ...]:
        return (self.inputs, self.outputs, self.kernel, self.kernel)


class Linear(NamedTuple):
    """A fully connected layer with bias."""

    inputs: int
    outputs: int

    @property
    def weight_shape(self) -> tuple[int, ...]:
        return (self.outputs, self.inputs)


Layer = Conv | Deconv | Linear


class Layers(dict[str, Layer]):
    """Layers by name, in the order in which the network registers them."""

    def under(self, prefix: str) -> "Layers":
        """The layers whose names begin with `prefix` and a dot, without it."""
        start = prefix + "."
        return Layers({name[len(start) :]: layer for name, layer in self.items() if name.startswith(start)})


def layers(config: NetworkConfig) -> Layers:
    """Every layer of the network by its name in the published weights; each has a `.weight` and a `.bias`."""
    f, table = config.features, Layers()
    table["in_conv.0"] = Conv(3, f)
    for block in range(config.extra_blocks):
        table |= _residual_block(f"extra_feat.{block}", f)
    table["fusion_conv.0"] = Conv(config.frames * f, f)
    for block in range(config.recons_blocks):
        table |= _residual_block(f"recons_net.{block}", f)
    table["upsample_layers.0"] = Conv(f, 4 * f)
    table["upsample_layers.2"] = Conv(f, 4 * f)
    table["out_conv.0"] = Conv(f, f)
    table["out_conv.1"] = Conv(f, 3)
    for name, layer in _flow_layers(config).items():
        table[f"flow_net.moduleNetwork.{name}"] = layer
    for name, layer in _kernel_layers(config).items():
        table[f"kernel_net.{name}"] = layer
    return table


def parameter_shapes(config: NetworkConfig) -> dict[str, tuple[int, ...]]:
    """Name and shape of every parameter; for the published configuration 272 of them, 18,900,215 values."""
    shapes: dict[str, tuple[int, ...]] = {}
    for name, layer in layers(config).items():
        shapes[f"{name}.weight"] = layer.weight_shape
        shapes[f"{name}.bias"] = (layer.outputs,)
    return shapes


def initial_values(config: NetworkConfig, seed: int) -> dict[str, np.ndarray]:
    """Seeded initial parameters, float32, the same for both frameworks.

    Uniform in +-1/sqrt(fan in), as PyTorch initialises convolutions and linear layers. Every tensor is drawn from
    its own name, so that adding a layer does not change the others.
    """
    values: dict[str, np.ndarray] = {}
    for name, layer in layers(config).items():
        bound = 1 / math.sqrt(math.prod(layer.weight_shape[1:]))
        for key, shape in ((f"{name}.weight", layer.weight_shape), (f"{name}.bias", (layer.outputs,))):
            rng = np.random.default_rng([seed, zlib.crc32(key.encode())])
            values[key] = rng.uniform(-bound, bound, shape).astype(np.float32)
    return values


def _residual_block(name: str, features: int) -> Layers:
    return Layers({f"{name}.conv1": Conv(features, features), f"{name}.conv2": Conv(features, features)})


def _flow_layers(config: NetworkConfig) -> Layers:
    table = Layers()
    inputs = 3
    for level, width in zip(("One", "Two", "Thr", "Fou", "Fiv", "Six"), config.pyramid):
        table[f"moduleExtractor.module{level}.0"] = Conv(inputs, width, stride=2)
        table[f"moduleExtractor.module{level}.2"] = Conv(width, width)
        table[f"moduleExtractor.module{level}.4"] = Conv(width, width)
        inputs = width
    volume, dense = (2 * SEARCH_RANGE + 1) ** 2, sum(config.decoder)
    current = {level: volume + config.pyramid[level - 1] + 2 + 2 for level in WARP_SCALE} | {6: volume}
    for number, name in LEVELS.items():
        width = current[number]
        if number in WARP_SCALE:
            table[f"module{name}.moduleUpflow"] = Deconv(2, 2)
            table[f"module{name}.moduleUpfeat"] = Deconv(current[number + 1] + dense, 2)
        for layer, outputs in zip(("One", "Two", "Thr", "Fou", "Fiv"), config.decoder):
            table[f"module{name}.module{layer}.0"] = Conv(width, outputs)
            width += outputs
        table[f"module{name}.moduleSix.0"] = Conv(width, 2)
    inputs = current[2] + dense
    for index, (outputs, dilation) in enumerate(zip((*config.refiner, 2), config.refiner_dilations)):
        table[f"moduleRefiner.moduleMain.{2 * index}"] = Conv(inputs, outputs, padding=dilation, dilation=dilation)
        inputs = outputs
    return table


def _kernel_layers(config: NetworkConfig) -> Layers:
    f, cells = config.kernel_features, config.kernel_size**2
    table = Layers({"in_conv": Conv(3 * config.frames, f)})
    for body in ("body1", "body2"):
        for block in range(2):
            table[f"{body}.{block}.body.0"] = Conv(f, f)
            table[f"{body}.{block}.body.2"] = Conv(f, f)
            table[f"{body}.{block}.body.3.conv_du.0"] = Conv(f, f // 16, kernel=1, padding=0)
            table[f"{body}.{block}.body.3.conv_du.2"] = Conv(f // 16, f, kernel=1, padding=0)
    table["body2.2"] = Conv(f, f // 2)
    table["body2.3"] = Conv(f // 2, 1)
    table["fc_net.0"] = Linear(cells, config.kernel_hidden)
    table["fc_net.1"] = Linear(config.kernel_hidden, cells)
    return table
