"""Precision as a dose: the rounding against numpy and PyTorch's own types, every layer rounded, and the figures."""

import re
from pathlib import Path

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio

pytest.importorskip("torch")

import torch
from tiny_scenes import tiny as tiny  # a fixture
from torch.utils._python_dispatch import TorchDispatchMode

from vsrlib import cli, load_network
from vsrlib.common.errors import UserError
from vsrlib.common.files import read_json
from vsrlib.data.clips import list_clips
from vsrlib.data.degrade import blur_down, gaussian_kernel
from vsrlib.data.frames import to_float, to_uint8
from vsrlib.experiments import precision
from vsrlib.experiments.options import SceneOptions
from vsrlib.experiments.precision import BITS, reached, rounded, table, with_bits
from vsrlib.experiments.restored import chosen, mean_of
from vsrlib.networks.network import Network
from vsrlib.report.charts import experiments

FEW = (23, 7, 4)


@pytest.fixture(scope="module")
def patterns() -> np.ndarray:
    """Finite float32 of every size, and ties and carries among them."""
    drawn = np.random.default_rng(0).integers(0, 2**32, 20_000, dtype=np.uint32)
    halves = np.arange(2**8, dtype=np.uint32) << 15 | np.uint32(127 << 23)
    ends = np.array([127 << 23 | 0x7FFFFF, 0x80000000, 0], np.uint32)
    values = np.concatenate([drawn, halves, halves + 1, halves - 1, ends]).astype(np.uint32).view(np.float32)
    return values[np.isfinite(values)]


@pytest.mark.parametrize("bits", BITS)
def test_the_rounding_is_that_of_numpy_in_float64(bits: int, patterns: np.ndarray) -> None:
    normal = patterns[np.abs(patterns) >= np.finfo(np.float32).tiny]
    mantissa, exponent = np.frexp(normal.astype(np.float64))
    with np.errstate(over="ignore"):
        want = np.ldexp(np.rint(mantissa * 2.0 ** (bits + 1)), exponent - bits - 1).astype(np.float32)
    assert np.array_equal(rounded(torch.from_numpy(normal), bits).numpy(), want)


def test_seven_bits_are_pytorchs_bfloat16(patterns: np.ndarray) -> None:
    x = torch.from_numpy(patterns)
    assert torch.equal(rounded(x, 7), x.to(torch.bfloat16).to(torch.float32))


def test_ten_bits_are_float16_where_its_exponent_reaches() -> None:
    x = torch.empty(20_000).uniform_(-8, 8, generator=torch.Generator().manual_seed(0))
    x = x[x.abs() > 2**-14]
    assert torch.equal(rounded(x, 10), x.to(torch.float16).to(torch.float32))


@pytest.mark.parametrize("bits", BITS)
def test_what_rounding_may_not_change(bits: int, patterns: np.ndarray) -> None:
    x = torch.from_numpy(patterns)
    once = rounded(x, bits)
    assert torch.equal(rounded(once, bits), once) and torch.equal(rounded(-x, bits), -once)
    normal = x[(x.abs() >= torch.finfo(torch.float32).tiny) & (x.abs() < 1e38)]
    assert ((rounded(normal, bits).double() / normal.double() - 1).abs() <= 2.0 ** -(bits + 1)).all()
    special = torch.tensor([0.0, -0.0, torch.inf, -torch.inf, torch.nan])
    assert str(rounded(special, bits).tolist()) == str(special.tolist())
    assert torch.equal(once, x) == (bits == 23)


class Products(TorchDispatchMode):
    """Notes what PyTorch multiplies by weights, whoever asks for it."""

    def __init__(self) -> None:
        super().__init__()
        self.operands: list[tuple[torch.Tensor, torch.Tensor]] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if "convolution" in str(func):
            self.operands.append((args[0], args[1]))
        elif "addmm" in str(func):
            self.operands.append((args[1], args[2]))
        return func(*args, **(kwargs or {}))


