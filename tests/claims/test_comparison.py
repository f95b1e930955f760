"""The comparison against hand computation, and what it refuses to compare."""

import json
from pathlib import Path

import numpy as np
import pytest
import results_fixture as run

from vsrlib import cli
from vsrlib.claims import agreement, comparison, comparison_table, results
from vsrlib.claims.quality import difference_of
from vsrlib.common.errors import UserError
from vsrlib.common.files import read_json, sha256_file
from vsrlib.data.frames import read_frame, write_frame
from vsrlib.report.charts.comparison import skip_notes, why_empty

SCORES = ("psnr", "ssim", "bicubic_psnr", "bicubic_ssim")
GPU = {"device": "NVIDIA H200", "device_type": "cuda"}


def on_machine(processor: str, gpu: str | None) -> dict:
    """What a result says of where it was measured."""
    return {"provenance": {"machine": {"processor": processor, "gpu": gpu}}}


@pytest.fixture
def files(tmp_path: Path) -> tuple[list[Path], list[Path]]:
    return run.write_run(tmp_path / "run")


def test_outputs_are_measured_on_the_written_pictures(files, tmp_path):
    pair = [path.parent / "frames" / "coffee" / f"{run.FRAMES[1]}.png" for path in files[0][:2]]
    picture = read_frame(pair[1])
    picture[5, 7] = read_frame(pair[0])[5, 7] ^ 255
    write_frame(pair[1], picture)
    outputs = comparison.compare(*files, tmp_path / "out")["blurs"]["Gaussian"]["outputs"]
    first, second = (
        np.stack([read_frame(p) for p in sorted((path.parent / "frames").glob("*/*.png"))]).astype(float)
        for path in files[0][:2]
    )
    difference = np.abs(first - second)
    assert outputs["largest"] == difference.max() > 1
    assert outputs["share"] == pytest.approx((difference > 0).mean())
    assert outputs["psnr"] == pytest.approx(10 * np.log10(255**2 / (difference**2).mean()))
    assert outputs["same_weights"] and outputs["same_input"] and not outputs["identical"]


def test_identical_outputs_have_a_flag_and_no_psnr(files, tmp_path):
    for clip in run.CLIPS:
        for frame in run.FRAMES:
            torch, jittor = (path.parent / "frames" / clip / f"{frame}.png" for path in files[0][:2])
            jittor.write_bytes(torch.read_bytes())
    outputs = comparison.compare(*files, tmp_path / "out")["blurs"]["Gaussian"]["outputs"]
    assert outputs["identical"] and outputs["psnr"] is None and outputs["largest"] == 0
    assert "identical" in (tmp_path / "out" / "comparison.md").read_text()


@pytest.mark.parametrize(
    ("change", "word", "flag"),
    [
        ({"weights": {"path": "other.pkl", "sha256": "cd" * 32, "bytes": 1}}, "weights", "same_weights"),
        ({"input_digest": "ee" * 32}, "input", "same_input"),
    ],
)
def test_other_weights_or_input_are_never_called_the_same(files, tmp_path, change, word, flag):
    run.edit(files[0][3], **change)
    blur = comparison.compare(*files, tmp_path / "out")["blurs"]["Realistic"]
    assert blur["outputs"][flag] is False
    assert word in blur["outputs"]["skipped"] and "largest" not in blur["outputs"]
    assert ("skipped" in blur["quality"]["filmed"]["difference"]) == (word == "input")
    assert "same weights and input, " not in (tmp_path / "out" / "comparison.md").read_text().split("## Realistic")[1]


def test_what_a_result_of_an_earlier_version_does_not_say_is_what_held_then(files, tmp_path):
    """One file says it and the other, which is older, does not: both are of the same."""
    run.edit(files[0][1], sampling="decimated")
    said = {"flow_weights": None, "align_corners": True, "ema": 0.0, "clip_value": 0.0, "clip_norm": 0.0}
    run.edit(files[1][1], **said, flow_supervision=0.0)
    found = comparison.compare(*files, tmp_path / "out")
    blur = found["blurs"]["Gaussian"]
    assert blur["outputs"]["differs"] == [] and "skipped" not in blur["timing"]["ratio"]
    assert "skipped" not in found["training"]["Gaussian"]["agreement"]
    path = tmp_path / "out" / "comparison.json"
    for one in (record := read_json(path))["blurs"]["Gaussian"]["runs"].values():
        del one["sampling"]
    run.edit(path, **record)
    assert results.why_not_alike(results.read_comparison(path)["blurs"]["Gaussian"]["runs"]) is None


