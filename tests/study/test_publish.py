"""Publishing a run: what is kept, what is refused, how long it took, and that nothing else is ever deleted."""

from pathlib import Path

import pytest
import results_fixture as run
from toy_study import run_toys, write_toys

from vsrlib.claims import comparison, judge, results
from vsrlib.cli import main
from vsrlib.common.errors import UserError
from vsrlib.common.files import MARKER, read_json, write_json
from vsrlib.common.provenance import PROJECT_ROOT
from vsrlib.report.charts import draw
from vsrlib.study import profiles
from vsrlib.study.publish import TIMES, publish, redraw, sentence, times
from vsrlib.study.settings import ClaimsSettings, CompareSettings
from vsrlib.study.settings.results import COMMITTED, COMPARISON

MACHINE = {"processor": "A Processor", "cores": 2}


@pytest.fixture
def study(tmp_path: Path) -> Path:
    inference, training = run.write_run(tmp_path / "run")
    comparison.compare(inference, training, tmp_path / "run" / "05_compare_frameworks")
    return tmp_path / "run"


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_results_are_kept_without_frames(study, tmp_path):
    drawn = publish(study, tmp_path / "out")
    assert all(path.is_file() for path in drawn) and len(drawn) == 23
    kept = contents(tmp_path / "out" / "results")
    assert MARKER in kept and "05_compare_frameworks/comparison.json" in kept
    assert {Path(name).name for name in kept} == {
        MARKER, "comparison.json", "comparison.md", "inference.json", "train.json", "log.jsonl"
    }  # fmt: skip
    assert all((study / name).read_bytes() == data for name, data in kept.items() if name != MARKER)
    assert len(read_json(tmp_path / "out" / "claims.json")["claims"]) == 15


def test_what_was_published_is_drawn_again(study, tmp_path, monkeypatch, capsys):
    """From its own files, and nothing else changes; the charts of an ablation beside it, of a run as SVG alone."""
    out = tmp_path / "out"
    publish(study, out)
    (out / "results" / "07_ablate_alignment").mkdir()
    ablated = read_json(PROJECT_ROOT / "figures" / "experiments" / "ablation" / "ablation.json")
    for folder in (out / "results" / "07_ablate_alignment", out / "experiments" / "ablation"):
        write_json(folder / "ablation.json", ablated)
    before = contents(out)
    for path in out.glob("chart_*"):
        path.unlink()
    assert main(["publish", str(out), str(out)]) == 0 and "11 charts" in capsys.readouterr().out
    after = contents(out)
    made = set(after) - set(before)
    assert {Path(name).name for name in made} == {
        f"chart_ablation_{name}.{ending}" for name in ("effects", "rings") for ending in ("svg", "png")
    }
    assert not [name for name in made if name.startswith("results") and name.endswith("png")]
    assert all(after[name] == before[name] for name in before if not name.endswith("provenance.json"))
    with pytest.raises(UserError, match="holds no published run"):
        redraw(tmp_path / "empty")


