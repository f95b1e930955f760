"""Three frameworks, two by two: each pair is compared as the two of the claims are, and a planted fault is told."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import results_fixture as run

from vsrlib.claims import comparison, every_pair, results
from vsrlib.common.errors import UserError
from vsrlib.common.files import read_json, write_json
from vsrlib.common.provenance import PROJECT_ROOT
from vsrlib.data.frames import read_frame, write_frame
from vsrlib.report import said_pairs

THREE = ("torch", "jittor", "paddle")
PAIRS = [list(pair) for pair in combinations(THREE, 2)]


@pytest.fixture
def files(tmp_path: Path) -> tuple[list[Path], list[Path]]:
    return run.write_run(tmp_path / "run", frameworks=THREE)


def parity(path: Path, second: str, **changes: object) -> Path:
    found = read_json(PROJECT_ROOT / "figures/results/06_prove_parity/parity.json")
    write_json(path, {**found, "sides": ["torch", second], **changes})
    return path


def of_two(files: list[Path], *frameworks: str) -> list[Path]:
    return [path for path in files if read_json(path)["framework"] in frameworks]


def test_every_two_are_compared_once(files, tmp_path):
    found = every_pair.compare(*files, [], tmp_path / "out")
    assert found["frameworks"] == list(THREE)
    for one in found["blurs"].values():
        assert list(one["each"]) == list(THREE)
        assert [pair["pair"] for pair in one["pairs"]] == PAIRS
    assert [one["pair"] for one in found["training"]["Realistic"]] == PAIRS


def test_the_pair_of_the_claims_is_compared_as_in_the_comparison(files, tmp_path):
    found = every_pair.compare(*files, [], tmp_path / "out")
    pair = [of_two(some, "torch", "jittor") for some in files]
    alone = comparison.compare(*pair, tmp_path / "pair")
    for blur, one in alone["blurs"].items():
        first = found["blurs"][blur]["pairs"][0]
        assert first["difference"] == one["quality"]["filmed"]["difference"]
        assert first["outputs"] == one["outputs"]
        assert first["times"] == one["timing"]["ratio"]["synchronised"]["total"]
    assert found["training"]["Realistic"][0]["agreement"] == alone["training"]["Realistic"]["agreement"]


def test_a_frame_that_one_framework_spoils_is_in_its_two_pairs_alone(files, tmp_path):
    spoiled = next(path for path in of_two(files[0], "paddle") if read_json(path)["blur"] == "Gaussian")
    picture = spoiled.parent / "frames" / "coffee" / f"{run.FRAMES[1]}.png"
    values = read_frame(picture)
    values[5, 7] ^= 255
    write_frame(picture, values)
    pairs = every_pair.compare(*files, [], tmp_path / "out")["blurs"]["Gaussian"]["pairs"]
    largest = {tuple(one["pair"]): one["outputs"]["largest"] for one in pairs}
    assert largest["torch", "jittor"] == 1
    assert largest["torch", "paddle"] > 1 and largest["jittor", "paddle"] > 1


def test_differences_are_the_second_minus_the_first(files, tmp_path):
    for path in of_two(files[0], "paddle"):
        run.edit_frames(path, lambda frame: {**frame, "psnr": frame["psnr"] + 0.5})
    pairs = every_pair.compare(*files, [], tmp_path / "out")["blurs"]["Gaussian"]["pairs"]
    found = [one["difference"]["psnr"]["value"] for one in pairs]
    assert found == pytest.approx([0, 0.5, 0.5], abs=1e-9)
    assert {one["difference"]["psnr"]["unit"] for one in pairs} == {"scene"}
    assert "| PaddlePaddle minus PyTorch | +0.50000" in (tmp_path / "out" / "every_pair.md").read_text()


def test_times_are_the_first_over_the_second(files, tmp_path):
    pairs = every_pair.compare(*files, [], tmp_path / "out")["blurs"]["Gaussian"]["pairs"]
    seconds = {}
    for path in files[0]:
        one = read_json(path)
        if one["blur"] == "Gaussian":
            seconds[one["framework"]] = np.median(np.sum(list(one["timing"]["synchronised"].values()), axis=0))
    for pair in pairs:
        first, second = pair["pair"]
        assert pair["times"]["value"] == pytest.approx(seconds[first] / seconds[second], rel=0.1)


def test_one_that_was_skipped_stays_and_says_why(tmp_path):
    files = run.write_run(tmp_path / "run", skipped=("paddle",), frameworks=THREE)
    found = every_pair.compare(*files, [], tmp_path / "out")
    one = found["blurs"]["Gaussian"]
    assert "no C++ compiler" in one["each"]["paddle"]["skipped"]
    assert ["skipped" in pair["difference"] for pair in one["pairs"]] == [False, True, True]
    table = (tmp_path / "out" / "every_pair.md").read_text()
    assert "PaddlePaddle has no result (because no C++ compiler was found)" in table
    assert "1 pair" in said_pairs.every_pair(found).text


def test_referees_are_told_with_their_pair(files, tmp_path):
    departure = [{"place": "feat_extractor", "kind": "forward", "says": "differs"}]
    referees = [
        parity(tmp_path / "a.json", "jittor"),
        parity(tmp_path / "b.json", "paddle", agree=False, departures=departure),
    ]
    found = every_pair.compare(*files, referees, tmp_path / "out")
    assert [(one["pair"], one["agree"]) for one in found["parity"]] == [
        (["torch", "jittor"], True),
        (["torch", "paddle"], False),
    ]
    assert "PyTorch and PaddlePaddle: 1 departure" in (tmp_path / "out" / "every_pair.md").read_text()
    assert "PyTorch and PaddlePaddle part" in said_pairs.every_pair(found).text
    agreed = every_pair.compare(*files, referees[:1], tmp_path / "out")
    assert "none departs" in said_pairs.every_pair(agreed).text
    reason = "because the package is not installed"
    write_json(tmp_path / "d.json", {"skipped": reason, "second": "paddle"})  # as a study notes a step
    write_json(tmp_path / "e.json", {"skipped": reason})
    skipped = [parity(tmp_path / "c.json", "paddle", skipped=reason), tmp_path / "d.json", tmp_path / "e.json"]
    again = every_pair.compare(*files, skipped, tmp_path / "out")
    assert [one["pair"][1] for one in again["parity"]] == ["paddle", "paddle", "jittor"]
    assert {one["skipped"] for one in again["parity"]} == {reason}
    assert "PyTorch and PaddlePaddle were not compared because" in (tmp_path / "out" / "every_pair.md").read_text()


def test_words_follow_the_size_of_the_difference(files, tmp_path):
    near = said_pairs.every_pair(every_pair.compare(*files, [], tmp_path / "out")).text
    assert "which is no rounding" not in near and "of 3 pairs" in near
    for path in of_two(files[0], "paddle"):
        run.edit_frames(path, lambda frame: {**frame, "psnr": frame["psnr"] - 0.5})
    far = said_pairs.every_pair(every_pair.compare(*files, [], tmp_path / "out")).text
    assert "0.5000 dB, which is no rounding" in far and "PaddlePaddle" in far


def test_pairs_of_other_weights_or_of_few_scenes_are_not_said_to_differ(tmp_path):
    few = {name: run.CLIPS[name] for name in list(run.FILMED)[:4]}
    files = run.write_run(tmp_path / "run", clips=few, frames=("00000002",), frameworks=THREE, gain=0.7)
    text = said_pairs.every_pair(every_pair.compare(*files, [], tmp_path / "out")).text
    assert text.count("by 0.7000 dB; 4 scenes are too few for an interval") == 2
    assert "with an interval" not in text and "which is no rounding" not in text
    for path in of_two(files[0], "jittor"):
        run.edit(path, weights={"path": "other.safetensors", "sha256": "cd" * 32, "bytes": 1})
    text = said_pairs.every_pair(every_pair.compare(*files, [], tmp_path / "out")).text
    assert text.count("of 1 pair the furthest apart are PyTorch and PaddlePaddle, by 0 dB") == 2


def test_results_that_cannot_be_paired_are_refused(files, tmp_path):
    with pytest.raises(UserError, match="The results are of PyTorch; give those of two frameworks or more"):
        every_pair.compare(of_two(files[0], "torch"), [], [], tmp_path / "out")
    with pytest.raises(UserError, match="no result of the referee"):
        every_pair.compare(*files, [files[0][0]], tmp_path / "out")
    with pytest.raises(UserError, match="is of PaddlePaddle, and PyTorch and Jittor are compared"):
        results.collect(of_two(files[0], "paddle"), tmp_path, ())
    assert not (tmp_path / "out" / "every_pair.json").exists()
