"""What a notebook does that is run by itself, with its defaults, where nothing has been run before."""

from pathlib import Path

import pytest

from vsrlib.common.errors import UserError
from vsrlib.common.files import relative, write_json
from vsrlib.data.synthetic.sets import SetsOptions, write_embedded_sets
from vsrlib.study import prepare
from vsrlib.study.settings import (
    ClaimsSettings,
    CompareSettings,
    DataSettings,
    FigureSettings,
    InferSettings,
    PairsSettings,
    TrainSettings,
)

COMPARISON = "05_compare_frameworks/comparison.json"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project's folder with published results and nothing else."""
    monkeypatch.setattr("vsrlib.common.files.PROJECT_ROOT", tmp_path)
    put(tmp_path / "figures/results", f"04_infer_clips_torch_Gaussian/inference.json {COMPARISON}")
    return tmp_path


def put(folder: Path, names: str, content: object = None) -> None:
    for name in names.split():
        write_json(folder / name, content or {})


def test_data_that_are_missing_are_made_by_the_notebook_and_only_those(project: Path) -> None:
    data = project / "data"
    train, validation, gaussian, realistic = DataSettings().outputs()
    assert TrainSettings().require_inputs().sets_to_make() == [train, validation]
    assert InferSettings(blur="Gaussian").require_inputs().sets_to_make() == [gaussian]
    assert InferSettings().sets_to_make() == [realistic]
    (data / "Embedded_Train/HR").mkdir(parents=True)
    assert TrainSettings().sets_to_make() == [validation]
    with pytest.raises(UserError, match="hr_root is data/Mine, which does not exist"):
        TrainSettings(hr_root="data/Mine").require_inputs()
    with pytest.raises(UserError, match="hr_root is elsewhere/Embedded_Train/HR, which does not exist"):
        TrainSettings(hr_root="elsewhere/Embedded_Train/HR").require_inputs()
    with pytest.raises(UserError, match=r"weights is w\.pt, which does not exist"):
        InferSettings(weights="w.pt").require_inputs()


