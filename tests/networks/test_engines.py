"""The engines against the published sliding window: equal to the bit where nothing is reordered, else to 2e-6."""

from collections.abc import Callable

import numpy as np
import pytest
from golden_weights import weights as golden_weights

from vsrlib.networks import load_network
from vsrlib.networks.network import Network
from vsrlib.restoration import engines

SAME = 2e-6
"""How far a reordered float32 sum may move a value of a frame in [0, 1]."""


@pytest.fixture(scope="module")
def network(framework: str) -> Network:
    return load_network(framework, preset="study", device="cpu")


def clip(count: int, height: int, width: int) -> dict[int, np.ndarray]:
    rng = np.random.default_rng(0)
    return {i: rng.integers(0, 256, (height, width, 3), dtype=np.uint8) for i in range(count)}


def bordered(count: int) -> list[list[int]]:
    order = [0, 1, *range(count), count - 2, count - 1]
    return [order[i : i + 5] for i in range(count)]


def run(
    engine: engines.Engine, network: Network, frames: dict[int, np.ndarray], windows: list[list[int]]
) -> np.ndarray:
    engine.reset()
    restored = []
    for window in windows:
        engine.upload(window, frames)
        restored.append(network.download(engine.run())[0])
    return np.stack(restored)


def test_cached_is_the_sliding_window_to_the_bit(network: Network) -> None:
    frames, windows = clip(7, 22, 27), bordered(7)  # odd sizes, and windows with repeated frames
    expected = run(engines.make("reference", network), network, frames, windows)
    np.testing.assert_array_equal(run(engines.make("cached", network), network, frames, windows), expected)


@pytest.mark.parametrize("convolution", ["framework", "winograd"])
@pytest.mark.parametrize("size", [(22, 27), (16, 16), (17, 31)])
def test_streaming_is_the_sliding_window_but_for_rounding(
    network: Network, convolution: str, size: tuple[int, int]
) -> None:
    frames, windows = clip(5, *size), bordered(5)
    expected = run(engines.make("reference", network), network, frames, windows)
    ours = run(engines.make("streaming", network, convolution), network, frames, windows)
    assert np.abs(ours - expected).max() <= SAME
    # 8-bit values may fall to the other side of a half
    assert np.abs(np.rint(ours * 255) - np.rint(expected * 255)).max() <= 1


@pytest.mark.slow
@pytest.mark.parametrize("convolution", ["framework", "winograd"])
def test_streaming_in_the_published_size(framework: str, convolution: str) -> None:
    network = load_network(framework, golden_weights(11), device="cpu")
    frames = clip(5, 40, 56)
    expected = run(engines.make("reference", network), network, frames, [[0, 1, 2, 3, 4]])
    ours = run(engines.make("streaming", network, convolution), network, frames, [[0, 1, 2, 3, 4]])
    assert np.abs(expected).max() > 0.5 and np.abs(ours - expected).max() <= SAME


def test_tiles_do_not_show(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    frames, windows = clip(5, 50, 61), [[0, 1, 2, 3, 4]]
    whole = run(engines.make("streaming", network), network, frames, windows)
    assert np.abs(run(engines.make("streaming", network, tile=20), network, frames, windows) - whole).max() <= SAME
    monkeypatch.setattr(engines, "halo", lambda config: 3)
    faulty = run(engines.make("streaming", network, tile=20), network, frames, windows)
    assert np.abs(faulty - whole).max() > 10 * SAME  # the comparison would notice a halo that is too narrow


def test_kernel_on_request_is_the_reference_s(network: Network) -> None:
    frames, window = clip(5, 20, 24), [0, 1, 2, 3, 4]
    kernels = []
    for name in ("reference", "streaming"):
        engine = engines.make(name, network)
        engine.reset()
        engine.upload(window, frames)
        engine.run()
        kernels.append(network.download(engine.kernel()))
    np.testing.assert_array_equal(*kernels)


def test_what_belongs_to_one_frame_is_computed_once_and_forgotten(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = count_calls(network, monkeypatch, ["features", "kernel"])
    engine = engines.make("cached", network)
    run(engine, network, clip(12, 16, 16), [list(range(i, i + 5)) for i in range(8)])
    assert counted == {"features": 12, "kernel": 0}
    assert len(engine._features) == len(engine._pyramids) == len(engine._frames) == 5


def test_another_clip_begins_anew(network: Network) -> None:
    engine = engines.make("cached", network)
    first, second = clip(5, 16, 16), {i: 255 - frame for i, frame in clip(5, 16, 16).items()}
    run(engine, network, first, [[0, 1, 2, 3, 4]])
    expected = run(engines.make("reference", network), network, second, [[0, 1, 2, 3, 4]])
    np.testing.assert_array_equal(run(engine, network, second, [[0, 1, 2, 3, 4]]), expected)


def count_calls(network: Network, monkeypatch: pytest.MonkeyPatch, names: list[str]) -> dict[str, int]:
    counted = dict.fromkeys(names, 0)

    def counting(name: str, original: Callable) -> Callable:
        def call(*arguments):
            counted[name] += 1
            return original(*arguments)

        return call

    for name in names:
        monkeypatch.setattr(network.module, name, counting(name, getattr(network.module, name)))
    return counted
