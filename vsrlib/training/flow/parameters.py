"""The parameters of the flow network: their names, and the values that its training starts from."""

import math

from vsrlib.networks import architecture
from vsrlib.networks.architecture import LEAKY_SLOPE, LEVELS, NetworkConfig
from vsrlib.networks.weights.names import FLOW, FLOW_PREFIX
from vsrlib.networks.weights.weights_file import Values

_HEADS = (
    *(f"{FLOW_PREFIX}module{name}.moduleSix.0" for name in LEVELS.values()),
    f"{FLOW_PREFIX}moduleRefiner.moduleMain.12",
)
_GREY, _CONTRAST = 0.45, 0.25  # mean and spread of the first layer's input, roughly


def initial_flow_values(config: NetworkConfig, seed: int) -> Values:
    """Seeded start of every flow_net.* parameter, from which training gets going.

    As `vsrlib.networks.architecture.initial_values`, but: layers before a leaky ReLU keep their input's variance (He et
    al., ICCV 2015), without which level 6 begins several orders of magnitude below the frame; the first layer's bias
    cancels a mean grey, and its weights bring a frame's contrast to 1, so that the correlations, which are products of
    two features, are of the features' own order for the decoders, which get both; and the layers that give a flow begin
    at a tenth, so that no level misleads the finer ones.
    """
    values = flow_only(architecture.initial_values(config, seed))
    gain = math.sqrt(6 / (1 + LEAKY_SLOPE**2))  # from +-1/sqrt(fan in)
    for name in values:
        layer, _, kind = name.rpartition(".")
        if layer in _HEADS:
            values[name] *= 0.1
        elif kind == "weight" and ".moduleUp" not in layer:
            values[name] *= gain
    first = f"{FLOW_PREFIX}moduleExtractor.moduleOne.0"
    values[f"{first}.weight"] /= _CONTRAST
    values[f"{first}.bias"] = -_GREY * values[f"{first}.weight"].sum(axis=(1, 2, 3))
    return values


def matcher_names(config: NetworkConfig) -> list[str]:
    """The parameters of the pyramid's levels 1 to 4, which the matching trains."""
    levels = tuple(f"{FLOW_PREFIX}moduleExtractor.module{name}." for name in ("One", "Two", "Thr", "Fou"))
    return [name for name in flow_names(config) if name.startswith(levels)]


def flow_names(config: NetworkConfig) -> list[str]:
    """Every flow_net.* parameter."""
    return [name for name in architecture.parameter_shapes(config) if name.startswith(FLOW)]


def flow_only(values: Values) -> Values:
    """The flow_net.* entries."""
    return {name: value for name, value in values.items() if name.startswith(FLOW)}