def test_pictures_of_other_places_are_not_compared(files, tmp_path):
    """By another sampling they lie 1.5 pixels beside the others, which is no difference of the frameworks."""
    run.edit(files[0][1], sampling="centred")
    blur = comparison.compare(*files, tmp_path / "out")["blurs"]["Gaussian"]
    words = "place of the LR pixels (sampling): torch decimated, jittor centred"
    assert blur["outputs"]["differs"] == [words] and words in blur["outputs"]["skipped"]
    assert words in difference_of(blur["quality"])["skipped"]


@pytest.mark.parametrize("images", ["videos", "film.mp4"])
def test_frames_in_a_video_have_no_pictures_to_compare(files, tmp_path, images):
    """The rest of the comparison stands."""
    run.edit(files[0][1], images=images)
    found = comparison.compare(*files, tmp_path / "out")["blurs"]
    outputs = found["Gaussian"]["outputs"]
    assert outputs["skipped"] == "because the frames of Jittor were written into a video, which has no pictures"
    assert outputs["same_weights"] and outputs["same_input"]
    assert found["Realistic"]["outputs"]["largest"] == 1
    assert "skipped" not in difference_of(found["Gaussian"]["quality"])
    assert "skipped" not in found["Gaussian"]["timing"]["ratio"]


def test_the_command_that_compared_nothing_does_not_end_well(files, tmp_path, capsys):
    """What it found is written all the same; of the one blur that can be compared all is well."""

    def status(paths, *more):
        return cli.main(["compare", *map(str, paths), *more, "--output", str(tmp_path / "out")])

    assert status(files[0]) == status(files[0][:3]) == 0
    capsys.readouterr()
    assert status(files[0][:1]) == 2 and (tmp_path / "out" / "comparison.md").is_file()
    said = capsys.readouterr()
    assert "Gaussian blur" in said.out
    words = (
        "Nothing was compared because Jittor was not asked for; give results of both frameworks that were made alike."
    )
    assert words in said.err
    assert status(files[0][:1], "--training", *map(str, files[1][:2])) == 0  # their trainings were
    skipped = run.write_run(tmp_path / "other", skipped=("jittor",))[0]
    assert status(skipped) == 2
    assert "because Jittor has no result (because no C++ compiler was found); give" in capsys.readouterr().err


def test_another_engine_is_said(files, tmp_path):
    run.edit(files[0][1], engine="fast")
    outputs = comparison.compare(*files, tmp_path / "out")["blurs"]["Gaussian"]["outputs"]
    assert outputs["differs"] == ["engine: torch reference, jittor fast"] and outputs["largest"] == 1


def test_times_show_what_the_unsynchronised_clock_hides(files, tmp_path):
    timing = comparison.compare(*files, tmp_path / "out")["blurs"]["Gaussian"]["timing"]
    seconds = read_json(files[0][1])["timing"]
    assert timing["jittor"]["synchronised"]["forward"] == pytest.approx(np.median(seconds["synchronised"]["forward"]))
    assert timing["jittor"]["forward_unseen_share"] > 0.99
    assert timing["jittor"]["forward_billed_to_post_share"] == pytest.approx(1, abs=0.05)
    assert timing["torch"]["forward_unseen_share"] == 0
    ratio = timing["ratio"]
    assert ratio["synchronised"]["forward"]["low"] < ratio["synchronised"]["forward"]["value"] < 1
    assert ratio["as_reported"]["forward"]["value"] > 1000
    total = [sum(parts) for parts in zip(*seconds["synchronised"].values(), strict=True)]
    assert timing["jittor"]["synchronised"]["total"] == pytest.approx(np.median(total))
    share = timing["jittor"]["post_share"]["synchronised"]
    assert share["value"] == pytest.approx(np.median(np.divide(seconds["synchronised"]["post"], total)))
    assert share["low"] < share["value"] < share["high"] < 0.5 < timing["jittor"]["post_share"]["as_reported"]["low"]


