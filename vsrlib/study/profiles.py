"""The four studies, as plain data: which notebooks are run in which order, and with which parameters.

quick      filmed scenes and made clips, the small network: minutes, nothing to download
standard   your own clips (folders given as overrides), the small network
published  no training: the released weights of the paper on REDS4, both of which must lie in the data folder
paper      the paper's training on REDS, then its network on REDS4; both sets must lie in the data folder

Everything runs on the CPU unless `device` is overridden, because only there both frameworks run. Of PyTorch alone each
has the same steps, but for those in Jittor and the comparison layer by layer. A framework beside the two of the claims
is trained, restores and is judged as they are, and compared with them in a step of its own.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from vsrlib.common.errors import UserError
from vsrlib.common.files import shown
from vsrlib.common.names import BLURS, FRAMEWORKS, TRAINERS
from vsrlib.common.options import require_list
from vsrlib.training.options import TEMPLATES

START = "00_start_here"
ENVIRONMENT = "01_check_environment"
DATA = "02_generate_data"
TRAIN = "03_train_network"
INFER = "04_infer_clips"
COMPARE = "05_compare_frameworks"
PARITY = "06_prove_parity"
ABLATION = "07_ablate_alignment"
COSTS = "08_measure_costs"
CLAIMS = "09_judge_claims"
FIGURES = "10_draw_figures"
SHOW = "12_show_frames"
DISCUSS = "13_discuss_answers"
PAIRS = "14_compare_every_pair"


@dataclass(frozen=True)
class Step:
    """One notebook with its parameters.

    `needs`: steps without whose result this one cannot run. `yours`: parameter -> what the user has to put where it
    points, for files that no step makes.
    """

    id: str
    notebook: str
    parameters: dict[str, Any]
    needs: tuple[str, ...] = ()
    yours: dict[str, str] = field(default_factory=dict)


Frameworks = tuple[str, ...]


def steps_of(profile: str, run_root: Path, data_root: Path, frameworks: Frameworks = FRAMEWORKS) -> list[Step]:
    """The steps of a profile in order; parameters not named are the notebooks' defaults.

    frameworks: those of the study. UserError: an unknown profile or framework, or a study without PyTorch.
    """
    if profile not in _PROFILES:
        raise UserError(f"profile is {profile!r}; choose one of: {', '.join(_PROFILES)}.")
    require_list("frameworks", list(frameworks), TRAINERS)
    if "torch" not in frameworks:
        raise UserError(
            f"frameworks is {','.join(frameworks)}, and the ablation and the shown frames are made in PyTorch: "
            "name torch, too."
        )
    # In the order in which everything names them, whatever the order of the user's words.
    chosen = tuple(name for name in TRAINERS if name in frameworks)
    return _PROFILES[profile](shown(run_root), shown(data_root), chosen)


def _quick(run: str, data: str, frameworks: Frameworks) -> list[Step]:
    return [
        *_begin(run, frameworks),
        Step(DATA, DATA, {"data_root": data}),
        *_trainings(run, data, frameworks, "Embedded_Train/HR", "Embedded_Validation/HR"),
        # Trained for minutes, a network is below bicubic upsampling; those that come with the project are not.
        *(
            _infer(run, framework, blur, f"{data}/Embedded_BlurDown_{blur}", f"study-{blur.lower()}", (DATA,))
            for blur in BLURS
            for framework in frameworks
        ),
        *_conclude(run, frameworks, {blur: f"{data}/Embedded_BlurDown_{blur}" for blur in BLURS}, [""]),
    ]


def _standard(run: str, data: str, frameworks: Frameworks) -> list[Step]:
    # test_root, hr_root and validation_root are yours to give; the defaults, which do not exist, say so by name.
    name = "Yours"
    test = {"data_root": data, "name": name, "test_root": f"{data}/{name}_Test/HR"}
    return [
        *_begin(run, frameworks),
        Step(DATA, DATA, test, yours={"test_root": "HR clips to test with"}),
        *_trainings(run, data, frameworks, f"{name}_Train/HR", f"{name}_Validation/HR"),
        *(
            _infer(
                run,
                framework,
                blur,
                f"{data}/{name}_BlurDown_{blur}",
                f"{run}/{TRAIN}_torch/weights.safetensors",
                (f"{TRAIN}_torch",),
            )
            for blur in BLURS
            for framework in frameworks
        ),
        *_conclude(run, frameworks, {blur: f"{data}/{name}_BlurDown_{blur}" for blur in BLURS}, [""]),
    ]


def _published(run: str, data: str, frameworks: Frameworks) -> list[Step]:
    steps = _begin(run, frameworks)
    released = {blur: f"{data}/pretrain_models/self_blind_vsr_{blur.lower()}.pt" for blur in BLURS}
    for blur in BLURS:
        steps += [_infer_reds4(run, data, framework, blur, released[blur]) for framework in frameworks]
    return [*steps, *_conclude(run, frameworks, _reds4(data), [], _on_reds4(data, released))]


def _paper(run: str, data: str, frameworks: Frameworks) -> list[Step]:
    """The paper's numbers. Its small `flow_learning_rate` presumes a trained flow network, and no such weights are
    part of this project: bring a file that holds one with `--set 03.weights=FILE`, or its flow hardly learns.
    """
    steps = _begin(run, frameworks)
    trained = {blur: f"{TRAIN}_torch_{blur}" for blur in BLURS}
    weights = {blur: f"{run}/{step}/weights.safetensors" for blur, step in trained.items()}
    for blur in BLURS:
        roots = {"hr_root": f"{data}/REDS/train/HR", "validation_root": f"{data}/REDS4_BlurDown_{blur}/HR"}
        training = {"blur": blur, **roots, **PAPER}
        steps += [_train(run, framework, f"_{blur}", training) for framework in frameworks]
        needs = (trained[blur],)
        steps += [_infer_reds4(run, data, framework, blur, weights[blur], needs) for framework in frameworks]
    evidence = _on_reds4(data, weights, tuple(trained.values()))
    return [*steps, *_conclude(run, frameworks, _reds4(data), [f"_{blur}" for blur in BLURS], evidence)]


_TEMPLATE = TEMPLATES["Self_Blind_VSR_Gaussian"]
_IN_STEPS = _TEMPLATE.schedule(240 * 46)  # 240 clips of 50 frames hold 46 windows of 5 each: epochs of 1,380 steps
PAPER = {
    **{
        name: getattr(_TEMPLATE, name)
        for name in ("preset", "batch_size", "patch_size", "learning_rate", "flow_learning_rate", "seed")
    },
    "steps": _IN_STEPS.steps,
    "halve_every": _IN_STEPS.halve_every,
    "validate_every": _IN_STEPS.validate_every,
}
"""The paper's training, as the template of its authors sets it, in steps."""


