"""What figures/parity holds of the referee: of the present rule, with nothing missed, and within the stated bounds."""

import re
from pathlib import Path
from typing import Any

import pytest

from vsrlib.common.files import read_json
from vsrlib.common.provenance import PROJECT_ROOT
from vsrlib.parity import check
from vsrlib.parity.comparison import RULE, K
from vsrlib.parity.faults import FAULTS

FOLDER = PROJECT_ROOT / "figures" / "parity"


@pytest.mark.parametrize("page", ["docs/parity.md", "notebooks/06_prove_parity.ipynb"])
def test_pages_say_how_many_faults_are_planted(page: str) -> None:
    word = {14: "fourteen", 15: "fifteen", 16: "sixteen"}[len(FAULTS)]
    assert re.search(rf"(has|plants) {word}\b", (PROJECT_ROOT / page).read_text(encoding="utf-8"))


@pytest.fixture(params=["parity_published", "parity_study", "paddle/parity_study"])
def compared(request: pytest.FixtureRequest) -> dict[str, Any]:
    return read_json(FOLDER / f"{request.param}.json")


@pytest.mark.parametrize(("folder", "second", "runs"), [(FOLDER, "jittor", 50), (FOLDER / "paddle", "paddle", 50)])
def test_every_planted_fault_is_found_and_no_clean_run_raises_an_alarm(folder: Path, second: str, runs: int) -> None:
    found = read_json(folder / "parity_check.json")
    assert found["rule"] == RULE and found["sides"] == ["torch", second]
    assert [one["fault"] for one in found["faults"]] == list(FAULTS) and all(one["found"] for one in found["faults"])
    assert len(found["clean"]) == runs and all(one["agree"] for one in found["clean"]) and found["false_alarms"] == 0
    assert (folder / "parity_check.txt").read_text(encoding="utf-8") == check.text(found)


def test_the_two_networks_agree_within_what_is_asked(compared: dict[str, Any]) -> None:
    assert compared["rule"] == RULE and compared["agree"] and compared["departures"] == []
    restored = compared["finals"]["recons"]
    assert restored["difference"] <= 1e-5
    levels = restored["levels"]
    assert levels["largest"] <= 1 and levels["share"] <= 1e-4 and levels["psnr_difference_at_most"] < 1e-3


def test_every_gradient_is_within_a_ten_thousandth_of_float64_or_as_far_off_as_rounding_takes_it(
    compared: dict[str, Any],
) -> None:
    """The second holds where the frameworks differ by no more than a step may: 100 times what rounding did to one."""
    far = {name: one for name, one in compared["gradients"].items() if max(one["first"], one["second"]) > 1e-4}
    assert len(far) < 0.01 * len(compared["gradients"])
    assert all(one["ratio"] <= K for one in far.values())


@pytest.mark.parametrize("folder", [FOLDER, FOLDER / "paddle"])
def test_a_hundred_steps_of_training_stay_in_the_control_band(folder: Path) -> None:
    trained = read_json(folder / "parity_study.json")["trajectories"]
    assert trained["inside"] and {"1", "10", "100"} <= set(trained["steps"])
    assert len(trained["losses"]["reference"]) == len(trained["losses"]["other"]) == 100
