"""The three studies, as plain data: which notebooks are run in which order, and with which parameters.

quick      clips made from photographs, the small network, a CPU: minutes, nothing to download
standard   your own clips (folders given as overrides), the small network
published  the paper's configuration on REDS and REDS4, which must lie in the data folder: days on a GPU
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vsrlib.errors import UserError
from vsrlib.settings import BLURS, FRAMEWORKS, shown

ENVIRONMENT = "01_check_environment"
DATA = "02_generate_data"
TRAIN = "03_train_network"
INFER = "04_infer_clips"
COMPARE = "05_compare_frameworks"
CLAIMS = "06_judge_claims"
FIGURES = "07_draw_figures"


@dataclass(frozen=True)
class Step:
    """One notebook with its parameters. `needs`: steps without whose result this one cannot run."""

    id: str
    notebook: str
    parameters: dict[str, Any]
    needs: tuple[str, ...] = ()


def steps_of(profile: str, run_root: Path, data_root: Path) -> list[Step]:
    """The steps of a profile in order; parameters not named are the notebooks' defaults. UserError: unknown profile."""
    if profile not in _PROFILES:
        raise UserError(f"profile is {profile!r}; choose one of: {', '.join(_PROFILES)}.")
    return _PROFILES[profile](shown(run_root), shown(data_root))


def _quick(run: str, data: str) -> list[Step]:
    return [
        _environment(run),
        Step(DATA, DATA, {"data_root": data}),
        *_train_and_infer(run, data, "Embedded_Train/HR", "Embedded_Validation/HR", "Embedded_BlurDown_{}"),
        *_conclude(run, BLURS, ("Realistic",)),
    ]


def _standard(run: str, data: str) -> list[Step]:
    # test_root, hr_root and validation_root are yours to give; the defaults, which do not exist, say so by name.
    name = "Yours"
    return [
        _environment(run),
        Step(DATA, DATA, {"data_root": data, "name": name, "test_root": f"{data}/{name}_Test/HR"}),
        *_train_and_infer(run, data, f"{name}_Train/HR", f"{name}_Validation/HR", name + "_BlurDown_{}"),
        *_conclude(run, BLURS, ("Realistic",)),
    ]


def _published(run: str, data: str) -> list[Step]:
    # No step makes data: the realistic LR frames were drawn without a seed and cannot be made again.
    steps = [_environment(run)]
    for blur in BLURS:
        test = f"{data}/REDS4_BlurDown_{blur}"
        common = {"blur": blur, "preset": "published"}
        for framework in FRAMEWORKS:
            training = {"hr_root": f"{data}/REDS/train/HR", "validation_root": f"{test}/HR", **PAPER}
            steps.append(_train(run, framework, f"_{blur}", {**common, **training}))
        weights = f"{run}/{TRAIN}_torch_{blur}"
        for framework in FRAMEWORKS:
            clips = {"input_path": f"{test}/LR_blurdown_x4", "gt_path": f"{test}/HR"}
            steps.append(_infer(run, framework, blur, weights, {**common, **clips}))
    return [*steps, *_conclude(run, BLURS, BLURS)]


PAPER = {
    # An epoch is 1,380 steps: 240 clips of 50 frames hold 46 windows of 5 each, in batches of 8.
    "steps": 500 * 1380,
    "batch_size": 8,
    "patch_size": 160,
    "learning_rate": 1e-4,
    "flow_learning_rate": 1e-6,  # the flow network starts from trained weights there
    "halve_every": 100 * 1380,
    "validate_every": 1380,
    "seed": 1,
}
"""The paper's training, as the `Self_Blind_VSR` templates of its authors set it."""


def _environment(run: str) -> Step:
    return Step(ENVIRONMENT, ENVIRONMENT, {"output": f"{run}/{ENVIRONMENT}"})


def _train_and_infer(run: str, data: str, train: str, validation: str, test: str) -> list[Step]:
    roots = {"hr_root": f"{data}/{train}", "validation_root": f"{data}/{validation}"}
    steps = [_train(run, framework, "", {"blur": "Realistic", **roots}, (DATA,)) for framework in FRAMEWORKS]
    for blur in BLURS:
        folder = f"{data}/{test.format(blur)}"
        clips = {"blur": blur, "input_path": f"{folder}/LR_blurdown_x4", "gt_path": f"{folder}/HR"}
        steps += [_infer(run, framework, blur, f"{run}/{TRAIN}_torch", clips) for framework in FRAMEWORKS]
    return steps


def _train(run: str, framework: str, suffix: str, parameters: dict[str, Any], needs: tuple[str, ...] = ()) -> Step:
    name = f"{TRAIN}_{framework}{suffix}"
    return Step(name, TRAIN, {"framework": framework, "output": f"{run}/{name}", **parameters}, needs)


def _infer(run: str, framework: str, blur: str, trained: str, parameters: dict[str, Any]) -> Step:
    # Both frameworks read the weights that the PyTorch training wrote: equal weights, so that results may be compared.
    name = f"{INFER}_{framework}_{blur}"
    weights = {"weights": f"{trained}/weights.safetensors"}
    return Step(name, INFER, {"framework": framework, "output": f"{run}/{name}", **weights, **parameters},
                (Path(trained).name,))  # fmt: skip


def _conclude(run: str, tested: tuple[str, ...], trained: tuple[str, ...]) -> list[Step]:
    suffixes = [""] if trained == ("Realistic",) else [f"_{blur}" for blur in trained]
    files = {
        "run_folder": run,
        "inference_files": [f"{run}/{INFER}_{f}_{blur}/inference.json" for blur in tested for f in FRAMEWORKS],
        "training_files": [f"{run}/{TRAIN}_{f}{suffix}/train.json" for suffix in suffixes for f in FRAMEWORKS],
    }
    comparison = {"comparison_file": f"{run}/{COMPARE}/comparison.json"}
    return [
        Step(COMPARE, COMPARE, {**files, "output": f"{run}/{COMPARE}"}),
        Step(CLAIMS, CLAIMS, {**comparison, "output": f"{run}/{CLAIMS}"}, (COMPARE,)),
        Step(FIGURES, FIGURES, {**comparison, "output": f"{run}/figures"}, (COMPARE,)),
    ]


_PROFILES = {"quick": _quick, "standard": _standard, "published": _published}
PROFILES = tuple(_PROFILES)
"""The names of the profiles."""
