"""What is tried, and which trials are set against each other."""

from dataclasses import dataclass

from vsrlib.ablation.factors import CHANGED_DEFAULT, FACTORS, JITTOR_FAULTS
from vsrlib.ablation.table import SIDES

GAUSSIAN, REALISTIC = "Gaussian", "Realistic"
CONTROL = " (trained with align_corners=False)"
BOTH = (*CHANGED_DEFAULT, *JITTOR_FAULTS)


@dataclass(frozen=True)
class Trial:
    """Weights (by the blur that they were trained for, perhaps with CONTROL), what is changed, and which LR frames."""

    weights: str
    factors: tuple[str, ...]
    frames: str


@dataclass(frozen=True)
class Contrast:
    """PSNR of one trial minus that of another, frame by frame. `group` is the part of the table it stands in."""

    group: str
    name: str
    one: Trial
    other: Trial


def contrasts(weights: set[str], frames: set[str]) -> list[Contrast]:
    """Every contrast whose weights and LR frames are at hand."""
    found = []
    for blur in (GAUSSIAN, REALISTIC):
        right = Trial(blur, (), blur)
        single = [((name,), f"{words}") for name, words in FACTORS.items()]
        joint = [
            (CHANGED_DEFAULT, "the changed default: all three readings of the grids at once"),
            (JITTOR_FAULTS, "the earlier Jittor side: neither dilations nor the flow network's mask"),
            (BOTH, "all of these at once"),
        ]
        found += [
            Contrast(f"{blur} weights and frames", words, Trial(blur, factors, blur), right)
            for factors, words in (*single, *joint)
        ]
        control = blur + CONTROL
        found.append(
            Contrast(
                "the control",
                f"{blur} weights trained with False: evaluated with False minus with True",
                Trial(control, CHANGED_DEFAULT, blur),
                Trial(control, (), blur),
            )
        )
    found += _frames(frames) + _sides(frames)
    return [
        one
        for one in found
        if all(trial.weights in weights and trial.frames in frames for trial in (one.one, one.other))
    ]


def _frames(frames: set[str]) -> list[Contrast]:
    group = "which frames and which weights"
    right = Trial(REALISTIC, (), REALISTIC)
    draws = sorted(name for name in frames if name.startswith(REALISTIC) and name != REALISTIC)
    return [
        Contrast(
            group, "Gaussian instead of realistic frames, realistic weights", Trial(REALISTIC, (), GAUSSIAN), right
        ),
        Contrast(
            group,
            "Gaussian instead of realistic frames, Gaussian weights",
            Trial(GAUSSIAN, (), GAUSSIAN),
            Trial(GAUSSIAN, (), REALISTIC),
        ),
        Contrast(
            group, "Gaussian instead of realistic weights, realistic frames", Trial(GAUSSIAN, (), REALISTIC), right
        ),
        Contrast(group, "Gaussian frames and weights instead of realistic ones", Trial(GAUSSIAN, (), GAUSSIAN), right),
        *(
            Contrast(
                group,
                f"another draw of the realistic kernels ({draw.rpartition(', ')[2]})",
                Trial(REALISTIC, (), draw),
                right,
            )
            for draw in draws
        ),
    ]


def _sides(frames: set[str]) -> list[Contrast]:
    """The earlier Jittor side minus the earlier PyTorch side, by what each may have been given."""
    torch_side = Trial(REALISTIC, CHANGED_DEFAULT, REALISTIC)
    given = {
        "same weights, same frames": Trial(REALISTIC, JITTOR_FAULTS, REALISTIC),
        "Jittor given Gaussian weights": Trial(GAUSSIAN, JITTOR_FAULTS, REALISTIC),
        "Jittor given Gaussian frames": Trial(REALISTIC, JITTOR_FAULTS, GAUSSIAN),
        "Jittor given Gaussian weights and frames": Trial(GAUSSIAN, JITTOR_FAULTS, GAUSSIAN),
    }
    for draw in sorted(name for name in frames if name.startswith(f"{REALISTIC},")):
        given[f"Jittor given another draw of the realistic kernels ({draw.rpartition(', ')[2]})"] = Trial(
            REALISTIC, JITTOR_FAULTS, draw
        )
    return [Contrast(SIDES, name, trial, torch_side) for name, trial in given.items()]