def test_every_product_of_the_network_has_rounded_operands_and_biases_stay() -> None:
    network = load_network("torch", "study-gaussian", device="cpu", correlation="pure")
    before = network.state()
    coarse = with_bits(network, 4)
    window = network.upload(np.random.default_rng(1).random((5, 3, 16, 20), np.float32))
    with Products() as seen:
        coarse.run(window)
    assert len(seen.operands) > 100
    for operands in seen.operands:
        assert all(torch.equal(rounded(one, 4), one) for one in operands)
    with Products() as plain:
        network.run(window)
    assert len(plain.operands) == len(seen.operands)
    assert not any(torch.equal(rounded(weight, 4), weight) for _, weight in plain.operands)
    for name, value in coarse.state().items():
        assert np.array_equal(value, before[name]) == name.endswith("bias"), name


def test_with_all_bits_it_is_the_network_itself() -> None:
    network = load_network("torch", "study-gaussian", device="cpu")
    frames = np.random.default_rng(2).random((5, 3, 16, 20), np.float32)
    assert np.array_equal(with_bits(network, 23).infer(frames)["recons"], network.infer(frames)["recons"])


@pytest.mark.parametrize(
    "losses, at",
    [([0, 0.1, 0.3], None), ([0, 0.5, 1.5], 5.0), ([0, 1.0, 1.0], 7.0), ([0, 2.0, 0.2], 9.0), ([0, -1, 3], 5.0)],
)
def test_the_claimed_loss_is_reached_by_interpolation(losses: list[float], at: float | None) -> None:
    assert reached((11, 7, 3), losses, 1.0) == (None if at is None else pytest.approx(at))


def test_the_experiment_measures_what_it_says_and_goes_on(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(precision, "BITS", FEW)
    output = tmp_path / "out"
    asked = ["experiment", "precision", str(output), "--scenes", str(tiny), "--device", "cpu"]
    assert cli.main(asked) == 0
    result = read_json(output / "precision.json")
    assert (output / "precision.md").read_text() == table(result) and table(result) in capsys.readouterr().out
    assert (output / "chart_precision.svg").is_file() and (output / "chart_precision.png").is_file()
    assert result["clips"] == {"Tiny/a": "Tiny/a", "Tiny/b": "Tiny/b"} and result["n"] == 2
    assert str(tmp_path) not in str(result)
    whole, _, coarse = result["blurs"]["Gaussian"]["doses"]
    assert whole["by_clip"]["loss"] == [0, 0] and whole["largest_difference"] == 0 < coarse["largest_difference"]
    assert [one["loss"]["low"] for one in (whole, coarse)] == [None, None]  # of two scenes

    assert coarse["loss"]["value"] == pytest.approx(whole["psnr"] - coarse["psnr"]) != 0

    network, scores = load_network("torch", "study-gaussian", device="cpu"), []
    for clip in list_clips(tiny):
        high = clip.load().frames
        low = to_float(np.stack([blur_down(frame, gaussian_kernel()) for frame in high]))
        for centre in (2, 3, 4):
            image = to_uint8(network.infer(low[centre - 2 : centre + 3])["recons"])
            scores.append(peak_signal_noise_ratio(high[centre][4:-4, 4:-4], image[4:-4, 4:-4], data_range=255))
    assert whole["psnr"] == pytest.approx(np.mean(scores), abs=1e-6)

    (part,) = (output / "parts").glob("Tiny_b*.json")
    part.unlink()
    done = []

    def counted(*given: object) -> dict[str, float]:
        done.append(given)
        return {"psnr": 1, "ssim": 1, "largest_difference": 1}

    monkeypatch.setattr(precision, "_scores", counted)
    assert cli.main(asked) == 0
    assert len(done) == 2 * len(FEW)  # both blurs of the one clip that was missing


def test_other_scenes_and_seeds_are_another_question(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "BITS", (23,))

    def ask(scenes: list[str], seed: int) -> None:
        options = SceneOptions(scenes=scenes, device="cpu", seed=seed)
        precision.precision(tmp_path / "out", options, progress=False)

    ask([str(tiny)], 0)
    with pytest.raises(UserError, match="seed 0, not 1"):
        ask([str(tiny)], 1)
    with pytest.raises(UserError, match="each folder once"):
        ask([str(tiny), str(tiny)], 0)
    with pytest.raises(UserError, match="frames .*give another folder"):
        ask([str(tiny / "a")], 0)
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "Tiny").symlink_to(tiny)
    with pytest.raises(UserError, match="two clips Tiny/a"):
        ask([str(tiny), str(tmp_path / "more" / "Tiny")], 0)


