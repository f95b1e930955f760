"""Every naming of the flow network leads to the published names, and only what fits is merged."""

import re

import numpy as np
import pytest

import vsrlib
from vsrlib.common.errors import UserError
from vsrlib.networks import architecture
from vsrlib.networks.weights import weights_file
from vsrlib.networks.weights.names import FLOW_PREFIX, is_flow_only, merge_flow, published_names

PUBLISHED = {
    name: shape
    for name, shape in architecture.parameter_shapes(architecture.preset("published")).items()
    if name.startswith(FLOW_PREFIX)
}
FULL = architecture.initial_values(architecture.preset("study"), 0)
FLOW = {name: value for name, value in FULL.items() if name.startswith(FLOW_PREFIX)}


def authors_shapes() -> dict[str, tuple[int, ...]]:
    """PWC-Net as its authors' paper and names have it, written down without this project's tables."""
    layers: dict[str, tuple[int, ...]] = {}

    def conv(name: str, inputs: int, outputs: int) -> None:
        layers[name] = (outputs, inputs, 3, 3)

    widths = [3, 16, 32, 64, 96, 128, 196]
    for level in range(1, 7):
        # the one with stride 2 is the one whose input has the width of the level above
        first, second = ("aa", "a") if level == 6 else ("a", "aa")
        conv(f"conv{level}{first}.0", widths[level - 1], widths[level])
        conv(f"conv{level}{second}.0", widths[level], widths[level])
        conv(f"conv{level}b.0", widths[level], widths[level])
    for level in range(6, 1, -1):
        width = 81 if level == 6 else 81 + widths[level] + 4
        for index, outputs in enumerate((128, 128, 96, 64, 32)):
            conv(f"conv{level}_{index}.0", width, outputs)
            width += outputs
        conv(f"predict_flow{level}", width, 2)
        layers[f"deconv{level}"] = (2, 2, 4, 4)
        if level > 2:
            layers[f"upfeat{level}"] = (width, 2, 4, 4)
    for index, (inputs, outputs) in enumerate(((565, 128), (128, 128), (128, 128), (128, 96), (96, 64), (64, 32)), 1):
        conv(f"dc_conv{index}.0", inputs, outputs)
    conv("dc_conv7", 32, 2)
    shapes = {}
    for name, shape in layers.items():
        shapes[f"{name}.weight"] = shape
        shapes[f"{name}.bias"] = (2,) if "deconv" in name or "upfeat" in name else shape[:1]
    return shapes


def numbered(shapes: dict[str, tuple[int, ...]]) -> weights_file.Values:
    """Values that differ from name to name, and take no memory."""
    return {name: np.broadcast_to(np.float32(index), shape) for index, (name, shape) in enumerate(shapes.items())}


def test_the_authors_names_become_the_published_ones() -> None:
    theirs = numbered(authors_shapes())
    assert len(theirs) == 126 + 2  # with deconv2
    ours = published_names(theirs, "a test")
    assert {name: value.shape for name, value in ours.items()} == PUBLISHED
    # The shapes tell most layers apart; for those of one shape these say which is which.
    for there, here in (
        ("conv1a.0", "moduleExtractor.moduleOne.0"),
        ("conv3aa.0", "moduleExtractor.moduleThr.2"),
        ("conv3b.0", "moduleExtractor.moduleThr.4"),
        ("conv6aa.0", "moduleExtractor.moduleSix.0"),
        ("conv6a.0", "moduleExtractor.moduleSix.2"),
        ("conv6b.0", "moduleExtractor.moduleSix.4"),
        ("conv6_4.0", "moduleSix.moduleFiv.0"),
        ("predict_flow5", "moduleFiv.moduleSix.0"),
        ("deconv3", "moduleTwo.moduleUpflow"),
        ("deconv4", "moduleThr.moduleUpflow"),
        ("deconv5", "moduleFou.moduleUpflow"),
        ("deconv6", "moduleFiv.moduleUpflow"),
        ("upfeat6", "moduleFiv.moduleUpfeat"),
        ("upfeat3", "moduleTwo.moduleUpfeat"),
        ("dc_conv1.0", "moduleRefiner.moduleMain.0"),
        ("dc_conv2.0", "moduleRefiner.moduleMain.2"),
        ("dc_conv3.0", "moduleRefiner.moduleMain.4"),
        ("dc_conv7", "moduleRefiner.moduleMain.12"),
    ):
        for kind in ("weight", "bias"):
            assert ours[f"{FLOW_PREFIX}{here}.{kind}"].flat[0] == theirs[f"{there}.{kind}"].flat[0], there
    used = {value.flat[0] for value in ours.values()}
    assert len(used) == 126 and not used & {theirs[f"deconv2.{kind}"].flat[0] for kind in ("weight", "bias")}