@pytest.fixture
def no_charts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing takes seconds, and one test of it is enough."""
    monkeypatch.setattr("vsrlib.study.publish.draw_all", lambda comparison_file, output, checkout: [])


def test_a_second_call_replaces_its_own_results_only(study, tmp_path, no_charts):
    out = tmp_path / "out"
    out.mkdir()
    (out / "README.md").write_text("mine")
    publish(study, out)
    (study / "gone").mkdir()
    (study / "gone" / "train.json").write_text("{}")
    publish(study, out)
    assert (out / "results" / "gone" / "train.json").is_file()
    (study / "gone" / "train.json").unlink()
    publish(study, out)
    assert not (out / "results" / "gone").exists() and (out / "README.md").read_text() == "mine"
    assert not [path for path in out.iterdir() if path.name.startswith(".")]


def test_an_interruption_leaves_the_results_that_were_there(study, tmp_path, no_charts, monkeypatch):
    """Also one between taking the old ones away and putting the new ones there."""
    publish(study, tmp_path / "out")
    before, renamed, rename = contents(tmp_path / "out" / "results"), [], Path.rename

    def interrupted(path: Path, target: Path) -> Path:
        renamed.append(path)
        if len(renamed) == 2:
            raise KeyboardInterrupt
        return rename(path, target)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Path, "rename", interrupted)
        publish(study, tmp_path / "out")
    assert contents(tmp_path / "out" / "results") == before and len(renamed) == 3
    assert not [path for path in (tmp_path / "out").iterdir() if path.name.startswith(".")]


def test_a_folder_of_somebody_else_is_left_alone(study, tmp_path):
    theirs = tmp_path / "out" / "results"
    theirs.mkdir(parents=True)
    (theirs / "thesis.txt").write_text("years of work")
    with pytest.raises(UserError, match="results"):
        publish(study, tmp_path / "out")
    assert contents(tmp_path / "out") == {"results/thesis.txt": b"years of work"}


@pytest.mark.parametrize("kind", ["file", "link"])
def test_what_is_no_folder_is_left_alone(study, tmp_path, kind):
    (tmp_path / "out").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / MARKER).touch()
    target = tmp_path / "out" / "results"
    target.write_text("mine") if kind == "file" else target.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="is no folder of results"):
        publish(study, tmp_path / "out")
    assert target.is_symlink() == (kind == "link") and (tmp_path / "elsewhere" / MARKER).exists()


@pytest.mark.parametrize("fault", ["changed", "missing"])
def test_a_stale_comparison_is_refused_and_the_old_results_stay(study, tmp_path, fault, no_charts):
    publish(study, tmp_path / "out")
    before = contents(tmp_path / "out")
    file = study / "jittor_Gaussian" / "inference.json"
    run.edit(file, warm_up_seconds=1.0) if fault == "changed" else file.unlink()
    with pytest.raises(UserError, match="jittor_Gaussian/inference.json"):
        publish(study, tmp_path / "out")
    assert contents(tmp_path / "out") == before


@pytest.mark.parametrize("state", ["failed", "running"])
def test_what_a_step_left_before_it_failed_or_was_interrupted_is_not_published(study, tmp_path, state, no_charts):
    put(study, "jittor_Gaussian", 1.0, "done")
    put(study, "torch_Gaussian", None, "skipped")
    put(study, "12_show_frames", 1.0, "failed")  # of which nothing is published
    publish(study, tmp_path / "out")
    before = contents(tmp_path / "out")
    put(study, "jittor_Gaussian", 1.0, "failed")
    if state == "running":
        (study / "jittor_Gaussian/manifest.json").unlink()
        (study / "jittor_Gaussian/partial.ipynb").touch()
    with pytest.raises(
        UserError, match=r"^Step jittor_Gaussian of .*(failed|has not ended) the last time, .* run the study"
    ):
        publish(study, tmp_path / "out")
    assert contents(tmp_path / "out") == before


def test_a_comparison_of_files_from_elsewhere_is_refused(study, tmp_path):
    inference, training = run.write_run(tmp_path / "elsewhere")
    comparison.compare(inference, training, study / "05_compare_frameworks")
    with pytest.raises(UserError, match="no result of the study"):
        publish(study, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_run_without_comparison_is_refused(tmp_path):
    with pytest.raises(UserError, match="holds no comparison"):
        publish(tmp_path, tmp_path / "out")


def test_the_results_that_come_with_the_project_are_those_of_this_version(tmp_path: Path) -> None:
    # Notebooks 05, 09 and 10 fall back on them where nothing has been run.
    compared = CompareSettings(run_folder=COMMITTED)
    again = comparison.compare(
        compared.inference, compared.training, tmp_path, source=compared.source, published=compared.published
    )
    published = results.read_comparison(PROJECT_ROOT / COMMITTED / COMPARISON)
    assert again["blurs"]["Realistic"]["quality"] == published["blurs"]["Realistic"]["quality"]
    settings = ClaimsSettings(comparison_file=f"{COMMITTED}/{COMPARISON}")
    judged = judge.judge(settings.comparison, tmp_path, settings.further, settings.experiments_folder)
    assert [one["verdict"] for one in judged["claims"]] == [
        one["verdict"] for one in read_json(PROJECT_ROOT / "figures" / "claims.json")["claims"]
    ]
    assert len(draw.draw_all(PROJECT_ROOT / COMMITTED / COMPARISON, tmp_path)) == 23


def put(root: Path, step: str, seconds: float | None, status: str = "done", minute: int = 0, **more: object) -> None:
    provenance = {"commit": f"commit {minute}", "machine": MACHINE, "created": f"2026-01-01T00:{minute:02d}:00+00:00"}
    manifest = {"step": step, "seconds": seconds, "status": status, "provenance": provenance, **more}
    write_json(root / step / "manifest.json", manifest)


def test_times_are_those_of_the_manifests(tmp_path: Path) -> None:
    assert times(tmp_path) is None
    put(tmp_path, "skipped", None, "skipped")
    assert times(tmp_path) is None
    put(tmp_path, "first", 1.5, minute=7)
    put(tmp_path, "second", 60.0, minute=3)
    found = times(tmp_path)
    assert found is not None
    assert {name: one["seconds"] for name, one in found["steps"].items()} == {"first": 1.5, "second": 60.0}
    assert (found["seconds"], found["longest"], found["not_done"]) == (61.5, "second", ["skipped"])
    assert found["provenance"]["commit"] == found["steps"]["first"]["commit"] == "commit 7"


def test_a_real_study_leaves_times(tmp_path: Path) -> None:
    write_toys(tmp_path)
    assert run_toys(tmp_path) == 0
    found = times(tmp_path / "run")
    assert found is not None and list(found["steps"]) == ["make", "other", "use"]
    kept = {name: read_json(tmp_path / "run" / name / "manifest.json")["seconds"] for name in found["steps"]}
    assert found["seconds"] == pytest.approx(sum(kept.values())) and min(kept.values()) > 0
    assert found["profile"] == "toy"


def test_the_sentence_never_calls_a_part_the_whole(tmp_path: Path) -> None:
    steps = [step.id for step in profiles.steps_of("quick", tmp_path, tmp_path)]
    for number, step in enumerate(steps):
        seconds = 200.0 if step == "03_train_network_jittor" else 40.0
        put(tmp_path, step, seconds, minute=number, profile="quick")
    found = times(tmp_path)
    assert found is not None
    total = 200 + 40 * (len(steps) - 1)
    assert sentence(found) == (
        f"The whole quick study took {total // 60} min {total % 60:02d} s on 2 cores of A Processor; "
        "the longest step: 03_train_network_jittor (3 min 20 s)."
    )
    (tmp_path / steps[-1] / "manifest.json").unlink()
    put(tmp_path, steps[-2], 1.0, "failed", profile="quick")
    part = times(tmp_path)
    assert part is not None
    assert sentence(part).startswith(f"The quick study without {steps[-2]}, {steps[-1]} took ")


@pytest.mark.parametrize("profile", profiles.PROFILES)
def test_the_sentence_names_the_profile_that_was_run(tmp_path: Path, profile: str) -> None:
    steps = [step.id for step in profiles.steps_of(profile, tmp_path, tmp_path)]
    for step in steps:
        put(tmp_path, step, 3600.0, profile=profile)
    assert sentence(times(tmp_path)).startswith(f"The whole {profile} study took ")
    put(tmp_path, steps[0], 3600.0, profile="another")
    assert sentence(times(tmp_path)).startswith("The study took ")


@pytest.mark.parametrize(("test_root", "words"), [(None, "The whole quick study"), ("mine/HR", "The study")])
def test_of_an_earlier_version_the_quick_study_alone_is_known(
    tmp_path: Path, test_root: str | None, words: str
) -> None:
    """Its manifests do not say the profile, and the steps of the standard one have the same names."""
    for step in profiles.steps_of("quick", tmp_path, tmp_path):
        given = {"test_root": test_root} if step.id == profiles.DATA else {}
        put(tmp_path, step.id, 40.0, inputs={"parameters": given})
    found = times(tmp_path)
    assert sentence(found).startswith(f"{words} took ")
    del found["profile"]
    assert sentence(found).startswith("The study took ")
    assert sentence({**found, "not_done": ["a", "b"]}).startswith("The study without a, b took ")


def test_the_claims_are_judged_from_the_referee_of_their_two_frameworks(study, tmp_path, no_charts):
    """A third framework's is kept, and decides nothing, whichever the folder lists first."""
    found = read_json(PROJECT_ROOT / "figures/results/06_prove_parity/parity.json")
    of_paddle = {**found, "sides": ["torch", "paddle"], "agree": False, "first": {"place": "feat_extractor"}}
    write_json(study / "06_prove_parity_paddle" / "parity.json", of_paddle)
    for _ in range(2):  # of it alone, and beside that of the two
        publish(study, tmp_path / "out")
        claim = next(one for one in read_json(tmp_path / "out/claims.json")["claims"] if one["id"] == "C9a")
        assert "diverge" not in claim["reason"]
        assert not [path for path in claim["evidence"] if "paddle" in path]
        assert (tmp_path / "out/results/06_prove_parity_paddle/parity.json").is_file()
        write_json(study / "06_prove_parity" / "parity.json", found)
    assert "results/06_prove_parity/parity.json" in claim["evidence"]


