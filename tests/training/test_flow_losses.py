"""The flow network's targets and losses against plain numpy, in both frameworks."""

import numpy as np
import pytest

from vsrlib.kernels.correlation import reference
from vsrlib.networks import architecture, load_network
from vsrlib.networks.network import Network
from vsrlib.training.flow import losses
from vsrlib.training.flow.losses import (
    endpoint_error,
    flows_by_level,
    level_flow,
    matching_loss,
    matching_target,
    step_losses,
)
from vsrlib.training.flow.parameters import initial_flow_values


@pytest.fixture(scope="module")
def network(framework: str) -> Network:
    flow_weights = initial_flow_values(architecture.preset("study"), 0)
    return load_network(framework, None, "study", "cpu", flow_weights=flow_weights)


def test_level_flow_is_the_blocks_mean() -> None:
    flow = np.random.default_rng(0).normal(size=(2, 2, 8, 12))
    means = level_flow(flow, 2)
    assert means.shape == (2, 2, 2, 3)
    assert means[1, 0, 1, 2] == pytest.approx(flow[1, 0, 4:8, 8:12].mean())


def uniform(x: float, y: float, side: int = 48) -> tuple[np.ndarray, np.ndarray]:
    flow = np.broadcast_to(np.array([x, y], float).reshape(1, 2, 1, 1), (1, 2, side, side))
    return flow, np.ones((1, side, side), bool)


def test_the_target_is_the_true_displacement() -> None:
    """(1.25, -2.5) pixels of the level: four neighbours whose mean is it."""
    target, weight = matching_target(*uniform(5, -10), level=2)
    share = target[0, :, 6, 6].reshape(9, 9)
    assert {(int(y) - 4, int(x) - 4): float(share[y, x]) for y, x in zip(*share.nonzero())} == {
        (-3, 1): 0.375,
        (-2, 1): 0.375,
        (-3, 2): 0.125,
        (-2, 2): 0.125,
    }
    expected = np.zeros((12, 12))
    expected[3:, :10] = 1  # the place reached is inside the frame
    np.testing.assert_array_equal(weight[0] > 0, expected)
    assert weight.mean() == pytest.approx(1)


def test_the_place_reached_is_inside_the_frame_on_every_side() -> None:
    for x, y, rows, columns in ((-5, 10, slice(0, 9), slice(2, 12)), (5, 10, slice(0, 9), slice(0, 10))):
        _, weight = matching_target(*uniform(x, y), level=2)
        expected = np.zeros((12, 12))
        expected[rows, columns] = 1
        np.testing.assert_array_equal(weight[0] > 0, expected)


def test_a_block_moves_as_one_to_half_a_pixel_of_the_level() -> None:
    flow, visible = (values.copy() for values in uniform(0, 0))
    flow[0, 0, 4:8, 4:6] = 2.0  # half a pixel of level 2
    flow[0, 0, 16:20, 16:18] = 2.01
    _, weight = matching_target(flow, visible, level=2)
    assert weight[0, 1, 1] > 0 and weight[0, 4, 4] == 0


def test_features_have_length_one_but_for_next_to_none(network: Network) -> None:
    features = np.zeros((1, 2, 1, 3))
    features[0, :, 0, 0], features[0, :, 0, 1] = (3e-6, 4e-6), (3e-10, 4e-10)
    found = network.download(losses._unit(network.tensor(features), network.backend.ops))[0, :, 0]
    np.testing.assert_allclose(found.T, [(0.6, 0.8), (0.03, 0.04), (0, 0)], rtol=1e-5)


