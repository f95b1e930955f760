"""What is self-supervised learning worth where the blur is one that the supervised training never showed?

That is what *blind* and *self-supervised* are for (Bai and Pan, TPAMI 2024). Filmed scenes are blurred in ways that no
training sample is, and restored three times: by supervised weights as they are, by the same weights after they have
learned from the LR frames of that clip alone, and by a network that has learned from nothing but the LR frames of all
clips of that blur, apart from its flow network. One blur is of the training's kind, to compare with.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from vsrlib.common import files
from vsrlib.common.files import sha256_array, sha256_named
from vsrlib.common.numbers import holm, interval, markdown, mean_interval, number, sign_flip
from vsrlib.common.parts import Parts
from vsrlib.common.progress import bar as progress_bar
from vsrlib.data.blur_kernels import gaussian_kernel, kernel_psnr
from vsrlib.data.clips import WINDOW, Clip, list_clips, write_clip
from vsrlib.data.degradation import SCALE, bicubic_on_grid, blur_down
from vsrlib.data.degrade import clip_kernel
from vsrlib.data.frames import to_float, to_uint8
from vsrlib.data.scenes import Scene
from vsrlib.experiments.blurs import disk_kernel, kernels_in, line_kernel
from vsrlib.experiments.options import BlindOptions
from vsrlib.experiments.restored import UNIT, Frames, chosen, mean_of, restored
from vsrlib.networks import architecture, load_network
from vsrlib.networks.network import Network, described
from vsrlib.networks.weights import weights_file
from vsrlib.networks.weights.names import merge_flow
from vsrlib.restoration.metrics import psnr
from vsrlib.training.adapt import WEIGHTS, adapt
from vsrlib.training.options import AdaptOptions

RESULT = "blind.json"
TRAINED, GIVEN = "trained", "given"
BLURS = {
    TRAINED: "a realistic kernel drawn as those of the training are",
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
_MINUTES = 24 * 60  # more than any number of steps takes: the steps decide


def blind(output: Path, options: BlindOptions, progress: bool = True) -> dict[str, Any]:
    """Learn and measure what is left, and write OUTPUT/blind.json, which is returned.

    UserError for scenes, kernels or weights that cannot be used.
    """
    output = Path(output)
    scenes = chosen(options.scenes, options.frames, _WHOLE)
    given = kernels_in(Path(options.kernels)) if options.kernels else {}
    blurs = [blur for blur in BLURS if blur != GIVEN or given]
    weights = weights_file.entry(options.weights, output)
    asked = {name: value for name, value in options.to_json().items() if name not in ("scenes", "kernels", "device")}
    about = {
        "frames_sha256": sha256_named({scene.name: sha256_array(scene.load()) for scene in scenes}),
        "kernels_sha256": sha256_named({name: sha256_array(kernel) for name, kernel in given.items()}),
    }
    parts = Parts(output, {"experiment": "blind", **asked, "weights": weights["sha256"], **about})
    begun = output / "begun.safetensors"
    _begin(begun, options)
    found: dict[str, list[dict[str, Any]]] = {}
    with progress_bar(len(blurs) * (len(scenes) + 1), "blind", "training", progress) as bar:
        for blur in blurs:
            kernels = [_kernel(blur, options, scene, at, given) for at, scene in enumerate(scenes)]
            low = [output / "low" / blur / scene.name.replace("/", "-") for scene in scenes]
            for folder, scene, kernel in zip(low, scenes, kernels, strict=True):
                write_clip(folder, Clip(folder.name, np.stack([blur_down(frame, kernel) for frame in scene.load()])))
            learned = output / "learned"
            work = partial(_scratch, learned, begun, low, scenes, kernels, options)
            scratch = parts.get(f"{blur}, {SCRATCH}", work)
            bar.update()
            found[blur] = []
            for folder, scene, kernel in zip(low, scenes, kernels, strict=True):
                one = parts.get(f"{blur}, {scene.name}", partial(_adapted, learned, folder, scene, kernel, options))
                own = {name: one[name] for name in ("bicubic", SUPERVISED, ADAPTED)}
                found[blur].append({"clip": scene.name, **own, SCRATCH: scratch["clips"][scene.name]})
                bar.update()
            files.remove(output / "low")
    begun.unlink()
    belong = [scene.scene for scene in scenes]
    result = {
        "experiment": "blind",
        "question": "What is self-supervised learning worth on blurs that the supervised training never showed?",
        "unit": UNIT,
        "n": len(set(belong)),
        "options": options.to_json(),
        "weights": weights,
        "clips": dict(zip([scene.name for scene in scenes], belong, strict=True)),
        **about,
        "kernels": list(given),
        "arms": ARMS,
        "blurs": summary(found, belong, options.seed),
        **load_network("torch", options.weights, device=options.device).conditions(),
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
        by_scene = [float(np.mean([one for one, own in zip(more, scenes) if own == name])) for name in set(scenes)]
        made[blur] = {
            "is": BLURS[blur],
            "gain": {arm: mean([one[arm]["psnr"] - one["bicubic"] for one in clips]) for arm in ARMS},
            "kernel_psnr": {arm: mean([one[arm]["kernel_psnr"] for one in clips]) for arm in ARMS},
            "learning": mean(more),
            "p": sign_flip(sorted(by_scene), np.random.default_rng(seed)),
            "better": sum(one > 0 for one in more),
            "clips": clips,
        }
    for one, p in zip(made.values(), holm([one["p"] for one in made.values()])):
        one["p_holm"] = p
    return made


def table(result: dict[str, Any]) -> str:
    """The experiment in words and as a Markdown table."""
    asked, lines = result["options"], ["# Learning from the low-resolution frames alone, on blurs never trained on"]
    lines.append(
        f"{len(result['clips'])} clips of {result['n']} filmed scenes, {asked['frames']} frames each. Weights: "
        f"{asked['weights']}; {asked['steps']} self-supervised steps on each clip, and {asked['scratch_steps']} from "
        "scratch on all clips of a blur; the weights with the least cycle loss are measured, those of the start among "
        "them. Gain over bicubic upsampling on the same grid, in dB of PSNR, with 95 % intervals over the scenes."
    )
    rows = [
        [
            f"{blur}: {one['is']}",
            *(interval(one["gain"][arm], 2, signed=True) for arm in ARMS),
            interval(one["learning"], 2, signed=True),
            f"{one['better']} of {len(one['clips'])}",
            number(one["p_holm"], 3),
        ]
        for blur, one in result["blurs"].items()
    ]
    header = ["blur", *ARMS, "adapted minus supervised", "clips that gain", f"p, of {len(rows)} (Holm)"]
    lines.append(markdown(header, rows))
    rows = [[blur, *(interval(one["kernel_psnr"][arm], 1) for arm in ARMS)] for blur, one in result["blurs"].items()]
    lines += ["PSNR of the estimated blur kernel, in dB:", markdown(["blur", *ARMS], rows)]
    return "\n\n".join(lines) + "\n"


def _kernel(blur: str, options: BlindOptions, scene: Scene, place: int, given: dict[str, np.ndarray]) -> np.ndarray:
    if blur == TRAINED:
        return clip_kernel("Realistic", options.seed, scene.name)[0]
    if blur == GIVEN:
        return list(given.values())[place % len(given)]
    return {
        "narrow": gaussian_kernel(0.5),
        "wide": gaussian_kernel(2.4),
        "defocus": disk_kernel(3.5),
        "motion": line_kernel(11, 30),
    }[blur]


def _begin(path: Path, options: BlindOptions) -> None:
    """Weights that know nothing but their flow network, which is that of the supervised weights."""
    config, values = described(options.weights)
    fresh = architecture.initial_values(config, options.seed)
    weights_file.write(path, merge_flow(fresh, values), weights_file.metadata(options.weights))


def _scratch(
    folder: Path,
    begun: Path,
    sets: list[Path],
    scenes: list[Scene],
    kernels: list[np.ndarray],
    options: BlindOptions,
) -> dict[str, Any]:
    """What a network restores that has learned from the LR frames of all clips: {"clips": {name: scores}, ...}."""
    learned = _learned(sets[0].parent, folder, str(begun), options.scratch_steps, options.scratch_rate, options)
    network = load_network("torch", folder / WEIGHTS, device=options.device)
    scores = {scene.name: _scores(network, scene.load(), kernel) for scene, kernel in zip(scenes, kernels, strict=True)}
    files.remove(folder)
    return learned | {"clips": scores}


def _adapted(folder: Path, low: Path, scene: Scene, kernel: np.ndarray, options: BlindOptions) -> dict[str, Any]:
    """What the weights restore of a clip before and after they have learned from it, and bicubic upsampling's PSNR."""
    high = scene.load()
    supervised = load_network("torch", options.weights, device=options.device)
    before = _scores(supervised, high, kernel)
    learned = _learned(low, folder, options.weights, options.steps, AdaptOptions.learning_rate, options)
    after = _scores(load_network("torch", folder / WEIGHTS, device=options.device), high, kernel)
    files.remove(folder)
    half = WINDOW // 2
    inner = range(half, len(high) - half)
    bicubic = mean_of([psnr(bicubic_on_grid(blur_down(high[index], kernel)), high[index]) for index in inner])
    return {"bicubic": bicubic, SUPERVISED: before, ADAPTED: after | learned}


