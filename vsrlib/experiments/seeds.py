"""Experiment E1 of the protocol: what does it cost to evaluate a network with the other reading of the grids?

Five seeds times two readings of the sampling grids: ten networks, each trained from nothing as docs/weights.md says of
the Gaussian ones, flow network and all. Each is evaluated on filmed scenes with either reading, all three of them at
once (feature warp, flow warp, masks), and with its own while every flow is zero: what is its flow worth to it? A
network's own reading is the one that it was trained with.
"""

from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from vsrlib.claims.ablation.trials import CHANGED_DEFAULT, altered
from vsrlib.claims.ten_claims import POWER
from vsrlib.common import files
from vsrlib.common.errors import UserError
from vsrlib.common.files import read_json, sha256_array, sha256_named
from vsrlib.common.numbers import FEWEST, by_group, counted, interval, markdown, mean_interval, number, sign_flip
from vsrlib.common.parts import Parts
from vsrlib.data.degrade import blur_down, clip_kernel
from vsrlib.data.scenes import Scene
from vsrlib.data.synthetic.sets import ClipsOptions
from vsrlib.experiments.options import SeedsOptions
from vsrlib.experiments.restored import Frames, bicubic_psnr, chosen, naming, restored, restored_psnr, sets_of
from vsrlib.experiments.training import NETWORKS, UNIT, made_clips, tidy
from vsrlib.networks import load_network
from vsrlib.networks.weights import weights_file
from vsrlib.training import checkpoint
from vsrlib.training.flow import train as flow
from vsrlib.training.flow.options import FlowOptions
from vsrlib.training.folder import RESULT as TRAINED
from vsrlib.training.folder import WEIGHTS
from vsrlib.training.options import TEMPLATES, begun_with
from vsrlib.training.train import train

RESULT = "seeds.json"
BLUR = "Gaussian"
READINGS = (True, False)
"""Of align_corners."""
NO_FLOW = "no flow"


def seeds(output: Path, options: SeedsOptions, progress: bool = True) -> dict[str, Any]:
    """Train and evaluate what is left, or what is asked for; write OUTPUT/seeds.json once all ten networks are done.

    What is done of a network lies in OUTPUT/networks: a stage that has ended is not trained again, and the last stage
    goes on from its checkpoint. A network that another process is busy with is left to that. Returns what the file
    holds, or {"missing": names} where networks are missing. UserError for names of no network, and unusable scenes.
    """
    output, wanted = Path(output), networks_of(options.seeds)
    unknown = sorted(set(options.only or ()) - wanted.keys())
    if unknown:
        raise UserError(f"only has {', '.join(unknown)}; choose some of {', '.join(wanted)}.")
    scenes = chosen(options.scenes, output)
    for scene in scenes:  # now: a clip that is restored without any error would end it after hours of training
        high, low = _degraded(scene)
        with naming(scene):
            bicubic_psnr(low, high)
    digest = sha256_named({scene.name: sha256_array(scene.load()) for scene in scenes})
    parts = Parts(output, {"experiment": "seeds", "frames": digest, "steps": options.steps, "part": options.part})
    clips, begun = made_clips(output, ClipsOptions()), 0
    for name in options.only or wanted:
        if parts.done(name) or (options.networks and begun == options.networks):
            continue
        with ExitStack() as stack:
            try:
                stack.enter_context(files.lock(output / NETWORKS / name, "experiment", "folder"))
            except UserError:  # another process has it
                continue
            folder = output / NETWORKS / name
            parts.get(name, partial(_network, folder, *wanted[name], clips, scenes, options, progress))
            tidy(folder / "network")
            begun += 1
    networks = {name: found for name in wanted if (found := parts.done(name))}
    if len(networks) < len(wanted):
        return {"networks": networks, "missing": [name for name in wanted if name not in networks]}
    belong = {scene.name: scene.scene for scene in scenes}
    result = {
        "experiment": "seeds",
        "question": "Does it cost to evaluate a network with the reading of the grids it was not trained with?",
        "unit": UNIT,
        "n": len(networks),
        "options": {name: value for name, value in options.to_json().items() if name != "scenes"},
        "sets": sets_of(options.scenes),
        "clips": belong,
        "frames_sha256": digest,
        **summary(networks, belong),
        "networks": networks,
    }
    return parts.finish(output / RESULT, result)


def networks_of(seeds: list[int]) -> dict[str, tuple[int, bool]]:
    """Name -> seed and reading, such as "1_true"."""
    return {f"{seed}_{str(reading).lower()}": (seed, reading) for seed in seeds for reading in READINGS}


