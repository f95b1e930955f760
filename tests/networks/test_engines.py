"""The engines against the published sliding window: equal to the bit where nothing is reordered, else to 2e-6."""

import copy
import dataclasses
import weakref
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from golden_weights import weights as golden_weights

from vsrlib.common.errors import UserError
from vsrlib.networks import architecture, fast_flow, load_network
from vsrlib.networks.fast import FoldedTail
from vsrlib.networks.network import Network
from vsrlib.restoration import engines
from vsrlib.restoration.batched import Batched

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


def test_an_engine_asks_for_what_its_tensors_take(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """The unfolded tail's of a frame of 180x320 are of up to 900 MiB, all others below 128."""
    monkeypatch.setattr(type(network.backend), "keep_memory", lambda backend, device, mib: mib)
    kept = {name: engines.make(name, network).kept_mib for name in ("reference", "cached", "streaming")}
    assert kept == {"reference": 0, "cached": 1024, "streaming": 128}


def test_a_streaming_engine_is_folded_and_of_whole_frames_unless_told_otherwise(network: Network) -> None:
    for engine, folded, tile in (
        (engines.Streaming(network), True, 0),
        (engines.Streaming(network, True), False, 0),
        (engines.Streaming(network, tile=20), True, 20),
    ):
        assert isinstance(engine._tail, FoldedTail) == folded and engine._tile == tile


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


@pytest.mark.parametrize("convolution", ["framework", "winograd"])
def test_biases_may_be_zero(network: Network, convolution: str) -> None:
    before = network.state()
    frames, windows = clip(5, 16, 16), [[0, 1, 2, 3, 4]]
    try:
        network.load(before | {name: 0 * value for name, value in before.items() if name.endswith(".bias")})
        expected = run(engines.make("reference", network), network, frames, windows)
        ours = run(engines.make("streaming", network, convolution), network, frames, windows)
    finally:
        network.load(before)
    assert np.abs(expected).max() > 0 and np.abs(ours - expected).max() <= SAME


def test_levels_and_dilations_may_all_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    """No two levels of the pyramid are as wide, and the refiner's last two layers are not as dilated."""
    config = architecture.NetworkConfig(
        16, 1, 1, (2, 4, 24, 6, 8, 10), (2, 3, 4, 5, 6), (7, 6, 5, 4, 3, 2), (1, 2, 4, 8, 16, 1, 3), 16, 8
    )
    monkeypatch.setitem(architecture.PRESETS, "study", config)
    network = load_network("torch", preset="study", device="cpu")
    frames, windows = clip(5, 22, 27), [[0, 1, 2, 3, 4]]
    expected = run(engines.make("reference", network), network, frames, windows)
    ours = run(engines.make("streaming", network, "winograd"), network, frames, windows)
    assert np.abs(expected).max() > 0.1 and np.abs(ours - expected).max() <= SAME


@pytest.mark.parametrize("make", [engines.Streaming, Batched])
def test_winograd_is_refused_to_a_network_that_it_is_not_for(
    make: Callable, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asks for it by hand: it would read and write beyond the values of 24 features, and on a GPU anywhere."""
    unlike = copy.copy(network)
    unlike.config = dataclasses.replace(network.config, features=24)
    with pytest.raises(UserError, match=r"takes multiples of 16 features, and the network has 24; [^.]*\.$"):
        make(unlike, convolution="winograd")
    unlike.config, unlike.device = network.config, "cuda"
    with pytest.raises(UserError, match=r"is for the CPU; [^.]*\.$"):
        make(unlike, convolution="winograd")
    engines.Streaming(unlike, exact=True, convolution="winograd")  # it is not used then


@pytest.mark.slow
@pytest.mark.parametrize("convolution", ["framework", "winograd"])
def test_streaming_in_the_published_size(framework: str, convolution: str) -> None:
    network = load_network(framework, golden_weights(11), device="cpu")
    frames = clip(5, 40, 56)
    expected = run(engines.make("reference", network), network, frames, [[0, 1, 2, 3, 4]])
    ours = run(engines.make("streaming", network, convolution), network, frames, [[0, 1, 2, 3, 4]])
    assert np.abs(expected).max() > 0.5 and np.abs(ours - expected).max() <= SAME


@pytest.mark.parametrize(
    ("size", "windows", "expected"),
    [((128, 512), 1, [4]), ((129, 512), 1, [3, 1]), ((128, 512), 2, [2, 2]), ((540, 960), 1, [1] * 4)],
)
def test_flows_are_one_batch_where_frames_are_small(size: tuple[int, int], windows: int, expected: list[int]) -> None:
    """Of large ones their memory would be a frame's largest. Four flows of 128x512 are the most at once."""
    rng = np.random.default_rng(0)
    centre, *others = ({level: rng.random((windows, level, 2, 2)) for level in (1, 2)} for _ in range(5))
    batches = []

    def between(first: dict[int, np.ndarray], second: dict[int, np.ndarray], of: tuple[int, int]) -> np.ndarray:
        assert of == size
        batches.append(len(first[2]) // windows)
        return 2 * second[2] - first[2]

    ops = SimpleNamespace(concat=np.concatenate)
    found = fast_flow.flows_from(centre, others, SimpleNamespace(between=between), ops, size)
    np.testing.assert_array_equal(found, [2 * other[2] - centre[2] for other in others])
    assert batches == expected


@pytest.mark.parametrize("convolution", ["framework", "winograd"])
def test_one_frame_s_aligned_features_are_held_at_a_time(convolution: str) -> None:
    """Of a large frame they are hundreds of MiB."""
    network, before = load_network("torch", preset="study", device="cpu"), []
    engine = engines.make("streaming", network, convolution)
    frames = network.tensor(np.zeros((1, 3, 16, 16), np.float32))

    def aligned() -> Iterator[Any]:
        for _ in range(network.config.frames):
            assert not any(one() is not None for one in before)
            features = engine._blocks.features(frames)
            before.append(weakref.ref(features))
            yield features
            del features

    with network.backend.no_grad():
        engine._blocks.fuse(aligned())
    assert len(before) == network.config.frames


def test_tiles_do_not_show(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    frames, windows = clip(5, 50, 61), [[0, 1, 2, 3, 4]]
    whole = run(engines.make("streaming", network), network, frames, windows)
    assert np.abs(run(engines.make("streaming", network, tile=20), network, frames, windows) - whole).max() <= SAME
    monkeypatch.setattr(engines, "halo", lambda config: 3)
    faulty = run(engines.make("streaming", network, tile=20), network, frames, windows)
    assert np.abs(faulty - whole).max() > 10 * SAME  # the comparison would notice a halo that is too narrow


def test_the_halo_is_as_far_as_fusion_and_tail_see() -> None:
    """With positive weights and no biases nothing cancels: an impulse reaches all that it can, and no further."""
    network = load_network("torch", preset="study", device="cpu")
    network.load({name: abs(v) if v.ndim > 1 else 0 * v for name, v in network.state().items()})
    engine, margin = engines.make("streaming", network), engines.halo(network.config)
    features = np.zeros((1, network.config.features, 3, 2 * margin + 9), np.float32)
    features[:, :, 1, margin + 4] = 1
    with network.backend.no_grad():
        out = engine._tail(engine._blocks.fuse(network.tensor(features) for _ in range(network.config.frames)))
    seen = np.flatnonzero(network.download(out).any(axis=(0, 1, 2))) // 4
    assert (seen.min(), seen.max()) == (4, 2 * margin + 4)
    assert engines.halo(architecture.preset("published")) == 43


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


@pytest.mark.parametrize("name", ["reference", "cached", "streaming"])
def test_another_clip_begins_anew(network: Network, name: str) -> None:
    """Its frames have the first one's numbers: whatever is kept of those would be taken for them."""
    engine = engines.make(name, network)
    first, second = clip(5, 16, 16), {i: 255 - frame for i, frame in clip(5, 16, 16).items()}
    before = run(engine, network, first, [[0, 1, 2, 3, 4]])
    expected = run(engines.make(name, network), network, second, [[0, 1, 2, 3, 4]])
    # Jittor may join the operations of a first and of a later frame in another way.
    assert np.abs(run(engine, network, second, [[0, 1, 2, 3, 4]]) - expected).max() <= SAME
    assert np.abs(before - expected).max() > 0.1


def test_tiles_meet_at_every_pixel(network: Network) -> None:
    """A frame in tiles is read with the whole halo, and each HR pixel is kept of the one tile that it belongs to."""
    margin = engines.halo(network.config)
    for side, tile in ((50, 20), (41, 20), (7, 3), (5, 20), (200, 64)):
        cut = engines.tiles(side, tile, network.config)
        assert len(cut) == -(-side // tile)
        kept = [4 * one.read.start + pixel for one in cut for pixel in range(one.keep.start, one.keep.stop)]
        assert kept == list(range(4 * side))
        for number, one in enumerate(cut):
            begin, end = number * tile, min((number + 1) * tile, side)
            assert (one.read.start, one.read.stop) == (max(0, begin - margin), min(side, end + margin))


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