def test_no_share_of_the_time_that_is_missed_is_below_zero(files, tmp_path):
    """PyTorch's two medians differ by the spread of their repeats, which may give a share on either side of zero."""
    timing = comparison.compare(*files, tmp_path / "out")["blurs"]["Gaussian"]["timing"]
    timing["torch"] |= {"forward_unseen_share": -0.032, "forward_billed_to_post_share": -0.001}
    text = comparison_table.timing_table(timing)
    assert "PyTorch: without synchronisation, 0.0% of the forward pass's time is missed, and 0.0% appears" in text


def test_training_agreement(files, tmp_path):
    found = comparison.compare(*files, tmp_path / "out")["training"]["Realistic"]
    first, second = (
        np.array([json.loads(line)["total"] for line in (path.parent / "log.jsonl").read_text().splitlines()])
        for path in files[1][2:]
    )
    relative = np.abs(second / first - 1)
    assert found["agreement"]["per_step"]["largest"] == pytest.approx(relative.max())
    assert found["agreement"]["per_step"]["mean"] == pytest.approx(relative.mean())
    window = found["agreement"]["smoothed"]["window"]
    smooth = [np.array([v[i : i + window].mean() for i in range(len(v) - window + 1)]) for v in (first, second)]
    assert found["agreement"]["smoothed"]["largest"] == pytest.approx(np.abs(smooth[1] / smooth[0] - 1).max())
    assert found["agreement"]["both_fall"] and found["torch"]["falls"]
    assert found["agreement"]["validation"][-1]["psnr"] == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"learning_rate": 5e-4}, "learning_rate: torch 0.001, jittor 0.0005"),
        ({"flow_learning_rate": 0.0}, "flow_learning_rate: torch 0.0001, jittor 0.0"),
        ({"halve_every": 10}, "halve_every: torch 0, jittor 10"),
        ({"initial_weights": "cd" * 32}, "initial weights: torch seed 0, jittor cdcdcdcdcdcd"),
        ({"batches": "bb" * 32}, "batches (digest): torch babababababa, jittor bbbbbbbbbbbb"),
        ({"preset": "published"}, "preset"),
        ({"flow_weights": "cd" * 32}, "weights of the flow network: torch None, jittor cdcdcdcdcdcd"),
        ({"align_corners": False}, "align_corners: torch True, jittor False"),
        ({"flow_supervision": 0.01}, "flow_supervision: torch 0.0, jittor 0.01"),
        ({"clip_value": 0.1}, "clip_value: torch 0.0, jittor 0.1"),
        ({"clip_norm": 1.0}, "clip_norm: torch 0.0, jittor 1.0"),
        ({"ema": 0.99}, "ema: torch 0.0, jittor 0.99"),
        ({"validation_clips": "cd" * 32}, "validation clips (digest): torch None, jittor cdcdcdcdcdcd"),
        (GPU, "device type: torch cpu, jittor cuda"),
    ],
)
def test_only_the_same_training_is_compared(files, tmp_path, change, words):
    run.edit(files[1][1], **change)
    found = comparison.compare(*files, tmp_path / "out")["training"]
    assert set(found["Gaussian"]["agreement"]) == {"skipped"} and words in found["Gaussian"]["agreement"]["skipped"]
    assert "skipped" not in found["Realistic"]["agreement"]
    gaussian = (tmp_path / "out" / "comparison.md").read_text().split("## Training, Gaussian")[1].split("##")[0]
    assert words in gaussian and "%" not in gaussian


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (GPU, "device type: torch cpu, jittor cuda"),
        ({"input_digest": "ee" * 32}, "input frames (digest)"),
        ({"gt_digest": None}, "ground truth (digest): torch a7a7a7a7a7a7, jittor None"),
        ({"sampling": "centred"}, "place of the LR pixels (sampling): torch decimated, jittor centred"),
        ({"preset": "published"}, "preset: torch study, jittor published"),
        ({"engine": "fast"}, "engine: torch reference, jittor fast"),
        ({"border": True}, "border: torch False, jittor True"),
        (on_machine("A Processor", None), "machine: torch None, jittor A Processor"),
    ],
)
def test_times_are_compared_under_the_same_conditions_only(files, tmp_path, change, words):
    run.edit(files[0][1], **change)
    found = comparison.compare(*files, tmp_path / "out")["blurs"]
    assert set(found["Gaussian"]["timing"]["ratio"]) == {"skipped"}
    assert words in found["Gaussian"]["timing"]["ratio"]["skipped"]
    assert "skipped" not in found["Realistic"]["timing"]["ratio"]
    assert (
        f"PyTorch / Jittor, time and memory: skipped, because the two runs differ in {words}"
        in (tmp_path / "out" / "comparison.md").read_text()
    )