def summary(networks: dict[str, dict[str, Any]], belong: dict[str, str]) -> dict[str, Any]:
    """Own minus other reading in dB, each network's mean over the scenes; belong: clip -> scene.

    Fewer than six have no interval: of the halves, and of the interaction by seed, there is the smallest and largest.
    """
    own, gains, flows = {}, [], []
    for name, one in networks.items():
        reading, other = str(one["trained_with"]), str(not one["trained_with"])
        own[name] = _by_scene(one["psnr"][reading], one["psnr"][other], belong)
        flows.append(_mean(_by_scene(one["psnr"][reading], one["psnr"][NO_FLOW], belong)))
        gains.append(_mean(_by_scene(one["psnr"][reading], one["bicubic"], belong)))
    differences = {name: _mean(by_scene) for name, by_scene in own.items()}
    values = list(differences.values())
    halves = {
        str(reading): _spread([differences[name] for name, one in networks.items() if one["trained_with"] is reading])
        for reading in READINGS
    }
    by_seed: dict[str, float] = {}
    for name, one in networks.items():
        by_seed[str(one["seed"])] = by_seed.get(str(one["seed"]), 0.0) + differences[name]
    return {
        "own_minus_other": {
            "effect": mean_interval(values, np.random.default_rng(0), UNIT),
            "p": sign_flip(values, np.random.default_rng(1)),
            # of networks that are no better than bicubic nothing has a share
            "share_of_gain": float(np.mean(values) / np.mean(gains)) if np.mean(gains) > 0 else None,
            "by_network": differences,
            "by_scene": {
                scene: float(np.mean([one[scene] for one in own.values()])) for scene in dict.fromkeys(belong.values())
            },
        },
        "gain_over_bicubic": mean_interval(gains, np.random.default_rng(0), UNIT),
        "worth_of_flow": mean_interval(flows, np.random.default_rng(0), UNIT),
        "halves": halves,
        "interaction": {**_spread(list(by_seed.values())), "by_seed": by_seed},
    }


def table(result: dict[str, Any]) -> str:
    """The experiment in words and as a Markdown table, or how far it is."""
    title = "# The reading of the grids that a network was not trained with"
    if "missing" in result:
        return (
            f"{title}\n\nTrained and evaluated: {', '.join(result['networks']) or 'none'}; "
            f"missing: {', '.join(result['missing'])}. The same command goes on with them.\n"
        )
    found = result["own_minus_other"]
    rows = [
        [
            name,
            str(one["trained_with"]),
            *(number(_mean(one["psnr"][str(reading)]), 3) for reading in READINGS),
            f"{found['by_network'][name]:+.3f}",
        ]
        for name, one in result["networks"].items()
    ]
    worth = result["worth_of_flow"]["value"]
    verdict = (
        f"That is below {POWER} dB: the networks make too little of their flow, and by the protocol (amendment 14) "
        "this says nothing about the reading."
        if worth < POWER
        else f"That is {POWER} dB or more, so by the protocol (amendment 14) the effect may be read."
    )
    effect, gain, flow = found["effect"], result["gain_over_bicubic"], interval(result["worth_of_flow"], 3)
    how = (
        f"there is no interval of fewer than {counted(FEWEST, UNIT)}"
        if effect["low"] is None
        else "95 % interval over the trained networks"
    )
    share = (
        "" if found["share_of_gain"] is None else f", {found['share_of_gain']:.1%} of the gain over bicubic upsampling"
    )
    costs = (
        f"{flow} dB of the {interval(gain, 3)} dB that is gained over bicubic upsampling"
        if gain["value"] > 0
        else f"{flow} dB; over bicubic upsampling nothing is gained ({interval(gain, 3)} dB)"
    )
    halves = "; ".join(f"trained with {reading} {_shown(half)}" for reading, half in result["halves"].items())
    lines = [
        title,
        f"{result['n']} networks on {len(set(result['clips'].values()))} filmed scenes. Own minus other reading: "
        f"{interval(effect, 3, signed=True)} dB ({how}; sign-flip p {number(found['p'], 3)}){share}. By halves, dB, "
        f"smallest to largest: {halves}. Interaction of training and evaluation, by seed: "
        f"{_shown(result['interaction'])}. Zero flow costs {costs}. {verdict}",
        markdown(["network", "trained with", "True: PSNR (dB)", "False: PSNR (dB)", "own minus other (dB)"], rows),
    ]
    return "\n\n".join(lines) + "\n"


