"""The curves of a training, as the notebook draws them while it runs."""

from pathlib import Path

import pytest

from vsrlib.report.charts.training import LiveCurves, save_curves, training_curves

LOG = [{"step": step, "total": 1 / step} for step in range(1, 41)]
SCORES = [{"step": 0, "psnr": 20.0}, {"step": 20, "psnr": None}, {"step": 40, "psnr": 27.5}]


def test_the_words_and_points_are_those_of_the_training() -> None:
    picture = training_curves(LOG, SCORES, 26.0, "torch", "Gaussian blur")
    assert picture.alt == "PyTorch, Gaussian blur: step 40, best validation 27.50 dB (bicubic 26.00 dB)."
    loss, psnr = picture.figure.axes
    assert list(loss.lines[0].get_ydata()) == [entry["total"] for entry in LOG]
    assert list(psnr.lines[0].get_xdata()) == [0, 40] and list(psnr.lines[1].get_ydata()) == [26.0, 26.0]
    assert picture.png().startswith(b"\x89PNG")


def test_the_mark_of_the_highest_validation_is_drawn_whole() -> None:
    """Where the gain is many times a mark's height, the panel's edge ran through it."""
    judged = [{"step": step, "psnr": psnr} for step, psnr in ((0, 27.84), (20, 28.25), (40, 28.47))]
    figure = training_curves(LOG, judged, 26.02, "torch", "Realistic blur").figure
    figure.canvas.draw()
    panel = figure.axes[1]
    line, box = panel.lines[0], panel.get_window_extent()
    radius = line.get_markersize() / 2 * figure.dpi / 72
    tops = panel.transData.transform(line.get_xydata())[:, 1] + radius
    assert max(tops) < box.y1


def test_before_the_first_step_there_is_only_the_first_validation() -> None:
    assert training_curves([], SCORES[:1], 26.0, "torch", "Gaussian blur").alt.startswith(
        "PyTorch, Gaussian blur: step 0, best validation 20.00 dB"
    )
    assert (
        training_curves([], [{"step": 0, "psnr": None}], 26.0, "torch", "Gaussian blur").alt
        == "PyTorch, Gaussian blur: step 0."
    )


def test_each_framework_has_its_name_and_its_colour() -> None:
    torch, jittor = (training_curves(LOG, SCORES, 26.0, framework, "x") for framework in ("torch", "jittor"))
    assert torch.alt.startswith("PyTorch, x") and jittor.alt.startswith("Jittor, x")
    assert torch.figure.axes[0].lines[1].get_color() != jittor.figure.axes[0].lines[1].get_color()


def test_they_are_drawn_in_one_place(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[tuple[str, str]] = []

    class Place:
        def update(self, picture) -> None:
            shown.append(("update", picture.alt))

    def display(picture, display_id: bool) -> Place:
        shown.append(("first", picture.alt))
        return Place()

    monkeypatch.setattr("IPython.display.display", display)
    live = LiveCurves("torch", "Gaussian blur")
    for steps in (0, 20, 40):
        live(LOG[:steps], SCORES[:1], 26.0)
    assert [kind for kind, _ in shown] == ["first", "update", "update"] and "step 40" in shown[-1][1]


def test_a_training_calls_it_after_every_validation(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from training_fixture import make_clips, run

    seen = []
    run(
        "torch",
        make_clips(tmp_path / "clips"),
        tmp_path / "run",
        steps=4,
        validate_every=2,
        watch=lambda log, scores, bicubic: seen.append((len(log), [entry["step"] for entry in scores], bicubic)),
    )
    assert [entry[:2] for entry in seen] == [(0, [0]), (2, [0, 2]), (4, [0, 2, 4])]
    svg, png = save_curves(tmp_path / "run")
    assert "PyTorch, Gaussian blur, self-supervised: step 4" in svg.read_text() and png.name == "curves.png"