_TRAINING_DATA = {
    "hr_root": "HR clips to train with (a folder for each)",
    "validation_root": "HR clips to validate with (a folder for each)",
    "weights": "the weights to start from",
}


def _begin(run: str, frameworks: Frameworks) -> list[Step]:
    asked: dict[str, dict[str, Any]] = {START: {}, ENVIRONMENT: {"frameworks": list(frameworks)}}
    return [Step(name, name, {**given, "output": f"{run}/{name}"}) for name, given in asked.items()]


def _trainings(run: str, data: str, frameworks: Frameworks, train: str, validation: str) -> list[Step]:
    roots = {"hr_root": f"{data}/{train}", "validation_root": f"{data}/{validation}"}
    return [_train(run, framework, "", {"blur": "Realistic", **roots}, (DATA,)) for framework in frameworks]


def _train(run: str, framework: str, suffix: str, parameters: dict[str, Any], needs: tuple[str, ...] = ()) -> Step:
    # That no weights are given is said, not left to the default: an override of `weights` has to name the step,
    # because the inference has weights too and these are other ones.
    name = f"{TRAIN}_{framework}{suffix}"
    fixed = {"framework": framework, "weights": None, "output": f"{run}/{name}"}
    return Step(name, TRAIN, {**fixed, **parameters}, needs, _TRAINING_DATA)


def _infer(run: str, framework: str, blur: str, clips: str, weights: str, needs: tuple[str, ...] = ()) -> Step:
    # Both frameworks read one file of weights (of a training, PyTorch's), so that their results may be compared.
    name = f"{INFER}_{framework}_{blur}"
    files = {"input_path": f"{clips}/LR_blurdown_x4", "gt_path": f"{clips}/HR", "weights": weights}
    return Step(name, INFER, {"framework": framework, "blur": blur, **files, "output": f"{run}/{name}"}, needs)


def _reds4(data: str) -> dict[str, str]:
    return {blur: f"{data}/REDS4_BlurDown_{blur}" for blur in BLURS}


def _infer_reds4(run: str, data: str, framework: str, blur: str, weights: str, needs: tuple[str, ...] = ()) -> Step:
    # No step makes these clips: the realistic LR frames were drawn without a seed and cannot be made again.
    step = _infer(run, framework, blur, _reds4(data)[blur], weights, needs)
    yours = {
        "input_path": _LR_OF_REDS4.format(blur),
        "gt_path": "the HR frames of REDS4 (a folder for each clip)",
        "weights": _RELEASED.format(blur),
    }
    return replace(step, parameters={**step.parameters, "preset": "published"}, yours=yours)


_LR_OF_REDS4 = "the published LR frames of REDS4 with {} blur (a folder for each clip)"
_RELEASED = "the weights that the paper's authors released for {} blur"


