"""Puts the result files of one run beside each other: quality, outputs, time, memory and training.

The frameworks are compared within one blur type. A framework that was skipped stays in every section
as {"skipped": "because ..."}; so does a comparison that the files do not allow.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vsrlib.claims import agreement, comparison_table, results
from vsrlib.claims.quality import difference_of, of_runs, pair_frames
from vsrlib.claims.results import (
    RUN_FIELDS,
    TRAINING_FIELDS,
    is_skipped,
    unlike_fields,
    unlike_trainings,
    why_not_both,
)
from vsrlib.common import provenance
from vsrlib.common.errors import UserError
from vsrlib.common.files import atomic_path, located, relative, require_folder, sha256_file, write_json
from vsrlib.common.names import BLURS, FRAMEWORKS, KINDS, NAMES
from vsrlib.common.numbers import DRAWS, LEVEL, ratio_spread, spread
from vsrlib.restoration.loop import FRAMES

PARTS = ("pre", "forward", "post")
PROTOCOLS = ("synchronised", "as_reported")


def compare(
    inference_files: Sequence[Path],
    training_files: Sequence[Path],
    output: Path,
    seed: int = 0,
    source: str | None = None,
    published: Path | None = None,
) -> dict:
    """Compare the frameworks from the inference.json and train.json files of one run.

    Writes comparison.json and comparison.md (the same as tables) into the folder `output` and returns the former:
    "blurs": {blur: {"runs", "quality", "outputs", "timing"}}, "training": {blur: {framework, "agreement"}},
    "statistics" (bootstrap: draws, level, seed), "inputs" (path relative to `output`, sha256), "source" (where the
    results were measured, in words, if said) and "provenance".
    Times are seconds per frame, PSNR dB, memory MiB, differences Jittor minus PyTorch. What was not measured under
    the same conditions in both is not compared, but {"skipped": "because ..."}, which names what differs.
    `seed` starts the bootstrap's random numbers. `published`: an earlier comparison of the same files, which says how
    far the pictures differ where they are not kept. UserError: a file that is missing, damaged or given twice, or
    `published` was made from other files.
    """
    output = Path(output)
    require_folder(output)
    results.require_comparable([*inference_files, *training_files])
    runs = results.collect(inference_files, output, RUN_FIELDS)
    results.require_scenes(runs)
    trainings = results.collect(training_files, output, TRAINING_FIELDS)
    if not runs:
        raise UserError("There is no inference result to compare; run the inference first.")
    known = {} if published is None else published_outputs(published, inference_files)
    result = {
        **of_pair(runs, trainings, output, np.random.default_rng(seed), known),
        "statistics": statistics(seed),
        "inputs": inputs((*inference_files, *training_files), output),
        **({} if source is None else {"source": source}),
        "provenance": provenance.collect(seed=seed),
    }
    write_json(output / "comparison.json", result)
    with atomic_path(output / "comparison.md") as temporary:
        temporary.write_text(comparison_table.table(result), encoding="utf-8")
    return result


def of_pair(
    runs: dict,
    trainings: dict,
    output: Path,
    rng: np.random.Generator,
    known: Mapping[str, dict],
    frameworks: Sequence[str] = FRAMEWORKS,
) -> dict[str, Any]:
    """{"blurs", "training"} of two of the frameworks whose results were collected, the one to compare with first.

    known: blur -> how far the pictures differ, where they are not kept.
    """
    return {
        "blurs": {
            blur: _compare_runs(results.pair(runs, blur, frameworks), output, rng, known.get(blur))
            for blur in BLURS
            if results.given(runs, blur)
        },
        "training": {
            blur: _compare_training(results.pair(trainings, blur, frameworks), output)
            for blur in BLURS
            if results.given(trainings, blur)
        },
    }


def why_nothing(comparison: dict) -> str | None:
    """Why a comparison sets nothing of one framework against the other; None where it does, in whatever part."""
    parts: list[dict] = []
    for blur in comparison["blurs"].values():
        parts += [blur["outputs"], blur["timing"]["ratio"], *(difference_of(blur["quality"], kind) for kind in KINDS)]
    parts += [training["agreement"] for training in comparison["training"].values()]
    return parts[0]["skipped"] if all(map(is_skipped, parts)) else None


def statistics(seed: int) -> dict[str, Any]:
    """How the intervals were drawn."""
    return {"method": "expanded percentile bootstrap", "draws": DRAWS, "level": LEVEL, "seed": seed}


def inputs(files: Sequence[Path], output: Path) -> list[dict[str, str]]:
    """The files that a result in `output` was made from."""
    return [{"path": relative(path, output), "sha256": sha256_file(path)} for path in files]


# Inference


def published_outputs(published: Path, inference_files: Sequence[Path]) -> dict[str, dict]:
    """What a published comparison of the same inference says of the pictures, by blur."""
    comparison = results.read_comparison(published)
    digests = {one["sha256"] for one in comparison["inputs"]}
    for file in inference_files:
        if sha256_file(file) not in digests:
            raise UserError(f"{published} was not made from {file}; publish the run again.")
    return {blur: found["outputs"] for blur, found in comparison["blurs"].items()}


def _compare_runs(runs: dict[str, dict], output: Path, rng: np.random.Generator, known: dict | None) -> dict:
    return {
        "runs": runs,
        "quality": of_runs(runs, rng),
        "outputs": known or _outputs(runs, output),
        "timing": _timing(runs),
    }


def _outputs(runs: dict[str, dict], output: Path) -> dict:
    """Differences of the written pictures; only runs with the same weights, input and sampling are compared."""
    reason = why_not_both(runs)
    if reason:
        return {"same_weights": None, "same_input": None, "differs": [], "skipped": reason}
    first, second = runs.values()
    weights = unlike_fields({f: {"weights": _weights(run)} for f, run in runs.items()}, ["weights"])
    frames = unlike_fields(runs, ["input_digest"])
    same_weights, same_input = not weights, not frames
    placing = unlike_fields(runs, ["sampling"])
    conditions = ("set", "preset", "engine", "border", "tile", "convolution", "device_type", "threads")
    differs = [*weights, *frames, *placing, *unlike_fields(runs, conditions)]
    found: dict[str, Any] = {"same_weights": same_weights, "same_input": same_input, "differs": differs}
    if not (same_weights and same_input):
        return {**found, "skipped": f"because weights and input are not the same: {'; '.join(differs)}"}
    if placing:  # the one's pixels lie 1.5 beside the other's
        return {**found, "skipped": f"because the pictures do not show the same places: {'; '.join(placing)}"}
    videos = [NAMES[f] for f, run in runs.items() if run["images"] != FRAMES]
    if videos:
        words = " and ".join(videos)
        return {**found, "skipped": f"because the frames of {words} were written into a video, which has no pictures"}
    common = sum(1 for _ in pair_frames(runs))
    if not common:
        return {**found, "skipped": "because the two runs have no frame in common"}
    left_out = max(sum(len(clip["frames"]) for clip in run["clips"]) for run in (first, second)) - common
    if left_out:
        found["differs"].append(f"{left_out} frames are in one run only")
    pictures = ((_picture(first, a, output), _picture(second, b, output)) for a, b in pair_frames(runs))
    return {**found, **agreement.compare_images(pictures)}


def _weights(run: dict) -> str:
    """What tells the values of two networks apart: the file's digest, or for drawn values preset and seed."""
    return run["weights"]["sha256"] or f"{run['preset']} network, {run['weights']['path']}"