@pytest.mark.parametrize(
    "rename",
    [
        lambda name: name,
        lambda name: name.removeprefix(FLOW_PREFIX),
        lambda name: "module." + name,
        lambda name: re.sub("module", "net", name.removeprefix(FLOW_PREFIX)),
        lambda name: re.sub("module", "net", name),
        lambda name: "module." + re.sub("module", "net", name.removeprefix(FLOW_PREFIX)),
    ],
)
def test_the_standalone_file_and_newer_names_become_the_published_ones(rename) -> None:
    values = numbered(PUBLISHED)
    read = published_names({rename(name): value for name, value in values.items()}, "a test")
    assert read.keys() == values.keys() and all(read[name] is values[name] for name in values)


def test_other_names_stay() -> None:
    assert published_names(FULL, "a test").keys() == FULL.keys()
    other = dict.fromkeys(("fc_net.0.weight", "netlist", "conv1b.0.weight", "module"), np.zeros(1))
    assert published_names(other, "a test").keys() == other.keys()


def test_two_names_for_one_value_are_refused() -> None:
    twice = {"netTwo.netSix.0.bias": np.zeros(2), "moduleTwo.moduleSix.0.bias": np.ones(2)}
    with pytest.raises(UserError, match="a test hold .*moduleTwo.moduleSix.0.bias twice"):
        published_names(twice, "a test")


def test_merging_takes_the_flow_network_and_nothing_else() -> None:
    other = architecture.initial_values(architecture.preset("study"), 1)
    flow = {name: value for name, value in other.items() if name.startswith(FLOW_PREFIX)}
    assert is_flow_only(flow) and not is_flow_only(other) and not is_flow_only({})
    for given in (flow, other):
        merged = merge_flow(FULL, given)
        assert list(merged) == list(FULL)
        assert all(merged[name] is (other if name in flow else FULL)[name] for name in FULL)


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda v: v.pop(f"{FLOW_PREFIX}moduleTwo.moduleUpflow.bias"), "moduleTwo.moduleUpflow.bias is missing"),
        (lambda v: v.update({f"{FLOW_PREFIX}deconv9.bias": np.zeros(2)}), "deconv9.bias is unknown"),
        (lambda v: v.update({f"{FLOW_PREFIX}moduleTwo.moduleUpflow.bias": np.zeros(3)}), "shape .3,., not .2,."),
        (lambda v: v.clear(), "is missing, and 125 more"),
    ],
)
def test_a_flow_network_that_does_not_fit_is_named(change, words: str) -> None:
    flow = dict(FLOW)
    change(flow)
    with pytest.raises(UserError, match=f"flow.pkl does not fit: .*{words}"):
        merge_flow(FULL, flow, "flow.pkl")


def test_a_flow_file_starts_a_network_and_is_no_network(tmp_path) -> None:
    path = tmp_path / "flow.npz"
    flow = {name: value + np.float32(1) for name, value in FLOW.items()}
    weights_file.write(path, {name.removeprefix(FLOW_PREFIX): value for name, value in flow.items()})
    with pytest.raises(UserError, match="flow.npz are those of the flow network alone.*in_conv.0.weight"):
        vsrlib.load_network("torch", path, preset="study", device="cpu")
    state = vsrlib.load_network("torch", preset="study", device="cpu", seed=0, flow_weights=path).state()
    assert all(np.array_equal(state[name], flow.get(name, value)) for name, value in FULL.items())
    full = architecture.initial_values(architecture.preset("study"), 5)
    state = vsrlib.load_network("torch", full, preset="study", device="cpu", flow_weights=flow).state()
    assert all(np.array_equal(state[name], flow.get(name, value)) for name, value in full.items())
    bad = flow | {f"{FLOW_PREFIX}moduleTwo.moduleUpflow.bias": np.full(2, np.nan, np.float32)}
    with pytest.raises(UserError, match="NaN"):
        vsrlib.load_network("torch", full, preset="study", device="cpu", flow_weights=bad)