def _on_reds4(data: str, weights: dict[str, str], needs: tuple[str, ...] = ()) -> list[Step]:
    # Referee, ablation and costs of the published network with the weights of each blur, which the steps `needs` make.
    # The referee takes one network: that of the realistic blur, which is the paper's harder case. The costs have no
    # weights: initial values cost the same. Weights trained with align_corners=False, the ablation's control, exist
    # for the small network only.
    sets = _reds4(data)
    parity = {"weights": weights["Realistic"], "frames": f"{sets['Realistic']}/LR_blurdown_x4"}
    ablation: dict[str, Any] = {}
    for blur in BLURS:
        name = blur.lower()
        ablation |= {f"weights_{name}": weights[blur], f"weights_{name}_false": None, f"{name}_set": sets[blur]}
    yours = {"weights": _RELEASED.format("Realistic"), "frames": _LR_OF_REDS4.format("Realistic")}
    return [
        Step(PARITY, PARITY, {"preset": "published", **parity, "height": 64, "width": 64}, needs, yours),
        Step(ABLATION, ABLATION, {"preset": "published", **ablation}, needs),
        Step(COSTS, COSTS, {"preset": "published"}),
    ]


_ON_WHAT_COMES_WITH_THE_PROJECT = [Step(name, name, {}) for name in (PARITY, ABLATION, COSTS)]


def _conclude(
    run: str,
    frameworks: Frameworks,
    sets: dict[str, str],
    trained: list[str],
    evidence: list[Step] = _ON_WHAT_COMES_WITH_THE_PROJECT,
) -> list[Step]:
    # `sets`: the test set of each blur. `trained`: what the names of the training steps end in, after the framework.
    # `evidence`: referee, ablation and costs, still without output and frameworks; the referee takes two of these.
    # The claims are about a pair, so that others change no input of a step that leads to them.
    pair = tuple(name for name in frameworks if name in FRAMEWORKS)
    referee = next(step for step in evidence if step.id == PARITY)
    evidence = [step for step in evidence if step.id != PARITY or len(pair) > 1]
    of_costs = {COSTS: {"frameworks": list(pair)}}
    comparison = {"comparison_file": f"{run}/{COMPARE}/comparison.json"}
    further = {
        "ablation_file": f"{run}/{ABLATION}/ablation.json",
        "parity_file": f"{run}/{PARITY}/parity.json" if len(pair) > 1 else None,
        "costs_file": f"{run}/{COSTS}/costs.json",
    }
    return [
        Step(COMPARE, COMPARE, {**_results(run, pair, trained), "output": f"{run}/{COMPARE}"}),
        *(
            replace(step, parameters={**step.parameters, **of_costs.get(step.id, {}), "output": f"{run}/{step.id}"})
            for step in evidence
        ),
        Step(
            CLAIMS,
            CLAIMS,
            {**comparison, **further, "output": f"{run}/{CLAIMS}"},
            (COMPARE, *(step.id for step in evidence)),
        ),
        Step(FIGURES, FIGURES, {**comparison, "output": f"{run}/figures"}, (COMPARE,)),
        *(_show(run, pair, blur, clips) for blur, clips in sets.items()),
        Step(DISCUSS, DISCUSS, {"claims_file": f"{run}/{CLAIMS}/claims.json", "output": f"{run}/{DISCUSS}"}, (CLAIMS,)),
        *(_every_pair(run, frameworks, trained, referee) if len(frameworks) > len(pair) else ()),
    ]


def _results(run: str, frameworks: Frameworks, trained: list[str]) -> dict[str, Any]:
    return {
        "run_folder": run,
        "inference_files": [f"{run}/{INFER}_{f}_{blur}/inference.json" for blur in BLURS for f in frameworks],
        "training_files": [f"{run}/{TRAIN}_{f}{suffix}/train.json" for suffix in trained for f in frameworks],
    }


def _every_pair(run: str, frameworks: Frameworks, trained: list[str], referee: Step) -> list[Step]:
    # The referee of each framework beside the two of the claims, and every pair; these two have had theirs.
    judged = [
        replace(
            referee,
            id=f"{PARITY}_{other}",
            parameters={**referee.parameters, "second": other, "output": f"{run}/{PARITY}_{other}"},
        )
        for other in frameworks
        if other not in FRAMEWORKS
    ]
    referees = [*([PARITY] if set(FRAMEWORKS) <= set(frameworks) else []), *(step.id for step in judged)]
    files = {**_results(run, frameworks, trained), "parity_files": [f"{run}/{name}/parity.json" for name in referees]}
    return [*judged, Step(PAIRS, PAIRS, {**files, "output": f"{run}/{PAIRS}"})]


def _show(run: str, frameworks: Frameworks, blur: str, clips: str) -> Step:
    # Kernels and motion are what the network sees in PyTorch, so its result is needed; Jittor's may be missing.
    name = f"{SHOW}_{blur}"
    files = {
        "run_folder": run,
        "inference_files": [f"{run}/{INFER}_{framework}_{blur}/inference.json" for framework in frameworks],
        "input_path": f"{clips}/LR_blurdown_x4",
        "gt_path": f"{clips}/HR",
    }
    return Step(name, SHOW, {"blur": blur, **files, "output": f"{run}/{name}"}, (f"{INFER}_torch_{blur}",))


_PROFILES = {"quick": _quick, "standard": _standard, "published": _published, "paper": _paper}
PROFILES = tuple(_PROFILES)
"""The names of the profiles."""