def _shown(spread: dict[str, Any]) -> str:
    return f"{spread['mean']:+.3f} ({spread['smallest']:+.3f} to {spread['largest']:+.3f}, n = {spread['n']})"


def _network(
    folder: Path,
    seed: int,
    reading: bool,
    clips: tuple[Path, Path],
    scenes: list[Scene],
    options: SeedsOptions,
    progress: bool,
) -> dict[str, Any]:
    """Train one network as docs/weights.md says, or for a part of the steps, and evaluate it."""

    def steps(whole: int) -> int:
        return options.steps or max(1, whole // options.part)

    first = FlowOptions(seed=seed, align_corners=reading, device=options.device, resume=True)
    first = replace(first, match_steps=options.steps or first.match_steps, flow_steps=steps(first.flow_steps))
    small = _flow(folder / "flow-small", first, progress)
    second = replace(
        first,
        weights=str(folder / "flow-small" / flow.WEIGHTS),
        match_steps=0,
        flow_steps=steps(1200),
        patch_size=128,
        batch_size=4,
        learning_rate=3e-4,
        leaves=9,
    )
    refined = _flow(folder / "flow", second, progress)
    trained = folder / "network"
    study = TEMPLATES["study"]
    given = {
        **{name: steps(getattr(study, name)) for name in ("steps", "halve_every", "validate_every")},
        "seed": seed,
        "align_corners": reading,
        "flow_weights": str(folder / "flow" / flow.WEIGHTS),
        "device": options.device,
        "resume": (trained / checkpoint.FILE).exists(),
    }
    if (trained / TRAINED).exists():
        result = read_json(trained / TRAINED)
    else:
        result = train(*clips, trained, begun_with("study", given), progress)
    weights = trained / WEIGHTS
    found = evaluated(weights, scenes, options.device, reading)
    return {
        "seed": seed,
        "trained_with": reading,
        **found,
        "flow_error": refined["error"]["pairs"]["known"]["network"],
        "validation_psnr": result["validation"][-1]["psnr"],
        "clips": [result["training_clips"], result["validation_clips"]],
        "seconds": {
            "flow-small": sum(stage["seconds"] for stage in small["stages"].values()),
            "flow": sum(stage["seconds"] for stage in refined["stages"].values()),
            "network": result["seconds"],
        },
        "weights": weights_file.entry(weights, folder.parents[1]),
    }


def _flow(folder: Path, options: FlowOptions, progress: bool) -> dict[str, Any]:
    """A stage of the flow network's training, or what came of it."""
    if (folder / flow.RESULT).exists():
        return read_json(folder / flow.RESULT)
    return flow.train_flow(folder, options, progress)


def evaluated(weights: Path, scenes: list[Scene], device: str, own: bool) -> dict[str, Any]:
    """{"psnr": {reading, "no flow": {clip: dB}}, "bicubic": {clip: dB}, ...}: means over frames with all neighbours.

    own: the reading of the training, with which the flow is done without.
    """
    network = load_network("torch", weights, device=device)
    changes = {str(reading): () if reading else CHANGED_DEFAULT for reading in READINGS}
    changes[NO_FLOW] = (*changes[str(own)], NO_FLOW)
    networks = {name: altered(network, factors) for name, factors in changes.items()}
    found: dict[str, Any] = {"psnr": {reading: {} for reading in networks}, "bicubic": {}}
    for scene in scenes:
        high, low = _degraded(scene)
        with naming(scene):
            for name, one in networks.items():
                found["psnr"][name][scene.name] = restored_psnr(dict(restored(one, low)), high)
            found["bicubic"][scene.name] = bicubic_psnr(low, high)
    return found | network.conditions()


def _degraded(scene: Scene) -> tuple[np.ndarray, Frames]:
    """HR and LR frames of a scene."""
    high, (kernel, _) = scene.load(), clip_kernel(BLUR, 0, scene.name)
    return high, {index: blur_down(frame, kernel) for index, frame in enumerate(high)}


def _by_scene(one: dict[str, float], other: dict[str, float], belong: dict[str, str]) -> dict[str, float]:
    """PSNR of the clips minus another one's, the mean of each scene."""
    return by_group([one[clip] - other[clip] for clip in belong], list(belong.values()))


def _mean(values: dict[str, float]) -> float:
    return float(np.mean(list(values.values())))


def _spread(values: list[float]) -> dict[str, Any]:
    return {"mean": float(np.mean(values)), "smallest": min(values), "largest": max(values), "n": len(values)}