def test_times_of_two_machines_are_no_ratio(files, tmp_path):
    for path in files[0]:
        run.edit(path, **on_machine("A Processor", None))
    assert "skipped" not in comparison.compare(*files, tmp_path / "out")["blurs"]["Gaussian"]["timing"]["ratio"]
    for path, gpu in zip(files[0], ("A GPU", "Another")):
        run.edit(path, **on_machine("A Processor", gpu), **GPU)
    found = comparison.compare(*files, tmp_path / "out")["blurs"]["Gaussian"]
    assert "machine: torch A Processor, A GPU, jittor A Processor, Another" in found["timing"]["ratio"]["skipped"]
    assert found["quality"]["filmed"]["difference"]["psnr"]["n"] == 6, "quality is that of the frames"


def test_the_name_of_a_device_is_no_difference(files, tmp_path):
    run.edit(files[0][1], device="cpu, without oneDNN")
    blur = comparison.compare(*files, tmp_path / "out")["blurs"]["Gaussian"]
    assert blur["outputs"]["differs"] == [] and "skipped" not in blur["timing"]["ratio"]
    run.edit(files[0][1], threads=8)
    blur = comparison.compare(*files, tmp_path / "out")["blurs"]["Gaussian"]
    assert blur["outputs"]["differs"] == ["threads: torch 2, jittor 8"]


def test_seeded_values_of_two_seeds_are_not_the_same_weights(files, tmp_path):
    for path, seed in zip(files[0][:2], (0, 0), strict=True):
        run.edit(path, weights={"path": f"initial values of seed {seed}", "sha256": None, "bytes": 1})
    assert comparison.compare(*files, tmp_path / "out")["blurs"]["Gaussian"]["outputs"]["same_weights"]
    run.edit(files[0][1], weights={"path": "initial values of seed 1", "sha256": None, "bytes": 1})
    outputs = comparison.compare(*files, tmp_path / "out")["blurs"]["Gaussian"]["outputs"]
    assert outputs["same_weights"] is False and "seed 1" in outputs["skipped"]


def test_the_two_protocols_are_explained_once(files, tmp_path):
    comparison.compare(*files, tmp_path / "out")
    assert (tmp_path / "out" / "comparison.md").read_text().count("computed SSIM three times") == 1


@pytest.mark.parametrize("field", ["device_type", "threads", "gt_digest", "flow_learning_rate", "batches"])
def test_results_without_a_needed_field_are_refused(files, tmp_path, field):
    path = next(path for path in (files[0][0], files[1][0]) if field in read_json(path))
    record = read_json(path)
    del record[field]
    path.write_text(json.dumps(record))
    with pytest.raises(UserError, match=field):
        comparison.compare(*files, tmp_path / "out")


@pytest.mark.parametrize("skipped", [("jittor",), ("torch",), ("torch", "jittor")])
def test_a_skipped_framework_is_carried_through(tmp_path, skipped):
    found = comparison.compare(*run.write_run(tmp_path / "run", skipped=skipped), tmp_path / "out")
    text = (tmp_path / "out" / "comparison.md").read_text()
    for framework in skipped:
        blur = found["blurs"]["Gaussian"]
        for section in (blur["runs"], blur["timing"], found["training"]["Gaussian"]):
            assert section[framework] == {"skipped": "because no C++ compiler was found"}
    blur = found["blurs"]["Gaussian"]
    for section in (difference_of(blur["quality"], "filmed"), difference_of(blur["quality"], "made"), blur["outputs"]):
        assert "no C++ compiler" in section["skipped"]
    assert "skipped, because" in text


def test_without_ground_truth_or_times(files, tmp_path):
    for path in files[0]:
        run.edit_frames(path, lambda frame: {**frame, **dict.fromkeys(SCORES)})
        run.edit(path, gt_digest=None, timing=None)
    blur = comparison.compare(*files, tmp_path / "out")["blurs"]["Gaussian"]
    assert blur["quality"]["filmed"]["total"]["torch"] == {"psnr": None, "ssim": None, "identical": 0}
    assert "ground truth" in blur["quality"]["filmed"]["difference"]["skipped"]
    assert "not measured" in blur["timing"]["torch"]["skipped"]


