"""The charts: complete, the same bytes each time, drawn from the files alone, with alternative text."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
import results_fixture as run
from matplotlib.figure import Figure

from vsrlib.claims import comparison
from vsrlib.common.errors import UserError
from vsrlib.common.files import read_json, sha256_file, write_json
from vsrlib.common.provenance import PROJECT_ROOT
from vsrlib.data.comparison_picture import most_detailed
from vsrlib.data.degrade import degrade_clips
from vsrlib.data.frames import write_frame
from vsrlib.report import look
from vsrlib.report.charts import draw, efficiency, parity, quality, ratios, speed
from vsrlib.report.charts.style import LONGEST, LOOKS, PARTS, Chart, difference_axis, labels, style
from vsrlib.report.charts.training import loss_curves
from vsrlib.report.frames import details
from vsrlib.report.html import Page

NAMES = (
    "chart_psnr_comparison", "chart_ssim_comparison", "chart_performance_radar", "chart_performance_ratios",
    "chart_time_performance", "chart_time_breakdown", "chart_efficiency", "chart_psnr_trend", "chart_quality_vs_speed",
    "chart_video_psnr_distribution", "chart_video_ssim_distribution",
)  # fmt: skip
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def compared(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("figures")
    comparison.compare(*run.write_run(root / "run"), root / "comparison")
    return root / "comparison" / "comparison.json"


@pytest.fixture(scope="module")
def drawn(compared) -> Path:
    written = draw.draw_all(compared, compared.parent.parent / "charts")
    assert sorted(written) == sorted((compared.parent.parent / "charts").iterdir())
    return compared.parent.parent / "charts"


def test_every_chart_in_both_forms(drawn):
    assert tuple(draw.CHARTS) == NAMES
    for name in NAMES:
        picture = cv2.imread(str(drawn / f"{name}.png"))
        root = ElementTree.parse(drawn / f"{name}.svg").getroot()
        width, height = (float(root.get(side).removesuffix("pt")) / 72 for side in ("width", "height"))
        # Twice as large as at 100 pixels an inch, to the rounding of a pixel.
        assert abs(picture.shape[1] - 200 * width) < 1 and abs(picture.shape[0] - 200 * height) < 1
        assert width < 6, "wider figures have letters too small for a telephone"


def test_bytes_are_the_same_on_every_run_in_every_process(compared, drawn, tmp_path):
    script = "import sys; from vsrlib.report.charts import draw; draw.draw_all(*sys.argv[1:])"
    project = Path(draw.__file__).parents[3]
    environment = {**os.environ, "PYTHONPATH": str(project), "PYTHONHASHSEED": "7"}
    subprocess.run([sys.executable, "-c", script, compared, tmp_path], check=True, env=environment)
    for name in NAMES:
        for ending in ("svg", "png"):
            assert sha256_file(tmp_path / f"{name}.{ending}") == sha256_file(drawn / f"{name}.{ending}")


def test_provenance_names_every_file(compared, drawn):
    record = read_json(drawn / "provenance.json")
    assert tuple(record["charts"]) == NAMES
    for name, chart in record["charts"].items():
        assert chart["sha256"] == {f"{name}.{e}": sha256_file(drawn / f"{name}.{e}") for e in ("svg", "png")}
        assert chart["title"] and re.search(r"\d", chart["alt"].removeprefix(chart["title"])), (
            "numbers, not the title alone"
        )
    for source in record["sources"]:
        assert sha256_file(drawn / source["path"]) == source["sha256"]
    assert record["sources"][0]["sha256"] == sha256_file(compared)
    assert record["statistics"]["seed"] == 0 and "commit" in record["measured"] and "machine" in record["drawn"]


def test_svg_speaks(drawn):
    charts = read_json(drawn / "provenance.json")["charts"]
    for name in NAMES:
        root = ElementTree.parse(drawn / f"{name}.svg").getroot()
        assert root.get("role") == "img"
        assert root.find(f"{SVG}title").text == charts[name]["title"]
        assert root.find(f"{SVG}desc").text == charts[name]["alt"]


def test_no_date_in_the_files(drawn):
    for name in NAMES:
        assert not re.search(r"20\d\d-\d\d-\d\d", (drawn / f"{name}.svg").read_text())
        assert b"tEXt" not in (drawn / f"{name}.png").read_bytes()


@pytest.mark.parametrize("gain", [0.0, 0.7, -0.7])
def test_titles_follow_the_numbers(tmp_path, gain):
    found = comparison.compare(*run.write_run(tmp_path / "run", gain=gain), tmp_path / "out")
    title = quality.quality_title(found, "psnr")
    if gain:
        assert f"{'Jittor' if gain > 0 else 'PyTorch'} is up to 0.70 dB" in title
        one = found["blurs"]["Realistic"]["quality"]["filmed"]["difference"]["psnr"]
        one |= {"value": -gain, "low": -gain, "high": -gain}
        title = quality.quality_title(found, "psnr")
        assert all(f"{who} is 0.70 dB PSNR ahead (" in title for who in ("PyTorch", "Jittor"))
        for ends in ({"low": -1.0, "high": 1.0}, {"low": None, "high": None}):
            one |= ends
            assert "differ by up to 0.70 dB PSNR, which is not told from none" in quality.quality_title(found, "psnr")
    else:
        assert "reach the same PSNR" in title
    assert quality.trend_title(found).endswith(f"{max(abs(gain), 0.01):.2f} dB PSNR")


def test_filmed_scenes_and_made_clips_stand_apart(compared):
    """Filmed clips first, below them their mean, then the made ones; the title is about the filmed."""
    found = read_json(compared)
    with style():
        chart = quality.comparison_by_clip(found, "psnr")
        trend = quality.trend(found)
    labels = [text.get_text() for text in chart.figure.axes[0].get_yticklabels()]
    assert labels == [*run.FILMED, "filmed, by scene", *run.MADE, "made, by scene"]
    assert chart.title.endswith("above bicubic, on 6 filmed scenes")
    totals = found["blurs"]["Gaussian"]["quality"]["filmed"]["total"]
    assert f"mean over 6 filmed scenes: bicubic {totals['bicubic']['psnr']:.2f} dB" in chart.alt
    drawn = [line for line in chart.figure.axes[0].lines if line.get_linestyle() == "None"]
    assert [len(line.get_ydata()) for line in drawn] == [11] * 3
    assert drawn[1].get_xdata()[6] == pytest.approx(totals["torch"]["psnr"])
    assert [text.get_text() for text in trend.figure.axes[0].get_xticklabels()] == [*run.FILMED, *run.MADE]


def test_a_changed_number_changes_the_chart(compared, drawn, tmp_path):
    found = read_json(compared)
    found["blurs"]["Gaussian"]["runs"]["jittor"]["peak_memory_mib"] *= 2
    write_json(tmp_path / "comparison.json", found)
    draw.draw_all(tmp_path / "comparison.json", tmp_path / "charts")
    changed = {
        name
        for name in NAMES
        if (tmp_path / "charts" / f"{name}.png").read_bytes() != (drawn / f"{name}.png").read_bytes()
    }
    assert changed == {"chart_efficiency", "chart_performance_radar", "chart_performance_ratios"}


@pytest.mark.parametrize("skipped", [("jittor",), ("torch", "jittor")])
def test_a_skipped_framework_is_drawn_as_absent(tmp_path, skipped):
    inference, training = run.write_run(tmp_path / "run", skipped=skipped, pictures=False)
    comparison.compare(inference, training, tmp_path / "out")
    draw.draw_all(tmp_path / "out" / "comparison.json", tmp_path / "charts")
    for name, chart in read_json(tmp_path / "charts" / "provenance.json")["charts"].items():
        assert "Jittor: skipped, because no C++ compiler was found" in chart["alt"], name


def test_no_ground_truth_no_times_one_clip(tmp_path):
    inference, training = run.write_run(tmp_path / "run", clips={"a": (22.0, 0.6)}, frames=("x",), pictures=True)
    for path in inference:
        frame = dict.fromkeys(("psnr", "ssim", "bicubic_psnr", "bicubic_ssim"))
        (clip,) = read_json(path)["clips"]
        run.edit(path, clips=[{**clip, "frames": [{"name": "x", **frame}]}], gt_digest=None, timing=None)
    comparison.compare(inference, training, tmp_path / "out")
    draw.draw_all(tmp_path / "out" / "comparison.json", tmp_path / "charts")
    charts = read_json(tmp_path / "charts" / "provenance.json")["charts"]
    assert charts["chart_time_breakdown"]["title"].endswith("nothing was timed")


def charts_of(inference: list[Path], folder: Path) -> dict:
    """Draw the charts of altered results; title and alternative text by name."""
    comparison.compare(inference, [], folder / "out")
    draw.draw_all(folder / "out" / "comparison.json", folder / "charts")
    return read_json(folder / "charts" / "provenance.json")["charts"]


SPEED = ("chart_time_performance", "chart_time_breakdown", "chart_efficiency", "chart_quality_vs_speed")


def test_speed_is_not_drawn_across_devices(tmp_path):
    inference, _ = run.write_run(tmp_path / "run")
    for path in inference[::2]:
        run.edit(path, device="NVIDIA H200", device_type="cuda")
    charts = charts_of(inference, tmp_path)
    for name in SPEED:
        assert (
            "Times and memory: skipped, because the two runs differ in device type: torch cuda, jittor cpu"
            in (charts[name]["alt"])
        ), name
        assert not re.search(r"MiB\.|[0-9] m?s |frames per second", charts[name]["alt"]), name
    assert charts["chart_quality_vs_speed"]["title"] == "Quality against time: no comparison of the frameworks"
    assert charts["chart_efficiency"]["title"] == "Speed and memory: no comparison of the frameworks"
    assert charts["chart_time_breakdown"]["title"].endswith("nothing was timed")
    assert charts["chart_performance_radar"]["title"].startswith("Of 2 measures")
    assert "reach the same PSNR" in charts["chart_psnr_comparison"]["title"]


def test_one_unlike_blur_leaves_the_other(tmp_path):
    inference, _ = run.write_run(tmp_path / "run")
    run.edit(inference[1], engine="fast")
    charts = charts_of(inference, tmp_path)
    assert "Jittor, Realistic blur: " in charts["chart_efficiency"]["alt"]
    assert "Gaussian blur: " not in charts["chart_efficiency"]["alt"]
    assert "(Gaussian blur)" in charts["chart_efficiency"]["alt"]
    assert charts["chart_efficiency"]["title"].startswith("In one process each Jittor runs at")


def test_a_single_framework_on_a_gpu_is_drawn(tmp_path):
    inference, _ = run.write_run(tmp_path / "run", skipped=("jittor",), device_type="cuda", pictures=False)
    charts = charts_of(inference, tmp_path)
    timing = read_json(tmp_path / "out" / "comparison.json")["blurs"]["Gaussian"]["timing"]["torch"]
    rate = 1 / timing["synchronised"]["total"]
    words = f"PyTorch, Gaussian blur: {rate:.2f} frames per second, peak memory 812 MiB."
    assert words in charts["chart_efficiency"]["alt"]


def test_another_truth_is_told_and_no_difference_shown(tmp_path):
    inference, _ = run.write_run(tmp_path / "run", gain=3.0)
    for path in inference[1::2]:
        run.edit(path, gt_digest="b8" * 32)
    charts = charts_of(inference, tmp_path)
    assert "no comparison of the frameworks" in charts["chart_psnr_comparison"]["title"]
    assert (
        "Difference in quality: skipped, because the two runs were not judged alike"
        in (charts["chart_psnr_comparison"]["alt"])
    )
    assert "no comparison" in charts["chart_performance_radar"]["title"]


@pytest.mark.parametrize("which", ["some", "all of Jittor", "all"])
def test_frames_identical_to_the_truth(tmp_path, which):
    inference, _ = run.write_run(tmp_path / "run")

    def identical(frame: dict) -> dict:
        if which == "some" and frame["name"] != run.FRAMES[0]:
            return frame
        prefixes = ("", "bicubic_") if which == "all" else ("",)
        changes = {f"{p}{key}": value for p in prefixes
                   for key, value in (("psnr", None), ("ssim", 1.0), ("identical", True))}  # fmt: skip
        return {**frame, **changes}

    for path in inference if which == "all" else inference[1::2]:
        run.edit_frames(path, identical)
    charts = charts_of(inference, tmp_path)
    count = 9 if which == "some" else 36
    for name in NAMES:
        assert f"Jittor: {count} frames equal the truth; their infinite PSNR is left out" in charts[name]["alt"], name
        assert not re.search(r"\b(nan|inf)\b", charts[name]["alt"] + charts[name]["title"]), name
    if which == "some":
        assert charts["chart_psnr_trend"]["title"].startswith("PSNR is infinite in one framework only in 18 frames")
        # The means leave out frames in Jittor alone; what both have is equal.
        assert charts["chart_quality_vs_speed"]["title"].endswith("for the same PSNR")


def slower(found: dict, blur: str, factor: float) -> None:
    """Let Jittor take so many times as long there."""
    jittor, ratio = found["blurs"][blur]["timing"]["jittor"], found["blurs"][blur]["timing"]["ratio"]
    for clock in ("synchronised", "as_reported"):
        for part in jittor[clock]:
            jittor[clock][part] *= factor
            for end in ("value", "low", "high"):
                ratio[clock][part][end] /= factor


@pytest.mark.parametrize("title", [speed.total_title, efficiency.efficiency_title, efficiency.quality_vs_speed_title])
def test_the_titles_of_times_are_of_every_blur(compared, title) -> None:
    found = read_json(compared)
    one = re.search(r"runs at ([\d.]+) times PyTorch's speed", title(found))  # the same in both
    assert one, title(found)
    slower(found, "Gaussian", 6)
    assert f"runs at {float(one[1]) / 6:.3f} (Gaussian blur) and {one[1]} (Realistic blur) times" in title(found)
    slower(found, "Gaussian", 1e4)
    assert "runs at 0.00001" in title(found), "never as nothing"


def test_the_titles_of_parts_and_ratios_are_of_every_blur(compared) -> None:
    found = read_json(compared)
    ratio = found["blurs"]["Gaussian"]["timing"]["ratio"]["synchronised"]["forward"]["value"]
    assert f"by a factor of {1 / ratio:.2f}" in ratios.ratios_title(ratios._ratios(found))
    slower(found, "Gaussian", 2)
    assert f"by a factor of {1 / ratio:.2f} to {2 / ratio:.2f}" in ratios.ratios_title(ratios._ratios(found))
    forward = [1000 * one["timing"]["jittor"]["synchronised"]["forward"] for one in found["blurs"].values()]
    assert f"takes {forward[0] / 1000:.2f} s (Gaussian blur) and {forward[1]:.0f} ms (Realistic blur)" in (
        speed.breakdown_title(found)
    )
    slower(found, "Realistic", 0.4)
    assert "PyTorch is better by a factor of 2.73, but not with every blur" in ratios.ratios_title(
        ratios._ratios(found)
    )
    apart = {"PSNR": {"Gaussian": 1.5, "Realistic": 1 / 1.5}, "SSIM": {"Gaussian": 1.0, "Realistic": 1.0005}}
    assert ratios.ratios_title(apart).endswith("1.50, but not with every blur; level on SSIM"), "no mean hides it"


@pytest.mark.parametrize("end", [1.3, 2.0, 5.0, 11.0, 7e3, 2e5])
def test_the_axis_of_ratios_has_a_few_round_ticks_on_either_side(end: float) -> None:
    ticks = ratios._ticks(end)
    assert 3 <= len(ticks) <= 9 and 1 in ticks and all(1 / end <= tick <= end for tick in ticks)
    least = min(later / earlier for earlier, later in zip(ticks, ticks[1:]))
    assert np.log(least) / np.log(end**2) > 0.04, "labels that do not overlap"


@pytest.mark.parametrize("largest", [0.0, 1.49e-5, 6.6e-4, 0.0123, 0.126, 3.0])
def test_a_tick_stands_where_its_words_say(largest: float) -> None:
    axes = Figure().subplots()
    difference_axis(axes, largest, "")
    low, _, high = axes.get_xticks()
    assert high == -low == float(axes.get_xticklabels()[2].get_text()) <= axes.get_xlim()[1] > largest


NAMED = {f"{'a_very_long_name_of_a_clip' * 3}_{i}_{'$' * 30}": (25.0 + i, 0.7) for i in range(3)}
MANY = {f"clip_{i:03d}": (20.0 + i % 17, 0.7) for i in range(70)}


@pytest.mark.parametrize("clips", [NAMED, MANY], ids=["long names", "many clips"])
def test_charts_of_long_names_and_of_many_clips_can_be_read(tmp_path, clips) -> None:
    """No label leaves the picture, no panel is squeezed, no chart grows with the clips, and data are seen."""
    inference, _ = run.write_run(tmp_path / "run", clips=clips, frames=("x",))
    found = comparison.compare(inference, [], tmp_path / "out")
    for make in (draw.CHARTS[name] for name in NAMES if "psnr" in name):
        with style():
            figure = make(found).figure
            figure.draw_without_rendering()
        width, height = figure.get_size_inches() * figure.dpi
        assert height / figure.dpi < 40
        for axes in figure.axes:
            box = axes.get_position()
            assert box.width * width > 0.5 * figure.dpi and box.height * height > 0.3 * figure.dpi
            for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
                at = label.get_window_extent()
                named = label.get_text() in (*labels(list(clips)), "filmed, by scene")
                assert not named or (at.x0 >= 0 and at.y0 >= 0 and at.x1 <= width), label.get_text()
        assert any(line.get_markersize() and line.get_marker() != "None" for line in figure.axes[0].lines)


def test_names_that_are_cut_are_not_alike() -> None:
    shown = labels([f"{'a' * 30}{i}{'b' * 30}" for i in range(3)] + ["short", "c$"])
    assert len(set(shown)) == 5 and shown[3:] == ["short", r"c\$"] and max(map(len, shown)) <= LONGEST + 4


def test_a_missing_comparison_is_told(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        draw.draw_all(tmp_path / "comparison.json", tmp_path)


def test_methods_and_parts_differ_in_grey():
    def grey(color: str) -> float:
        return float(np.dot([int(color[i : i + 2], 16) for i in (1, 3, 5)], [0.299, 0.587, 0.114]))

    parts = sorted(grey(color) for _, color, _ in PARTS.values())
    assert min(np.diff(parts)) > 25
    assert len({look.marker for look in LOOKS.values()}) == len({look.line for look in LOOKS.values()}) == len(LOOKS)
    assert len({hatch for _, _, hatch in PARTS.values()}) == len(PARTS)


def test_pyplot_stays_out():
    script = (
        "import sys, vsrlib.report.charts.draw;sys.exit('matplotlib.pyplot' in sys.modules or 'IPython' in sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(draw.__file__).parents[3])}
    assert subprocess.run([sys.executable, "-c", script], env=environment).returncode == 0


# Pictures for notebooks


def shown(picture: Chart | Page) -> str:
    html = picture._repr_html_()
    for image in re.findall(r"<img [^>]*>", html):
        assert re.search(r'alt="[^"]+"', image) and 'src="data:image/' in image
    return html


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)


def test_a_chart_shows_itself():
    chart = Chart(Figure(figsize=(2, 1)), "a <1>", "And more.")
    assert "a &lt;1&gt;. And more." in shown(chart) and repr(chart) == "<chart: a <1>. And more.>"
    with pytest.raises(ValueError, match="alternative text"):
        Chart(chart.figure, " ")


def test_details_show_the_same_part_of_every_image():
    truth = np.zeros((64, 96, 3), np.uint8)
    truth[24:40, 48:72] = noise(16, 24)
    box = most_detailed(truth)
    small, large = details({"input": truth[::4, ::4], "truth": truth}, box, "a clip")
    assert np.array_equal(small.picture, large.picture[::4, ::4])
    assert (large.picture == truth[24:40, 48:72][0, 0]).all(axis=2).any(), "the detail holds what is detailed"
    assert small.alt.startswith("input: the 32 x 20 pixels from column") and small.alt.endswith("of a clip")
    with pytest.raises(ValueError, match="whole part"):
        details({"input": truth[:20], "truth": truth}, box, "a clip")


def test_training_curves_of_both_and_of_one(tmp_path):
    _, training = run.write_run(tmp_path / "both", pictures=False)
    assert "differ by" in loss_curves(training).alt
    _, training = run.write_run(tmp_path / "one", skipped=("jittor",), pictures=False)
    alone = loss_curves(training)
    assert "falls by" in alone.alt and "Jittor, Gaussian: skipped, because no C++ compiler was found" in alone.alt
    shown(loss_curves(training[1:2]))
    write_json(training[1], read_json(training[1]) | {"precision": "bfloat16"})
    shown(loss_curves(training[1:2]))  # which no comparison takes
    with pytest.raises(UserError, match="no training"):
        loss_curves([])


def test_trajectories_are_told_in_words_whether_they_are_finite_or_not():
    result = read_json(PROJECT_ROOT / "figures" / "results" / "06_prove_parity" / "parity.json")
    losses = result["trajectories"]["losses"]
    steps, side = len(losses["reference"]), abs(losses["other"][-1] / losses["reference"][-1] - 1)
    words = f"After {steps} steps Jittor's loss differs by {max(side, 1e-9):.1e}, the control's by up to"
    assert words in parity.trajectories(result).alt
    for name in ("reference", "other"):
        broken = {**result["trajectories"], "losses": {**losses, name: [*losses[name][:-1], None]}}
        chart = parity.trajectories({**result, "trajectories": broken})
        assert chart.alt.endswith(f"After {steps} steps a loss is no longer finite.")
        shown(chart)


def test_training_curves_of_unlike_trainings_say_no_difference(tmp_path):
    """As the comparison says none; and one that stopped early took the steps of its log."""
    _, training = run.write_run(tmp_path / "both", pictures=False)
    for path in training[1::2]:
        write_json(path, read_json(path) | {"ema": 0.5})
    chart = loss_curves(training)
    assert chart.title == "The losses of trainings that were not the same" and "differ by" not in chart.alt
    log = training[0].parent / "log.jsonl"
    lines = log.read_text().splitlines(keepends=True)
    log.write_text("".join(lines[:7]))
    write_json(training[0], read_json(training[0]) | {"stopped_early": True})
    assert loss_curves(training[:1]).title.endswith("in 7 steps")
    assert "in 7 steps." in loss_curves(training[:1]).alt and f"in {len(lines)} steps." in chart.alt


def test_training_curves_of_three_name_them_in_order_and_the_largest_difference(tmp_path):
    three = ("paddle", "torch", "jittor")
    _, training = run.write_run(tmp_path / "three", pictures=False, frameworks=three)
    chart = loss_curves(training)
    assert chart.title.startswith("The smoothed losses of PyTorch, Jittor and PaddlePaddle differ by 0.")
    log = training[0].parent / "log.jsonl"
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    log.write_text("".join(json.dumps({**line, "total": 1.5 * line["total"]}) + "\n" for line in lines))
    assert re.search(r"differ by (49|50)\.", loss_curves(training).title)


def test_a_data_set_is_shown(tmp_path):
    for index in range(5):
        write_frame(tmp_path / "HR" / "clip" / f"{index:08d}.png", noise(64, 80, index))
    degrade_clips(tmp_path / "HR", tmp_path / "set", "Gaussian", 0)
    page = look.show_set(tmp_path / "set")
    assert re.findall(r"<figcaption>([^<]*)", shown(page)) == ["HR, 80 x 64", "LR, 20 x 16", "kernel, 9 x 9"]
    assert "clip clip of set, frame 00000002" in page.text and "largest weight" in page.text
    with pytest.raises(UserError, match="no clip other"):
        write_frame(tmp_path / "set" / "HR" / "second" / "00000000.png", noise(64, 80))
        look.show_set(tmp_path / "set", "other")


def test_all_charts_on_one_page(drawn):
    html = shown(draw.show_all(drawn))
    assert html.count("<img") == len(NAMES) and "image/svg+xml" in html


def test_charts_of_an_ablation_say_over_how_many_and_speak_of_no_interval_that_they_lack() -> None:
    from vsrlib.report.charts import ablation  # which imports PyTorch

    found = read_json(PROJECT_ROOT / "figures" / "experiments" / "ablation" / "ablation.json")

    def words(chart: Chart) -> str:
        return " ".join(" ".join(text.get_text() for text in chart.figure.texts).split())

    assert "mean over 36 scenes; in the title the mean of the blur types" in words(ablation.rings(found))
    assert "bootstrap intervals over the scenes" in words(ablation.effects(found))
    for one in found["effects"]:
        one["effect"] |= {"low": None, "high": None}
    assert "bootstrap intervals" not in words(ablation.effects(found))