def _picture(run: dict, frame: dict, output: Path) -> Path:
    name = frame["name"] if frame["name"].endswith(".png") else f"{frame['name']}.png"
    return located(run["file"], output).parent / run["images"] / frame["clip"] / name


def _timing(runs: dict[str, dict]) -> dict:
    """Median seconds per frame by part, the share of post, and the ratios first / second, in both protocols.

    With the spread of the repeats, no interval: each framework's were taken in one process.
    """
    timing: dict = {framework: _medians(run) for framework, run in runs.items()}
    reason = why_not_both(timing) or results.why_not_alike(runs)
    if reason:
        return {**timing, "ratio": {"skipped": reason}}
    first, second = ({p: with_total(run["timing"][p]) for p in PROTOCOLS} for run in runs.values())
    ratio = {
        protocol: {part: ratio_spread(first[protocol][part], second[protocol][part]) for part in (*PARTS, "total")}
        for protocol in PROTOCOLS
    }
    return {**timing, "ratio": ratio}


def with_total(seconds: dict) -> dict[str, np.ndarray]:
    """Repeats per part as arrays (repeats,), with their sum as "total"."""
    parts = {part: np.asarray(seconds[part], np.float64) for part in PARTS}
    return {**parts, "total": sum(parts.values(), np.zeros(1))}


def _medians(run: dict) -> dict:
    if is_skipped(run):
        return {"skipped": run["skipped"]}
    if not run["timing"]:
        return {"skipped": "because its times were not measured (timing repeats 0)"}
    seconds = {protocol: with_total(run["timing"][protocol]) for protocol in PROTOCOLS}
    medians = {p: {part: float(np.median(values)) for part, values in seconds[p].items()} for p in PROTOCOLS}
    true, reported = medians["synchronised"], medians["as_reported"]
    return {
        **medians,
        "repeats": run["timing"]["repeats"],
        "warm_up_seconds": run["warm_up_seconds"],
        "post_share": {p: spread(seconds[p]["post"] / seconds[p]["total"]) for p in PROTOCOLS},
        # Of the forward pass's true time: the share that the unsynchronised clock does not see in "forward",
        # and the share by which its "post" is longer than true post-processing.
        "forward_unseen_share": (true["forward"] - reported["forward"]) / true["forward"],
        "forward_billed_to_post_share": (reported["post"] - true["post"]) / true["forward"],
    }


# Training


def _compare_training(pair: dict[str, dict], output: Path) -> dict:
    falls = {f: {} if is_skipped(run) else {"falls": run["last_loss"] < run["first_loss"]} for f, run in pair.items()}
    return {**{f: {**run, **falls[f]} for f, run in pair.items()}, "agreement": _training_agreement(pair, output)}


def _training_agreement(pair: dict[str, dict], output: Path) -> dict:
    reason = why_not_both(pair)
    if reason:
        return {"skipped": reason}
    one, other = pair.values()
    differing = unlike_trainings(pair)
    if differing:
        return {"skipped": f"because the two trainings were not the same: {'; '.join(differing)}"}
    logs = (located(run["file"], output).parent / run["log"] for run in (one, other))
    first, second = (agreement.read_losses(log) for log in logs)
    psnr = {entry["step"]: entry["psnr"] for entry in one["validation"]}
    return {
        **agreement.compare_losses(first, second),
        "first_loss": _relative_change(one["first_loss"], other["first_loss"]),
        "last_loss": _relative_change(one["last_loss"], other["last_loss"]),
        "both_fall": all(run["last_loss"] < run["first_loss"] for run in (one, other)),
        "validation": [
            {"step": entry["step"], "psnr": entry["psnr"] - psnr[entry["step"]]}
            for entry in other["validation"]
            if entry["psnr"] is not None and psnr.get(entry["step"]) is not None
        ],
    }


def _relative_change(reference: float, other: float) -> float:
    return abs(other - reference) / max(abs(reference), 1e-12)
