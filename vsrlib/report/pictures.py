"""Pictures for notebooks, drawn from result files; those of plain arrays come from vsrlib.report.panels.

Each function returns something that shows itself as a cell's last expression and carries alternative text.
"""

from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from vsrlib.claims import agreement, results
from vsrlib.claims.results import is_skipped
from vsrlib.common.errors import UserError
from vsrlib.common.files import read_json
from vsrlib.common.names import NAMES
from vsrlib.data.blur_kernels import kernel_picture
from vsrlib.data.clips import ClipSource, list_clips
from vsrlib.data.degradation import bicubic_on_grid
from vsrlib.data.frames import read_frame
from vsrlib.data.sets.tree import read_kernel
from vsrlib.report.charts.style import LOOKS, canvas, key, style
from vsrlib.report.html import Page, image_html
from vsrlib.report.panels import Picture, show_crops, show_frames


def show_set(set_folder: Path, clip: str | None = None) -> Picture:
    """The middle frame of one clip of a data set: HR frame, LR frame (enlarged) and the blur kernel between them.

    `set_folder` holds HR, LR_blurdown_x4 and kernel; `clip` None is the first one.
    """
    set_folder = Path(set_folder)
    sharp = _clip(set_folder / "HR", clip)
    blurred = _clip(set_folder / "LR_blurdown_x4", sharp.name)
    middle = len(sharp) // 2
    high, low = _frame(sharp, middle), _frame(blurred, middle)
    kernel = read_kernel(set_folder / "kernel" / sharp.name / f"{sharp.frame_names[middle]}.mat")
    # Repeated to three channels, the kernel lies beside the frames as one of them.
    grey = kernel_picture(kernel)
    size = "{0[1]} x {0[0]}"
    titles = [f"HR, {size.format(high.shape)}", f"LR, {size.format(low.shape)}", f"kernel, {size.format(kernel.shape)}"]
    alt = (
        f"Clip {sharp.name} of {set_folder.name}, frame {sharp.frame_names[middle]}: the sharp frame, the blurred "
        f"frame of a quarter of its size, and the blur kernel, dark = large, largest weight {kernel.max():.3g}."
    )
    return show_frames(dict(zip(titles, (high, low, grey), strict=True)), alt)


def show_training(training_files: Sequence[Path]) -> Picture:
    """Loss curves of train.json files, one panel per blur type: every step thin, the sliding mean thick.

    A skipped training is named with its reason.
    """
    runs = results.collect(training_files, Path(), results.TRAINING_FIELDS)
    if not runs:
        raise UserError("There is no training to show; run the training first.")
    notes = [f"{NAMES[f]}, {blur}: skipped, {run['skipped']}" for (f, blur), run in runs.items() if is_skipped(run)]
    done = {name: run for name, run in runs.items() if not is_skipped(run)}
    losses = {name: agreement.read_losses(Path(run["file"]).parent / run["log"]) for name, run in done.items()}
    blurs = list(dict.fromkeys(blur for _, blur in done))
    title, spoken = _training_words(done, losses)
    with style():
        present = [f for f in NAMES if any(f == framework for framework, _ in done)]
        figure, panels = canvas(title, [2.2] * len(blurs) or [0.4], key(present, line=True), notes,
                                "Thin: every step; thick: mean over a tenth of the steps." if done else "")  # fmt: skip
        for axes, blur in zip(panels, blurs, strict=False):
            for framework in present:
                if (framework, blur) in losses:
                    _draw_losses(axes, losses[framework, blur], framework)
            axes.set_title(f"{blur} blur", loc="left")
            axes.set_ylabel("total loss")
            axes.set_ylim(bottom=0)
        panels[-1].set_xlabel("step")
        if not done:
            panels[0].set_axis_off()
    return Picture(figure, " ".join([f"{title}.", *spoken, *(f"{note}." for note in notes)]))