@pytest.mark.parametrize("x, y", [(4 * 4, 0), (-4 * 4, 4 * 4)])
def test_the_search_ranges_end_is_a_target(x: float, y: float) -> None:
    target, weight = matching_target(*uniform(x, y), level=2)
    assert target[0, (y // 4 + 4) * 9 + x // 4 + 4].min() == 1 and weight.max() > 0
    np.testing.assert_allclose(target.sum(axis=1), 1)


def test_pixels_that_cannot_be_matched_do_not_count() -> None:
    flow, visible = (values.copy() for values in uniform(0, 0))
    visible[0, 5, 9] = False  # in block (1, 2)
    flow[0, 0, 20:22, 24:28] = 2.5  # moves otherwise, in block (5, 6)
    flow[0, 1, 32:36, 32:36] = 16.5  # too far, block (8, 8)
    _, weight = matching_target(flow, visible, level=2)
    expected = np.ones((12, 12))
    expected[1, 2] = expected[5, 6] = expected[8, 8] = 0
    np.testing.assert_array_equal(weight[0] > 0, expected)
    _, weight = matching_target(flow, np.zeros_like(visible), level=2)
    assert (weight == 0).all()


def test_matching_loss(network: Network) -> None:
    rng = np.random.default_rng(1)
    first, second = (rng.normal(size=(2, 16, 12, 12)).astype(np.float32) for _ in range(2))
    flow = rng.normal(size=(2, 2, 1, 1)) * 4 * np.ones((1, 1, 48, 48))
    target, weight = matching_target(flow, rng.random((2, 48, 48)) < 0.99, 2)
    unit = [values / np.linalg.norm(values.astype(float), axis=1, keepdims=True) for values in (first, second)]
    logits = 7.0 * 16 * reference(*unit)
    logs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    expected = (-(logs * target).sum(axis=1) * weight).mean()
    found = matching_loss(
        *map(network.tensor, (first, second, target, weight, np.array([7.0]))),
        network.module.flow_net.moduleNetwork,
        network.backend.ops,
    )
    assert network.download(found).item() == pytest.approx(expected, rel=1e-4)


def test_the_first_stage_matches_levels_2_to_4_each_with_its_temperature(network: Network) -> None:
    rng = np.random.default_rng(4)
    flow, visible = (
        np.broadcast_to(np.array([3.0, -5.0]).reshape(1, 2, 1, 1), (1, 2, 64, 64)),
        np.ones((1, 64, 64), bool),
    )
    batch = {
        "first": rng.random((1, 3, 64, 64)),
        "second": rng.random((1, 3, 64, 64)),
        "flow": flow,
        "visible": visible,
    }
    tensor, flow_net = network.tensor, network.module.flow_net
    with network.backend.no_grad():
        first, second = (flow_net.pyramid(tensor(batch[name])) for name in ("first", "second"))
        parts = []
        for level, temperature in ((2, 5.0), (3, 6.0), (4, 7.0)):
            known = (*matching_target(flow, visible, level), np.array([temperature]))
            loss = matching_loss(
                first[level], second[level], *map(tensor, known), flow_net.moduleNetwork, network.backend.ops
            )
            parts.append(network.download(loss).item())
        terms = step_losses(network, batch, tensor(np.array([5.0, 6.0, 7.0])), None)
    found = {name: network.download(value).item() for name, value in terms.items()}
    assert found == {"match": pytest.approx(np.mean(parts), rel=1e-5), "total": found["match"]}


def test_endpoint_error(network: Network) -> None:
    rng = np.random.default_rng(2)
    flow, truth = rng.normal(size=(2, 2, 2, 5, 6))
    found = network.download(endpoint_error(network.tensor(flow), network.tensor(truth), network.backend.ops)).item()
    assert found == pytest.approx(np.hypot(*(flow - truth).transpose(1, 0, 2, 3)).mean(), rel=1e-5)
    same = network.download(endpoint_error(network.tensor(flow), network.tensor(flow), network.backend.ops)).item()
    assert 0 <= same < 1e-3


def test_the_levels_flows_end_in_the_networks(network: Network) -> None:
    rng = np.random.default_rng(3)
    first, second = rng.random((2, 3, 64, 128), dtype=np.float32)
    with network.backend.no_grad():
        pyramids = [network.module.flow_net.pyramid(network.tensor(frame[None])) for frame in (first, second)]
        flows = flows_by_level(network.module.flow_net.moduleNetwork, *pyramids)
        resized = network.download(network.backend.ops.resize(flows[2], (64, 128)))[0]
    assert {level: tuple(flow.shape[2:]) for level, flow in flows.items()} == {
        level: (64 // 2**level, 128 // 2**level) for level in (2, 3, 4, 5, 6)
    }
    np.testing.assert_allclose(resized, network.flow(first, second), atol=1e-5)
