"""What is self-supervised learning worth where the blur is one that the supervised training never showed?

That is what *blind* and *self-supervised* are for (Bai and Pan, TPAMI 2024). Filmed scenes are blurred in ways that no
training sample is, and restored three times: by supervised weights as they are, by the same weights after they have
learned from the LR frames of that clip alone, and by a network that has learned from nothing but the LR frames of all
clips of that blur, apart from its flow network. One blur is of a training's kind, to compare with.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from vsrlib.common import files
from vsrlib.common.errors import UserError
from vsrlib.common.files import sha256_array, sha256_named
from vsrlib.common.numbers import by_group, holm, interval, markdown, mean_interval, number, sign_flip
from vsrlib.common.parts import Parts
from vsrlib.common.progress import bar as progress_bar
from vsrlib.data.blur_kernels import gaussian_kernel, kernel_psnr
from vsrlib.data.clips import WINDOW, Clip, list_clips, write_clip
from vsrlib.data.degradation import SCALE, blur_down
from vsrlib.data.degrade import clip_kernel
from vsrlib.data.frames import to_float
from vsrlib.data.scenes import Scene
from vsrlib.experiments.blurs import disk_kernel, kernels_in, line_kernel
from vsrlib.experiments.options import BlindOptions
from vsrlib.experiments.restored import UNIT, Frames, bicubic_psnr, chosen, naming, restored, restored_psnr, sets_of
from vsrlib.networks import architecture, load_network
from vsrlib.networks.network import Network, described
from vsrlib.networks.weights import weights_file
from vsrlib.networks.weights.names import merge_flow
from vsrlib.training.adapt import WEIGHTS, adapt
from vsrlib.training.learning import NotFinite
from vsrlib.training.options import AdaptOptions

RESULT = "blind.json"
REALISTIC, GIVEN = "realistic", "given"
BLURS = {
    REALISTIC: "as weights for realistic blur have learned to undo",
    "narrow": "Gaussian, sigma 0.5 HR pixels",
    "wide": "Gaussian, sigma 2.4 HR pixels",
    "defocus": "a disk, radius 3.5 HR pixels",
    "motion": "a line, 11 HR pixels long, 30 degrees",
    GIVEN: "a kernel of the folder, in turn",
}
"""Ways of blurring, in words. Along and across, the realistic kernels of the training are 0.6 to 1.9 HR pixels wide
(standard deviation), and its Gaussian ones 0.4 to 2.0: `narrow` is new to weights of the former alone."""
SUPERVISED, ADAPTED, SCRATCH = "supervised", "adapted", "scratch"
ARMS = {
    SUPERVISED: "the supervised weights as they are",
    ADAPTED: "the same, after learning from the LR frames of the clip",
    SCRATCH: "learned from nothing but the LR frames of all clips of the blur, beside the flow network",
}
_WHOLE = (10**6, 10**6)  # of the frames nothing is cut
_MINUTES = 1e9  # the steps end it
_WORK = ".blind"
_PATHS = ("scenes", "kernels", "weights")  # of the machine; the result names all three in its own way


def blind(output: Path, options: BlindOptions, progress: bool = True) -> dict[str, Any]:
    """Learn and measure what is left, and write OUTPUT/blind.json, which is returned.

    UserError for scenes, kernels or weights that cannot be used, for an `output` within the scenes, and while another
    experiment runs there.
    """
    output = Path(output)
    scenes = chosen(options.scenes, output, options.frames, _WHOLE)
    given = kernels_in(Path(options.kernels)) if options.kernels else {}
    config, values = described(options.weights)
    weights = weights_file.entry(options.weights, output)
    conditions = load_network("torch", options.weights, device=options.device).conditions()
    blurs = {
        blur: [_kernel(blur, options, scene, at, given) for at, scene in enumerate(scenes)]
        for blur in BLURS
        if blur != GIVEN or given
    }
    bicubic = {  # now: a clip that is restored without any error ends it before anything is learned
        blur: [_bicubic(scene, kernel) for scene, kernel in zip(scenes, kernels, strict=True)]
        for blur, kernels in blurs.items()
    }
    about = {
        "frames_sha256": sha256_named({scene.name: sha256_array(scene.load()) for scene in scenes}),
        "kernels_sha256": sha256_named({name: sha256_array(kernel) for name, kernel in given.items()}),
    }
    asked = {name: value for name, value in options.to_json().items() if name not in _PATHS}
    found: dict[str, list[dict[str, Any]]] = {}
    learned: dict[str, dict[str, Any]] = {}
    with _work_in(output) as work, progress_bar(len(blurs) * (len(scenes) + 1), "blind", "training", progress) as bar:
        of_parts = asked | {"device": conditions["device_type"], "weights": weights["sha256"]}
        parts = Parts(output, {"experiment": "blind", **of_parts, **about})
        begun = work / "begun.safetensors"
        fresh = architecture.initial_values(config, options.seed)  # that knows nothing but its flow network
        weights_file.write(begun, merge_flow(fresh, values), weights_file.metadata(options.weights))
        for blur, kernels in blurs.items():
            low = [work / blur / f"{at:03}" for at in range(len(scenes))]
            for folder, scene, kernel in zip(low, scenes, kernels, strict=True):
                write_clip(folder, Clip(folder.name, np.stack(list(_low(scene.load(), kernel).values()))))
            job = partial(_scratch, work, low, begun, scenes, kernels, options)
            scratch = parts.get(f"{blur}, {SCRATCH}", job)
            learned[blur] = {name: scratch[name] for name in _OF_LEARNING}
            bar.update()
            found[blur] = []
            for at, scene in enumerate(scenes):
                job = partial(_adapted, work, low[at], scene, kernels[at], options)
                one = parts.get(f"{blur}, {at:03} {scene.name}", job)
                own = {name: one[name] for name in (SUPERVISED, ADAPTED)} | {SCRATCH: scratch["clips"][at]}
                found[blur].append({"clip": scene.name, "bicubic": bicubic[blur][at], **own})
                bar.update()
            files.remove(work / blur)
    belong = [scene.scene for scene in scenes]
    made = summary(found, belong, options.seed)
    result = {
        "experiment": "blind",
        "question": "What is self-supervised learning worth on blurs that the supervised training never showed?",
        "unit": UNIT,
        "n": len(set(belong)),
        "options": asked,
        "sets": sets_of(options.scenes),
        "weights": weights,
        "clips": dict(zip([scene.name for scene in scenes], belong, strict=True)),
        **about,
        "kernels": list(given),
        "arms": ARMS,
        "blurs": {blur: one | {"from_scratch": learned[blur]} for blur, one in made.items()},
        **conditions,
    }
    return parts.finish(output / RESULT, result)


def summary(found: dict[str, list[dict[str, Any]]], scenes: Sequence[str], seed: int) -> dict[str, Any]:
    """By blur: gains over bicubic upsampling, and what learning from the LR frames adds; scenes: that of each clip.

    `p_holm` is corrected for the number of blurs.
    """

    def mean(values: list[float]) -> dict[str, Any]:
        return mean_interval(values, np.random.default_rng(seed), UNIT, scenes)

    made: dict[str, Any] = {}
    for blur, clips in found.items():
        more = [one[ADAPTED]["psnr"] - one[SUPERVISED]["psnr"] for one in clips]
        made[blur] = {
            "is": BLURS[blur],
            "gain": {arm: mean([one[arm]["psnr"] - one["bicubic"] for one in clips]) for arm in ARMS},
            "kernel_psnr": {arm: mean([one[arm]["kernel_psnr"] for one in clips]) for arm in ARMS},
            "learning": mean(more),
            "p": sign_flip(list(by_group(more, scenes).values()), np.random.default_rng(seed)),
            "better": sum(one > 0 for one in more),
            "clips": clips,
        }
    for one, p in zip(made.values(), holm([one["p"] for one in made.values()])):
        one["p_holm"] = p
    return made


def table(result: dict[str, Any]) -> str:
    """The experiment in words and as Markdown tables."""
    asked, blurs = result["options"], result["blurs"]
    untaught = [blur for blur, one in blurs.items() if one["from_scratch"]["kept_step"] == 0]
    lines = [
        "# Learning from the low-resolution frames alone, on blurs never trained on",
        f"{len(result['clips'])} clips of {result['n']} filmed scenes, {asked['frames']} frames each. Weights: "
        f"{Path(result['weights']['path']).stem}; {asked['steps']} self-supervised steps on each clip, and "
        f"{asked['scratch_steps']} from scratch on all clips of a blur; the weights with the least cycle loss are "
        "measured, those of the start among them. Gain over bicubic upsampling on the same grid, in dB of PSNR, with "
        "95 % intervals over the scenes.",
    ]
    rows = [
        [
            f"{blur}: {one['is']}",
            *(interval(one["gain"][arm], 2, signed=True) for arm in ARMS),
            interval(one["learning"], 2, signed=True),
            f"{one['better']} of {len(one['clips'])}",
            number(one["p_holm"], 3),
        ]
        for blur, one in blurs.items()
    ]
    header = ["blur", *ARMS, "adapted minus supervised", "clips that gain", f"p, of {len(rows)} (Holm)"]
    lines.append(markdown(header, rows))
    if untaught:
        lines.append(f"From scratch nothing was learned, by the cycle loss, with: {', '.join(untaught)}.")
    rows = [[blur, *(interval(one["kernel_psnr"][arm], 1) for arm in ARMS)] for blur, one in blurs.items()]
    lines += ["PSNR of the estimated blur kernel, in dB:", markdown(["blur", *ARMS], rows)]
    return "\n\n".join(lines) + "\n"


@contextmanager
def _work_in(output: Path) -> Iterator[Path]:
    """A hidden folder in `output` for what is needed while it runs; removed with all that lies in it."""
    with files.lock(output, "experiment", "output folder"):
        files.remove(output / _WORK)  # of a run that was killed
        (output / _WORK).mkdir()
        try:
            yield output / _WORK
        finally:
            files.remove(output / _WORK)


def _kernel(blur: str, options: BlindOptions, scene: Scene, place: int, given: dict[str, np.ndarray]) -> np.ndarray:
    if blur == REALISTIC:
        return clip_kernel("Realistic", options.seed, scene.name)[0]
    if blur == GIVEN:
        return list(given.values())[place % len(given)]
    return {
        "narrow": gaussian_kernel(0.5),
        "wide": gaussian_kernel(2.4),
        "defocus": disk_kernel(3.5),
        "motion": line_kernel(11, 30),
    }[blur]


def _bicubic(scene: Scene, kernel: np.ndarray) -> float:
    high = scene.load()
    with naming(scene):
        return bicubic_psnr(_low(high, kernel), high)


def _scratch(
    work: Path, low: list[Path], begun: Path, scenes: list[Scene], kernels: list[np.ndarray], options: BlindOptions
) -> dict[str, Any]:
    """What a network restores that has learned from the LR frames of all clips: {"clips": [scores], ...}."""
    try:
        network, learned = _learned(
            low[0].parent, work, str(begun), options.scratch_steps, options.scratch_rate, options
        )
    except NotFinite as error:
        raise UserError(
            f"The losses from scratch were not finite, with a scratch_rate of {options.scratch_rate}; give a smaller "
            "one, and another folder."
        ) from error
    return learned | {"clips": [_scores(network, scene.load(), kernel) for scene, kernel in zip(scenes, kernels)]}


def _adapted(work: Path, low: Path, scene: Scene, kernel: np.ndarray, options: BlindOptions) -> dict[str, Any]:
    """What the weights restore of a clip before and after they have learned from it."""
    high = scene.load()
    before = _scores(load_network("torch", options.weights, device=options.device), high, kernel)
    try:
        network, learned = _learned(low, work, options.weights, options.steps, AdaptOptions.learning_rate, options)
    except NotFinite as error:
        raise UserError(
            f"The losses were not finite when the weights learned from the clip {scene.name}; give fewer steps, or "
            "leave it out, and another folder."
        ) from error
    return {SUPERVISED: before, ADAPTED: _scores(network, high, kernel) | learned}


_OF_LEARNING = ("steps", "kept_step", "start", "end", "seconds", "patch_size")


def _learned(
    clips: Path, work: Path, weights: str, steps: int, rate: float, options: BlindOptions
) -> tuple[Network, dict[str, Any]]:
    """Let weights learn from LR clips as `vsrlib adapt` does: the network with what was kept, and what came of it."""
    shorter = min(min(source.read(0).shape[:2]) for source in list_clips(clips))
    asked = AdaptOptions(
        weights=weights,
        steps=steps,
        minutes=_MINUTES,
        patience=0,
        learning_rate=rate,
        patch_size=min(AdaptOptions.patch_size, shorter // SCALE * SCALE),
        measure_every=-(-steps // options.measurements),
        device=options.device,
        seed=options.seed,
    )
    folder = work / "learned"
    found = adapt(clips, folder, asked, progress=False) | {"patch_size": asked.patch_size}
    network = load_network("torch", folder / WEIGHTS, device=options.device)
    files.remove(folder)
    return network, {name: found[name] for name in _OF_LEARNING}


def _scores(network: Network, high: np.ndarray, kernel: np.ndarray) -> dict[str, float]:
    """Mean PSNR of the frames with all their neighbours, and that of the kernel estimated for the middle one."""
    low = _low(high, kernel)
    first = (len(high) - WINDOW) // 2
    window = np.stack([to_float(low[index]) for index in range(first, first + WINDOW)])
    return {
        "psnr": restored_psnr(dict(restored(network, low)), high),
        "kernel_psnr": kernel_psnr(network.infer(window)["kernel"], kernel),
    }


def _low(high: np.ndarray, kernel: np.ndarray) -> Frames:
    return {index: blur_down(frame, kernel) for index, frame in enumerate(high)}
