"""End-point errors: what they are, on which pairs, and the two commands."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from flow_files import write_flo

from vsrlib import cli
from vsrlib.common.errors import UserError
from vsrlib.common.files import read_json
from vsrlib.common.provenance import PROJECT_ROOT
from vsrlib.data.frames import write_frame
from vsrlib.data.synthetic.motion import Motion
from vsrlib.networks import architecture, load_network
from vsrlib.training.flow import evaluation
from vsrlib.training.flow.evaluation import (
    FlowPair,
    dis_flow,
    epe,
    errors_of,
    flow_error,
    heldout_clips,
    heldout_pairs,
    stereo_pair,
    table,
)
from vsrlib.training.flow.parameters import initial_flow_values

STUDY = architecture.preset("study")


def test_epe_by_hand() -> None:
    flow = np.array([[[3.0, 1, 9]], [[4.0, 1, 9]]])
    assert epe(flow, np.zeros_like(flow), np.array([[True, False, False]])) == 5
    assert epe(flow, flow + np.array([1, 0]).reshape(2, 1, 1), np.array([[True, True, False]])) == 1
    with pytest.raises(ValueError):
        epe(flow, flow, np.zeros((1, 3), bool))


def test_each_pair_counts_the_same_and_only_where_the_truth_is_known() -> None:
    frames = np.zeros((64, 64, 3), np.uint8)
    one, two = np.full((2, 64, 64), 3.0, np.float32), np.full((2, 64, 64), 1.0, np.float32)
    one[:, 1:] = 50
    one[:, 0, 0] = 3, 4
    known = np.zeros((64, 64), bool)
    known[0] = True
    visible = np.zeros((64, 64), bool)
    visible[0, 0] = visible[5] = True
    pairs = [FlowPair("a", frames, frames, one, known, visible), FlowPair("b", frames, frames, two, known, visible)]
    found = errors_of(None, pairs)
    assert found["pairs"] == 2 and set(found["known"]) == {"zero", "dis"}
    assert found["known"]["zero"] == pytest.approx((5 + 63 * 18**0.5) / 64 / 2 + 2**0.5 / 2)
    assert found["visible"]["zero"] == pytest.approx((5 + 2**0.5) / 2)
    assert errors_of(None, [FlowPair("a", frames, frames, two, known)])["visible"] is None


def test_a_flow_that_is_not_finite_has_no_error() -> None:
    """As one of weights that a far too large learning rate has made, while every loss was finite."""
    network = load_network("torch", preset="study", device="cpu")
    network.flow = lambda first, second: np.full((2, 64, 64), np.inf, np.float32)  # type: ignore[method-assign]
    frames, known = np.zeros((64, 64, 3), np.uint8), np.ones((64, 64), bool)
    with pytest.raises(UserError, match="is not finite; give others, or train them with a smaller learning rate"):
        errors_of(network, [FlowPair("a", frames, frames, np.zeros((2, 64, 64), np.float32), known)])


@pytest.mark.parametrize("quarter", [False, True])
def test_the_stereo_pairs_flow_is_the_real_one(quarter: bool) -> None:
    """The right picture where the flow points looks like the left one; where the opposite points, it does not.

    And DIS, which knows nothing of disparity, comes near it.
    """
    pair = stereo_pair(quarter)
    assert pair.first.shape == ((125, 186, 3) if quarter else (500, 741, 3)) and (pair.flow[1] == 0).all()
    assert 0.7 < pair.known.mean() < 1 and np.isfinite(pair.flow).all() and (pair.flow[0][~pair.known] == 0).all()
    rows, columns = np.indices(pair.known.shape)

    def difference(flow: np.ndarray) -> float:
        there = np.clip(np.rint(columns + flow[0]).astype(int), 0, columns.max())
        return float(np.abs(pair.second[rows, there].astype(int) - pair.first)[pair.known].mean())

    assert difference(pair.flow) < 0.6 * min(difference(-pair.flow), difference(0 * pair.flow))
    assert epe(dis_flow(pair), pair.flow, pair.known) < 0.5 * epe(0 * pair.flow, pair.flow, pair.known)


@pytest.mark.parametrize("make, smaller", [(heldout_pairs, {"size": (64, 96)}), (heldout_clips, {})])
def test_heldout_pairs(make, smaller: dict) -> None:
    """A method of others finds their flow, more of it where the mask says that it can be seen; a seed decides them."""
    pairs, other = make(0, **smaller), make(1, **smaller)
    assert len(pairs) == 16 and not np.array_equal(pairs[0].first, other[0].first)
    assert all(pair.first.dtype == np.uint8 and pair.first.shape[:2] == pair.known.shape for pair in pairs)
    found = errors_of(None, pairs)
    assert 1 < found["known"]["zero"] < 8
    assert found["visible"]["dis"] < found["known"]["dis"] < found["known"]["zero"]
    assert found["visible"]["dis"] < 0.4 * found["visible"]["zero"]


class Oracle:
    """A network that gives the truth, for one set of pairs."""

    def __init__(self, pairs: list[FlowPair]) -> None:
        self.flows = [pair.flow for pair in pairs]

    def flow(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        assert first.dtype == np.float32 and first.shape[0] == 3 and first.min() >= 0 and first.max() <= 1
        return self.flows.pop(0)


@pytest.mark.parametrize("which, pairs", [
    ("pairs", heldout_pairs), ("stereo", lambda: [stereo_pair()]),
    ("stereo_quarter", lambda: [stereo_pair(quarter=True)]),
])  # fmt: skip
def test_the_errors_that_are_published_are_of_these_pairs(which: str, pairs: Callable[[], list[FlowPair]]) -> None:
    """Zero flow's error is the true flow's length, and that of DIS depends on every pixel of the frames."""
    published = read_json(PROJECT_ROOT / "figures" / "weights" / "flow-error" / "study-gaussian.json")["error"][which]
    found = errors_of(None, pairs())
    assert found["pairs"] == published["pairs"]
    assert found["known"]["zero"] == pytest.approx(published["known"]["zero"], rel=1e-6)
    near = 2e-3 if cv2.__version__ < "5" else 5e-3  # OpenCV 5 refines flow otherwise
    assert found["known"]["dis"] == pytest.approx(published["known"]["dis"], rel=near)
    if published["visible"] is None:
        assert found["visible"] is None
    else:
        assert found["visible"]["zero"] == pytest.approx(published["visible"]["zero"], rel=1e-6)


def test_the_networks_flow_is_what_is_measured() -> None:
    pairs = heldout_pairs(0, count=2, size=(64, 64))
    assert errors_of(Oracle(pairs), pairs)["known"]["network"] == 0
    assert errors_of(Oracle(pairs[::-1]), pairs)["known"]["network"] > 0.1


def test_middlebury_is_measured_where_it_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (made,) = heldout_pairs(0, count=1, size=(64, 64))
    monkeypatch.setattr(evaluation, "heldout_pairs", lambda seed: [made])
    monkeypatch.setattr(evaluation, "heldout_clips", lambda seed: [made])
    for name, frame in (("frame10.png", made.first), ("frame11.png", made.second)):
        write_frame(tmp_path / "A" / name, frame)
    known = made.visible
    write_flo(tmp_path / "A" / "flow10.flo", made.flow, known)
    assert set(flow_error(None)) == {"pairs", "clips", "stereo", "stereo_quarter"}
    found = flow_error(None, tmp_path)
    assert found["middlebury"]["known"] == pytest.approx(found["pairs"]["visible"])
    text = table(found)
    assert f"| middlebury | 1 | {found['middlebury']['known']['zero']:.3f} |" in text
    assert "| pairs, visible | 1 |" in text


@pytest.mark.slow
def test_the_commands(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert cli.main(["train-flow", str(tmp_path), "--match-steps", "1", "--flow-steps", "1", "--batch-size", "1"]) == 0
    assert "| stereo | 1 |" in capsys.readouterr().out
    weights = tmp_path / "flow.safetensors"
    assert cli.main(["flow-error", str(weights), "--output", str(tmp_path / "error.json")]) == 0
    printed = capsys.readouterr().out
    trained = json.loads((tmp_path / "train_flow.json").read_text())
    assert json.loads((tmp_path / "error.json").read_text())["error"] == trained["error"]
    assert "network" in printed.splitlines()[0]
    assert cli.main(["flow-error", "--middlebury", str(tmp_path / "nowhere")]) == 2
    assert "No flow10.flo" in capsys.readouterr().err
    assert cli.main(["train-flow", str(tmp_path), "--patch-size", "65"]) == 2


def test_an_untrained_network_is_near_zero_flow(tmp_path: Path) -> None:
    """So that nothing but learning brings its error down."""
    pairs = heldout_pairs(0, count=4, size=(64, 64))
    network = load_network("torch", None, "study", "cpu", flow_weights=initial_flow_values(STUDY, 0))
    found = errors_of(network, pairs)
    assert found["known"]["network"] > 0.8 * found["known"]["zero"]


def test_the_sets_by_which_weights_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their sizes, numbers and names, without drawing them: `vsrlib flow-error` has published figures of these."""
    asked: list[tuple[Any, ...]] = []

    class Still:
        name, frames = "still", np.zeros((5, 256, 256, 3), np.uint8)

        def flow(self, first: int, second: int) -> tuple[np.ndarray, np.ndarray]:
            asked.append((first, second))
            return np.zeros((2, 256, 256), np.float32), np.ones((256, 256), bool)

    def clips(*given: Any, **named: Any) -> list[Still]:
        asked.append((*given, named))
        return [Still()]

    monkeypatch.setattr(evaluation, "embedded_clips", clips)
    pairs = evaluation.heldout_clips()
    motion = Motion(speed=8.0, rotation=0.5, zoom=0.004, foreground_speed=12.0)
    assert asked == [("test", 5, (256, 256), 0, {"motion": motion}), (2, 0), (2, 1), (2, 3), (2, 4)]
    assert [pair.name for pair in pairs] == ["still-0", "still-1", "still-3", "still-4"]
    assert [pair.name for pair in evaluation.heldout_pairs(count=2, size=(64, 64))] == ["pair-1", "pair-2"]
    monkeypatch.setattr(evaluation, "heldout_pairs", lambda seed: [seed])
    monkeypatch.setattr(evaluation, "heldout_clips", lambda seed: [seed, seed])
    monkeypatch.setattr(evaluation, "stereo_pair", lambda quarter=False: quarter)
    monkeypatch.setattr(evaluation, "errors_of", lambda network, found: found)
    assert evaluation.flow_error(None, seed=3) == {
        "pairs": [3], "clips": [3, 3], "stereo": [False], "stereo_quarter": [True]
    }  # fmt: skip