def _learned(clips: Path, output: Path, weights: str, steps: int, rate: float, options: BlindOptions) -> dict[str, Any]:
    """Let weights learn from LR clips as `vsrlib adapt` does; they lie in `output` then. What came of it."""
    shorter = min(min(source.read(0).shape[:2]) for source in list_clips(clips))
    asked = AdaptOptions(
        weights=weights,
        steps=steps,
        minutes=float(_MINUTES),
        patience=0,
        learning_rate=rate,
        patch_size=min(AdaptOptions.patch_size, shorter // SCALE * SCALE),
        measure_every=-(-steps // options.measurements),
        device=options.device,
        seed=options.seed,
    )
    found = adapt(clips, output, asked, progress=False)
    return {name: found[name] for name in ("kept_step", "start", "end", "seconds")} | {"patch_size": asked.patch_size}


def _scores(network: Network, high: np.ndarray, kernel: np.ndarray) -> dict[str, float]:
    """Mean PSNR of the frames with all their neighbours, and that of the kernel estimated for the middle one."""
    low: Frames = {index: blur_down(frame, kernel) for index, frame in enumerate(high)}
    found = mean_of([psnr(to_uint8(image), high[index]) for index, image in restored(network, low)])
    first = (len(high) - WINDOW) // 2
    window = np.stack([to_float(low[index]) for index in range(first, first + WINDOW)])
    return {"psnr": found, "kernel_psnr": kernel_psnr(network.infer(window)["kernel"], kernel)}