def test_results_among_the_scenes_are_refused(tiny: Path, tmp_path: Path) -> None:
    """The chart would be taken for a frame, and the same command could not go on."""
    for output in (tiny, tiny / "out", tiny / "a"):
        with pytest.raises(UserError, match="is the input or lies in it"):
            precision.precision(output, SceneOptions(scenes=[str(tiny)], device="cpu"), progress=False)
    assert sorted(path.name for path in tiny.iterdir()) == ["a", "b"]
    assert [one.name for one in chosen([str(tiny)], tmp_path / "out")] == ["Tiny/a", "Tiny/b"]


@pytest.mark.parametrize(("key", "other"), [("device_type", "cuda"), ("correlation", "pure")])
def test_parts_that_something_else_computed_are_not_taken(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str, other: str
) -> None:
    """The result says of all its parts what computed them."""
    monkeypatch.setattr(precision, "BITS", (23,))
    options = SceneOptions(scenes=[str(tiny)], device="cpu")
    before = precision.precision(tmp_path / "out", options, progress=False)[key]
    conditions = Network.conditions
    monkeypatch.setattr(Network, "conditions", lambda self: conditions(self) | {key: other})
    with pytest.raises(UserError, match=f"{key} {before}, not {other}; give another folder"):
        precision.precision(tmp_path / "out", options, progress=False)


def test_a_frame_without_an_error_has_no_mean() -> None:
    assert mean_of([1.0, 2.0]) == 1.5
    with pytest.raises(UserError, match="infinite"):
        mean_of([1.0, float("inf")])


def test_the_clip_of_a_frame_without_an_error_is_named(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "psnr", lambda image, truth: float("inf"))
    with pytest.raises(UserError, match="A frame of the clip Tiny/a is restored without any error"):
        precision.precision(tmp_path / "out", SceneOptions(scenes=[str(tiny)], device="cpu"), progress=False)


def planted(last: float) -> dict:
    """A result whose loss is all in the fewest bits."""
    losses = dict.fromkeys(BITS, 0.01) | {BITS[-1]: last}
    doses = [
        {"bits": bits, "format": None, "loss": {"value": loss, "low": loss / 2, "high": 2 * loss}}
        for bits, loss in losses.items()
    ]
    return {
        "claimed": 1.195,
        "n": 8,
        "blurs": {"Gaussian": {"doses": doses, "reached_at": reached(BITS, [*losses.values()], 1.195)}},
    }


@pytest.mark.parametrize(
    "last, title", [(0.5, "Even 4 bits .* cost 0.50 dB"), (2.0, "fall to 4.4 bits .* lose 1.195 dB")]
)
def test_the_chart_says_and_shows_what_was_found(last: float, title: str) -> None:
    chart = experiments.precision(planted(last))
    assert re.search(title, chart.title) and f"4 bits {last:.3f} dB" in chart.alt
    (axes,) = chart.figure.axes
    curves = [line for line in axes.lines if len(line.get_xdata()) == len(BITS)]
    assert [list(curve.get_ydata()) for curve in curves] == [[0.01] * (len(BITS) - 1) + [last]]
    left, right = axes.get_xlim()
    assert left > 23 and right < 4