def show_inference(
    inference_file: Path, input_path: Path, gt_path: Path | None = None,
    clip: str | None = None, frame: str | None = None,
) -> Picture | Page:  # fmt: skip
    """The same detail of the input, of bicubic, of the result and, where known, of the truth, with PSNR over the frame.

    `clip` and `frame` None are the first clip and its middle result. A skipped inference gives its reason in words.
    """
    record = read_json(inference_file)
    if is_skipped(record):
        words = f"{NAMES.get(record.get('framework'), 'This framework')}: skipped, {record['skipped']}"
        return Page(f"<p>{escape(words)}</p>", words)
    found = _named(record["clips"], clip, "clip", inference_file)
    middle = found["frames"][len(found["frames"]) // 2]["name"]
    shown = _named(found["frames"], frame or middle, "frame", inference_file)
    stem = shown["name"].removesuffix(".png")
    low = _frame_named(_clip(input_path, found["name"]), stem)
    result = read_frame(Path(inference_file).parent / record["images"] / found["name"] / f"{stem}.png")
    images = {
        f"input, {low.shape[1]} x {low.shape[0]}": low,
        f"bicubic{_decibels(shown, 'bicubic_')}": bicubic_on_grid(low),
        f"{NAMES[record['framework']]}{_decibels(shown)}": result,
    }
    if gt_path is not None:
        images["truth"] = _frame_named(_clip(gt_path, found["name"]), stem)[: result.shape[0], : result.shape[1]]
    alt = (
        f"Clip {found['name']}, frame {stem}, {record['blur']} blur; the same detail of {'; '.join(images)}. "
        "PSNR is over the whole frame."
    )
    return show_crops(images, alt=alt)


def show_charts(folder: Path) -> Page:
    """All charts that vsrlib.report.charts.draw.draw_all wrote into `folder`, with their alternative texts."""
    charts = read_json(Path(folder) / "provenance.json")["charts"]
    blocks = [
        f"<p>{image_html('image/svg+xml', (Path(folder) / f'{name}.svg').read_bytes(), chart['alt'], 560)}</p>"
        for name, chart in charts.items()
    ]
    return Page("\n".join(blocks), "\n".join(f"{name}: {chart['alt']}" for name, chart in charts.items()))


def _draw_losses(axes: Axes, losses: dict[int, float], framework: str) -> None:
    steps, values = np.array(sorted(losses)), np.array([losses[step] for step in sorted(losses)])
    window = agreement.smoothing_window(len(values))
    look = LOOKS[framework]
    # PyTorch wide below, Jittor narrow above, so that both show where they coincide.
    width = 4.0 if framework == "torch" else 1.6
    axes.plot(steps, values, color=look.color, linewidth=0.6, alpha=0.6)
    centre = steps[window - 1 :] - (window - 1) / 2
    axes.plot(centre, agreement.smooth(values, window), color=look.color, linewidth=width, linestyle=look.line)


def _training_words(done: dict, losses: dict) -> tuple[str, list[str]]:
    spoken = [
        f"{NAMES[f]}, {blur} blur: total loss from {run['first_loss']:.4g} to {run['last_loss']:.4g} "
        f"in {run['steps']} steps."
        for (f, blur), run in done.items()
    ]
    both = [blur for f, blur in done if f == "torch" and ("jittor", blur) in done]
    if both:
        pairs = [agreement.compare_losses(losses["torch", blur], losses["jittor", blur]) for blur in both]
        largest = max(pair["smoothed"]["largest"] for pair in pairs)
        return f"The smoothed losses of PyTorch and Jittor differ by {largest:.2%} at most", spoken
    if done:
        run = next(iter(done.values()))
        change = run["last_loss"] / run["first_loss"] - 1
        return f"The loss {'falls' if change < 0 else 'rises'} by {abs(change):.0%} in {run['steps']} steps", spoken
    return "No training was run", spoken


def _clip(root: Path, name: str | None) -> ClipSource:
    sources = list_clips(root)
    for source in sources:
        if name is None or source.name == name or len(sources) == 1:
            return source
    raise UserError(f"{root} holds no clip {name}; it has {', '.join(source.name for source in sources)}.")


def _frame(source: ClipSource, index: int) -> np.ndarray:
    return source.load().frames[index] if source.video else read_frame(source.paths[index])


def _frame_named(source: ClipSource, name: str) -> np.ndarray:
    if name not in source.frame_names:
        raise UserError(f"Clip {source.name} has no frame {name}; give the frames that the result was computed from.")
    return _frame(source, source.frame_names.index(name))


def _named(entries: list[dict], name: str | None, what: str, file: Path) -> dict:
    for entry in entries:
        if name in (None, entry["name"]):
            return entry
    raise UserError(f"{file} has no {what} {name}; it has {', '.join(entry['name'] for entry in entries)}.")


def _decibels(frame: dict, prefix: str = "") -> str:
    if frame.get(f"{prefix}identical"):
        return ", equal to the truth"
    psnr = frame[f"{prefix}psnr"]
    return "" if psnr is None else f", {psnr:.2f} dB"
