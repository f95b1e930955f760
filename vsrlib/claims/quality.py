"""Quality of two frameworks by scene: means, the paired difference and the gain over bicubic upsampling.

Filmed scenes and made clips stand apart, and the filmed ones decide. What is drawn anew is a scene: frames of a clip
are alike, and so are clips of one scene.
"""

from collections.abc import Callable, Iterator

import numpy as np

from vsrlib.claims.results import is_skipped, unlike_fields, why_not_both
from vsrlib.common.names import FILMED, KINDS, MADE, NAMES
from vsrlib.common.numbers import by_group, mean_interval

SCENE = "scene"
METRICS = ("psnr", "ssim")
SAME_SCORE = 1e-6
"""dB or SSIM: how far two computations of one bicubic score may lie apart; more is another frame or another truth."""


def of_runs(runs: dict[str, dict], rng: np.random.Generator) -> dict:
    """{"clips", "filmed", "made"} of the two runs of one blur type, by framework, the one to compare with first.

    Each clip has its name, scene, kind, number of frames and means by method; each kind "total" (means over its
    scenes), "difference" (the second minus the first, paired by frame) and "gain_over_bicubic", or why there is none
    of it. A frame identical to the truth has an infinite PSNR: it is left out of what is computed from PSNR, and
    counted.
    """
    methods = {f: (run, "") for f, run in runs.items() if not is_skipped(run)}
    if not methods:
        return {"clips": [], **{kind: {"skipped": why_not_both(runs)} for kind in KINDS}}
    any_run = next(iter(methods.values()))[0]
    methods["bicubic"] = (any_run, "bicubic_")
    clips = []
    for clip in any_run["clips"]:
        name = clip["name"]
        means = {method: _means(list(frames_of(run, name)), prefix) for method, (run, prefix) in methods.items()}
        clips.append({**{key: clip[key] for key in ("name", "scene", "kind")}, "frames": len(clip["frames"]), **means})
    unfit = _why_no_difference(runs)
    return {"clips": clips, **{kind: _of_kind(kind, clips, runs, unfit, rng) for kind in KINDS}}


def decisive(found: dict) -> str:
    """The kind of clips that a quality's headlines are about: filmed, or made where nothing was filmed."""
    return MADE if is_skipped(found[FILMED]) and not is_skipped(found[MADE]) else FILMED


def totals_of(found: dict) -> dict:
    """The means over the scenes of the decisive kind, by method; {} where nothing was measured."""
    return found[decisive(found)].get("total", {})


def difference_of(found: dict, kind: str | None = None) -> dict:
    """The difference of the frameworks on a kind of clips, by default the decisive one, or {"skipped": why}."""
    section = found[kind or decisive(found)]
    return section if is_skipped(section) else section["difference"]


def gains_of(found: dict, kind: str | None = None) -> dict:
    """The gain over bicubic by framework on a kind of clips, by default the decisive one; {} where there is none."""
    return found[kind or decisive(found)].get("gain_over_bicubic", {})


def identical_in(found: dict) -> dict[str, int]:
    """How many frames of each method equal the truth, of those methods of which any does."""
    counts: dict[str, int] = {}
    for clip in found["clips"]:
        for method in ("bicubic", *NAMES):
            counts[method] = counts.get(method, 0) + clip.get(method, {}).get("identical", 0)
    return {method: count for method, count in counts.items() if count}


def frames_of(run: dict, clip: str | None = None) -> Iterator[dict]:
    """Frames of one clip or of all, in order, each with the name of its "clip"."""
    for one in run["clips"]:
        if clip in (None, one["name"]):
            yield from ({"clip": one["name"], **frame} for frame in one["frames"])


def pair_frames(runs: dict) -> Iterator[tuple[dict, dict]]:
    """Frames that both frameworks have, (first, second), in order."""
    first, second = runs.values()
    clips = {clip["name"]: clip["frames"] for clip in second["clips"]}
    for clip in first["clips"]:
        name = {"clip": clip["name"]}
        others = {frame["name"]: frame for frame in clips.get(clip["name"], [])}
        yield from ((name | frame, name | others[frame["name"]]) for frame in clip["frames"] if frame["name"] in others)