def test_only_one_blur_and_no_training(files, tmp_path):
    found = comparison.compare(files[0][:1], [], tmp_path / "out")
    assert list(found["blurs"]) == ["Gaussian"] and found["training"] == {}
    assert found["blurs"]["Gaussian"]["runs"]["jittor"] == {"skipped": results.NOT_ASKED}
    found = comparison.compare([files[0][0], files[0][3]], [], tmp_path / "out")
    assert found["blurs"]["Gaussian"]["runs"]["jittor"] == {"skipped": "because no Gaussian result was given"}


def test_what_nobody_asked_for_is_not_called_skipped(files, tmp_path):
    """A run of PyTorch alone: Jittor has no row and no note, and what takes both says what was not asked for."""
    of_torch = [[path for path in kind if "torch" in path.parent.name] for kind in files]
    found = comparison.compare(*of_torch, tmp_path / "out")
    text = (tmp_path / "out" / "comparison.md").read_text()
    assert "skipped" not in text and text.count("Jittor was not asked for") >= 4
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert any("PyTorch" in line for line in rows) and not any("Jittor" in line for line in rows)
    assert skip_notes(found) == []
    for blur in found["blurs"].values():
        assert why_empty({"runs": {**blur["runs"], "torch": {"skipped": "because of rain"}}}) == (
            "PyTorch: skipped, because of rain"
        )


def test_inputs_are_named_with_their_digests(files, tmp_path):
    found = comparison.compare(*files, tmp_path / "out")
    assert read_json(tmp_path / "out" / "comparison.json") == found
    assert [one["sha256"] for one in found["inputs"]] == [sha256_file(path) for path in (*files[0], *files[1])]
    assert all((tmp_path / "out" / one["path"]).exists() for one in found["inputs"])


def test_the_same_files_give_the_same_comparison(files, tmp_path):
    first, second = (comparison.compare(*files, tmp_path / "out") for _ in range(2))
    assert {**first, "provenance": None} == {**second, "provenance": None}
    assert comparison.compare(*files, tmp_path / "out", seed=1)["blurs"] != first["blurs"]


def test_mistakes_are_told_in_one_sentence(files, tmp_path):
    inference, training = files
    for given_files in ([tmp_path / "none.json"], [inference[0], inference[0]], [training[0]], []):
        with pytest.raises(UserError):
            comparison.compare(given_files, [], tmp_path / "out")
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(UserError, match="not JSON"):
        comparison.compare([tmp_path / "broken.json"], [], tmp_path / "out")
    (training[0].parent / "log.jsonl").write_text('{"step": 1, "total": NaN}\n')
    with pytest.raises(UserError, match="not finite"):
        comparison.compare(inference, training, tmp_path / "out")
    (inference[0].parent / "frames" / "coffee" / f"{run.FRAMES[0]}.png").unlink()
    with pytest.raises(UserError, match="does not exist"):
        comparison.compare(inference, [], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_smoothing_is_the_mean_over_the_window():
    assert agreement.smooth(np.array([1.0, 2.0, 6.0, 3.0]), 2) == pytest.approx([1.5, 4.0, 4.5])


def test_a_published_comparison_stands_in_for_pictures_that_are_not_kept(tmp_path):
    run.write_published(tmp_path / "results")
    published = tmp_path / "results/05_compare_frameworks/comparison.json"
    inference = sorted((tmp_path / "results").glob("04_*/inference.json"))
    training = sorted((tmp_path / "results").glob("03_*/train.json"))
    assert not list((tmp_path / "results").rglob("*.png")) and len(inference) == len(training) == 4
    again = comparison.compare(inference, training, tmp_path / "out", source="there", published=published)
    before = read_json(published)
    assert again["source"] == "there" and "Results: there." in (tmp_path / "out/comparison.md").read_text()
    assert "Results: there." not in comparison_table.table(again, title="")  # the notebook has said it
    for blur, found in again["blurs"].items():
        assert found["outputs"] == before["blurs"][blur]["outputs"] and found["outputs"]["frames"] > 0
        assert found["quality"] == before["blurs"][blur]["quality"]
    run.edit(inference[0], seed=77)
    with pytest.raises(UserError, match="was not made from .*publish the run again"):
        comparison.compare(inference, training, tmp_path / "other", published=published)
    run.edit(published, blurs={"Gaussian": {"runs": {"torch": {"set": "of an earlier version"}}}})
    with pytest.raises(UserError, match="is a comparison of an earlier version"):
        results.read_comparison(published)