def test_publishing_keeps_the_times(study, tmp_path, no_charts):
    publish(tmp_path / "run", tmp_path / "out")
    assert not (tmp_path / "out" / "results" / TIMES).exists()
    put(tmp_path / "run", "05_compare_frameworks", 3.0)
    publish(tmp_path / "run", tmp_path / "out")
    assert read_json(tmp_path / "out" / "results" / TIMES) == times(tmp_path / "run")


def test_the_pages_are_written_beside_what_is_kept(study, tmp_path, no_charts, capsys):
    (study / "index.html").write_text('<a href="05/report.html">5</a>')
    (study / "05").mkdir()
    (study / "05" / "report.html").write_text("<p>a page</p>")
    assert main(["publish", str(study), str(tmp_path / "out"), "--site", str(tmp_path / "site")]) == 0
    said = capsys.readouterr().out
    assert f"2 files, 0.0 MB: {tmp_path / 'site'}/index.html" in said and "vsrlib site" not in said
    assert (tmp_path / "site" / "05" / "report.html").read_text() == "<p>a page</p>"
    assert not list((tmp_path / "out").rglob("*.html"))
    assert main(["publish", str(study), str(tmp_path / "out")]) == 0
    assert f"vsrlib site {study} SITE" in capsys.readouterr().out


def test_a_place_that_is_no_site_is_refused_before_anything_is_published(study, tmp_path, no_charts, capsys):
    arguments = ["publish", str(study), str(tmp_path / "out"), "--site", str(tmp_path / "theirs")]
    assert main(arguments) == 2 and "holds no index.html" in capsys.readouterr().err
    (study / "index.html").write_text("pages")
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "thesis.txt").write_text("years of work")
    assert main(arguments) == 2 and "theirs holds files" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