def _of_kind(kind: str, clips: list[dict], runs: dict, unfit: str | None, rng: np.random.Generator) -> dict:
    scenes = {clip["name"]: clip["scene"] for clip in clips if clip["kind"] == kind}
    if not scenes:
        return {"skipped": f"because no clip is {kind}"}
    ours = [clip for clip in clips if clip["name"] in scenes]
    measured = {f: run for f, run in runs.items() if not is_skipped(run)}
    return {
        "total": {
            "scenes": len(set(scenes.values())),
            "frames": sum(clip["frames"] for clip in ours),
            **{method: _over_scenes(ours, method) for method in (*measured, "bicubic")},
        },
        "difference": {"skipped": unfit} if unfit else _paired_difference(runs, scenes, rng),
        "gain_over_bicubic": {
            framework: {metric: _gain(run, metric, scenes, rng) for metric in METRICS}
            for framework, run in measured.items()
        },
    }


def _means(frames: list[dict], prefix: str) -> dict:
    means: dict = {"identical": sum(frame.get(f"{prefix}identical", False) for frame in frames)}
    for metric in METRICS:
        values = [frame[prefix + metric] for frame in frames if frame[prefix + metric] is not None]
        means[metric] = float(np.mean(values)) if values else None
    return means


def _over_scenes(clips: list[dict], method: str) -> dict:
    means: dict = {"identical": sum(clip[method]["identical"] for clip in clips)}
    for metric in METRICS:
        known = [clip for clip in clips if clip[method][metric] is not None]
        scenes = by_group([clip[method][metric] for clip in known], [clip["scene"] for clip in known])
        means[metric] = float(np.mean(list(scenes.values()))) if scenes else None
    return means


def _interval(values: list[tuple[str, float]], scenes: dict[str, str], rng: np.random.Generator) -> dict:
    """The mean over scenes of values (clip, value of a frame): first of each clip's frames, then of a scene's clips."""
    clips = by_group([value for _, value in values], [clip for clip, _ in values])
    return mean_interval(list(clips.values()), rng, SCENE, [scenes[clip] for clip in clips])


def _gain(run: dict, metric: str, scenes: dict[str, str], rng: np.random.Generator) -> dict:
    both = [(one["clip"], one[metric], one[f"bicubic_{metric}"]) for one in frames_of(run) if one["clip"] in scenes]
    known = [(clip, own - other) for clip, own, other in both if own is not None and other is not None]
    return _interval(known, scenes, rng)


def _paired_difference(runs: dict[str, dict], scenes: dict[str, str], rng: np.random.Generator) -> dict:
    psnr, ssim, infinite, left_out_in_one = [], [], 0, 0
    for first, second in _judged(runs, lambda clip: clip in scenes):
        ssim.append((first["clip"], second["ssim"] - first["ssim"]))
        unknown = (first["psnr"] is None) + (second["psnr"] is None)
        infinite += unknown > 0
        left_out_in_one += unknown == 1
        if not unknown:
            psnr.append((first["clip"], second["psnr"] - first["psnr"]))
    if not ssim:
        return {"skipped": "because there is no ground truth for frames that both have"}
    return {
        "psnr": _interval(psnr, scenes, rng),
        "ssim": _interval(ssim, scenes, rng),
        # Frames whose PSNR is infinite in either framework, and of these the ones in which it is so in one only.
        "left_out": infinite,
        "left_out_in_one": left_out_in_one,
    }


def _judged(runs: dict[str, dict], wanted: Callable[[str], bool] = lambda clip: True) -> Iterator[tuple[dict, dict]]:
    """The pairs of frames of the wanted clips that have a truth: there SSIM is finite, PSNR not always."""
    for first, second in pair_frames(runs):
        if wanted(first["clip"]) and first["ssim"] is not None and second["ssim"] is not None:
            yield first, second


def _why_no_difference(runs: dict[str, dict]) -> str | None:
    """Why the two runs say nothing of each other's quality, whatever the kind of clips; None if they do."""
    reason = why_not_both(runs)
    if reason:
        return reason
    differing = unlike_fields(runs, ("input_digest", "gt_digest", "sampling"))
    if differing:
        return f"because the two runs were not judged alike: {'; '.join(differing)}"
    unlike = [f"{one['clip']}/{one['name']}" for one, other in _judged(runs) if not _same_bicubic(one, other)]
    if unlike:
        words = f"{len(unlike)} of {sum(1 for _ in _judged(runs))} frames, the first of them {unlike[0]}"
        return f"because the runs were not judged alike: the scores of bicubic differ in {words}"
    return None


def _same_bicubic(first: dict, second: dict) -> bool:
    """Whether bicubic, which is the same in both, has the same scores in both."""
    scores = [(first[name], second[name]) for name in ("bicubic_psnr", "bicubic_ssim")]
    return all(a == b if a is None or b is None else abs(a - b) <= SAME_SCORE for a, b in scores)