def test_they_are_those_of_the_data_notebook_and_what_is_there_stays(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    asked = []

    def write(root: Path, options: SetsOptions, only: list[str] | None) -> dict:
        asked.append((root, options))
        for name in only or []:
            (root / name / "HR").mkdir(parents=True)
        return {name: {} for name in only or []}

    monkeypatch.setattr("vsrlib.study.prepare.write_embedded_sets", write)
    (project / "data/Embedded_Train/HR").mkdir(parents=True)
    assert prepare.make_absent(TrainSettings()) == ["Embedded_Validation"]
    assert capsys.readouterr().out.startswith("data/Embedded_Validation is not there yet: making it as 02_generate")
    assert prepare.make_absent(TrainSettings()) == [] and capsys.readouterr().out == "All clips are there.\n"
    prepare.make_sets(DataSettings())  # what the data notebook calls
    assert len(asked) == 2 and asked[0] == asked[1]


def test_only_the_sets_that_are_named_are_written_and_as_among_all(tmp_path: Path) -> None:
    options = SetsOptions(
        test_frames=5, train_frames=5, validation_frames=5, height=64, width=64, test_clips=1, train_clips=1, seed=3,
        filmed_frames=0,
    )  # fmt: skip
    whole = write_embedded_sets(tmp_path / "all", options)
    for name in whole:
        made = write_embedded_sets(tmp_path / "some", options, only=[name])
        assert [*made] == [name] and made[name]["clips"] == whole[name]["clips"]
    assert len(whole) == 4


def test_a_comparison_takes_ones_own_run_or_else_the_published_one_and_says_which(project: Path) -> None:
    alone = CompareSettings().require_inputs()
    assert [path.parent.name for path in alone.inference] == ["04_infer_clips_torch_Gaussian"] and alone.training == []
    assert alone.published == project / "figures/results" / COMPARISON
    assert "come with the project: none of them was measured here" in alone.source
    put(project / "runs/quick", "04_infer_clips_jittor_Realistic/inference.json")
    own = CompareSettings().require_inputs()
    assert own.inference == [project / "runs/quick/04_infer_clips_jittor_Realistic/inference.json"]
    assert (own.source, own.published) == ("runs/quick", None)
    put(project / "runs/interactive", "04_infer_clips_torch_Realistic/inference.json")
    by_hand = CompareSettings().require_inputs()
    assert by_hand.inference == [project / "runs/interactive/04_infer_clips_torch_Realistic/inference.json"]
    assert [path.parent.parent.name for path in CompareSettings(run_folder="runs/quick").inference] == ["quick"]


def test_results_of_other_frameworks_are_left_to_the_notebook_of_every_pair(project: Path) -> None:
    for framework in ("torch", "jittor", "paddle", "onnx"):
        named = {"framework": framework}
        put(project / "runs/interactive", f"04_infer_clips_{framework}_Realistic/inference.json", named)
        put(project / "runs/interactive", f"03_train_network_{framework}/train.json", named)
    two, three = CompareSettings().require_inputs(), PairsSettings().require_inputs()
    assert [path.parent.name.split("_")[3] for path in two.inference] == ["jittor", "torch"]
    assert [path.parent.name.split("_")[3] for path in three.inference] == ["jittor", "paddle", "torch"]
    assert len(two.training) == 2 and len(three.training) == 3 and three.parity == []
    put(project / "runs/interactive", "06_prove_parity/parity.json 06_prove_parity_paddle/parity.json")
    assert len(PairsSettings().require_inputs().parity) == 2
    with pytest.raises(UserError, match=r"parity_files is none\.json, which does not exist: run 06_prove_parity first"):
        PairsSettings(parity_files=["none.json"]).require_inputs()


def test_files_that_are_named_are_never_mixed_with_published_ones(project: Path) -> None:
    put(project / "figures/results", "03_train_network_torch/train.json")
    put(project / "mine", "inference.json")
    named = CompareSettings(inference_files=["mine/inference.json"]).require_inputs()
    assert named.training == [] and named.published is None and named.source == "the files named in inference_files"
    with pytest.raises(UserError, match=r"runs/mine holds no inference\.json yet"):
        CompareSettings(run_folder="runs/mine").require_inputs()


@pytest.mark.parametrize("settings", [ClaimsSettings, FigureSettings])
def test_what_reads_a_comparison_says_where_its_numbers_are_from(settings: type, project: Path) -> None:
    alone = settings().require_inputs()
    assert alone.comparison == project / "figures/results" / COMPARISON
    assert "none of them was measured here" in alone.source
    own = project / "runs/quick" / COMPARISON
    put(own.parent, own.name, {"source": "figures/results, as somebody compared them"})
    assert (settings().comparison, settings().source) == (own, "figures/results, as somebody compared them")
    put(own.parent, own.name, {"blurs": {}})  # one of an earlier version, which does not say it
    assert settings().source == f"runs/quick/{COMPARISON}"
    with pytest.raises(UserError, match=r"comparison_file is none\.json, which does not exist"):
        settings(comparison_file="none.json").require_inputs()


def test_further_evidence_is_of_the_same_run_or_is_left_out_and_named(project: Path) -> None:
    put(project / "runs/quick", "07_ablate_alignment/ablation.json 06_prove_parity/parity.json")
    assert set(ClaimsSettings().further.values()) == {None}, "the comparison is the published one"
    put(project / "runs/quick", COMPARISON)
    found = ClaimsSettings(parity_file=None)
    assert found.further == {
        "ablation": project / "runs/quick/07_ablate_alignment/ablation.json",
        "parity": None,
        "costs": None,
    }
    assert found.evidence.startswith("ablation; left out: parity, costs, scenes, training")
    with pytest.raises(UserError, match=r"costs_file is c\.json, which does not exist"):
        ClaimsSettings(costs_file="c.json").require_inputs()


@pytest.mark.parametrize("run", ["figures/results", "runs/quick", "elsewhere/mine"])
def test_a_comparison_by_hand_of_another_run_is_judged_with_the_evidence_of_that_run(project: Path, run: str) -> None:
    put(project / run, "07_ablate_alignment/ablation.json 04_infer_clips_torch_Gaussian/inference.json")
    compared = CompareSettings(run_folder=run)
    made = [{"path": relative(path, compared.folder)} for path in compared.inference]
    put(compared.folder, "comparison.json", {"source": compared.source, "inputs": made})
    put(project / "runs/interactive", "07_ablate_alignment/ablation.json 08_measure_costs/costs.json")
    assert ClaimsSettings().comparison == project / "runs/interactive" / COMPARISON
    further = {"ablation": project / run / "07_ablate_alignment/ablation.json", "parity": None, "costs": None}
    assert ClaimsSettings().further == further


def test_files_that_were_named_are_of_no_run_and_judged_with_what_lies_beside_their_comparison(project: Path) -> None:
    put(project / "elsewhere", "07_ablate_alignment/ablation.json 04_mine/inference.json")
    compared = CompareSettings(inference_files=["elsewhere/04_mine/inference.json"])
    made = [{"path": relative(path, compared.folder)} for path in compared.inference]
    put(compared.folder, "comparison.json", {"source": compared.source, "inputs": made})
    assert set(ClaimsSettings().further.values()) == {None}
    put(project / "runs/interactive", "07_ablate_alignment/ablation.json")
    assert ClaimsSettings().further["ablation"] == project / "runs/interactive/07_ablate_alignment/ablation.json"
