"""The checks of the training's options, beside those in test_settings.py."""

from pathlib import Path

import numpy as np
import pytest

from vsrlib.common.errors import UserError
from vsrlib.common.options import JobOptions
from vsrlib.data.frames import write_frame
from vsrlib.study.settings import TrainSettings
from vsrlib.training.adapt import adapt
from vsrlib.training.flow.options import FlowOptions
from vsrlib.training.options import AdaptOptions, TrainOptions
from vsrlib.training.samples import TrainingWindows

LEAST = {
    TrainOptions: {
        "seed": 0, "steps": 1, "epochs": 0, "test_every": 1, "lr_decay": 1, "batch_size": 1, "patch_size": 16,
        "n_frames_per_video": 5, "halve_every": 0, "validate_every": 0, "patience": 0, "checkpoint_every": 0,
        "workers": 0, "cache_mib": 0,
    },
    FlowOptions: {
        "match_steps": 0, "flow_steps": 0, "batch_size": 1, "match_weight": 0, "leaves": 0, "seed": 0, "workers": 0,
        "patch_size": 64, "checkpoint_every": 0,
    },
    AdaptOptions: {"steps": 0, "batch_size": 1, "patch_size": 16, "measure_every": 1, "patience": 0, "seed": 0},
}  # fmt: skip
"""The smallest value of each option that can be computed with."""


@pytest.mark.parametrize(
    "values, words",
    [
        ({"objective": "both"}, "objective is 'both'; choose one of: self-supervised, supervised"),
        ({"patch_size": 50}, "patch_size is 50; give a multiple of 4, such as 48 or 52, because a patch learns from"),
        ({"patch_size": 12}, "patch_size is 12; give at least 16"),
        ({"epochs": -1}, "epochs is -1; give at least 0"),
        ({"test_every": 0}, "test_every is 0; give at least 1"),
        ({"lr_decay": 0}, "lr_decay is 0; give at least 1"),
        ({"n_frames_per_video": 4}, "n_frames_per_video is 4; give at least 5, because the network looks at five"),
        ({"clip_value": -1.0}, "clip_value is -1.0; give a positive number, or 0"),
        ({"clip_norm": float("nan")}, "clip_norm is nan"),
        ({"clip_value": float("inf")}, "clip_value is inf"),
        ({"ema": 1.0}, "ema is 1.0; give a number below 1"),
        ({"patience": -2}, "patience is -2; give at least 0"),
        ({"checkpoint_every": -1}, "checkpoint_every is -1; give at least 0"),
        ({"resume": "yes"}, "resume is 'yes'; give True or False"),
    ],
)
def test_wrong_values_are_named(values: dict, words: str) -> None:
    with pytest.raises(UserError) as error:
        TrainSettings(**values)
    assert words in str(error.value)


def test_any_patch_can_be_learned_from_with_its_truth() -> None:
    assert TrainSettings(patch_size=50, objective="supervised").patch_size == 50


def test_bounds_are_accepted() -> None:
    TrainSettings(
        epochs=1,
        test_every=1,
        lr_decay=1,
        n_frames_per_video=5,
        clip_value=1e-3,
        clip_norm=1,
        ema=0.999,
        patience=1,
        checkpoint_every=0,
        resume=True,
    )


@pytest.mark.parametrize("job, name", [(job, name) for job, least in LEAST.items() for name in least])
def test_the_least_is_accepted_and_anything_less_is_not(job: type[JobOptions], name: str) -> None:
    least = LEAST[job][name]
    job(**{name: least})
    with pytest.raises(UserError, match=f"{name} is {least - 1}; give"):
        job(**{name: least - 1})


@pytest.mark.parametrize("hr, remedy", [
    (63, "leave the clip out, because the smallest patch has 16"),
    (64, "give a patch_size of at most 16, or leave the clip out"),
    (155, "give a patch_size of at most 36, or leave the clip out"),
])  # fmt: skip
def test_a_clip_that_is_too_small_gets_a_remedy_that_can_be_followed(hr: int, remedy: str, tmp_path: Path) -> None:
    for index in range(5):
        write_frame(tmp_path / "HR" / "a" / f"{index}.png", np.zeros((hr, 200, 3), np.uint8))
        write_frame(tmp_path / "LR" / "a" / f"{index}.png", np.zeros((hr // 4, 50, 3), np.uint8))
    with pytest.raises(UserError, match=f"{remedy}.$"):
        TrainingWindows(tmp_path / "HR", 40)
    with pytest.raises(UserError, match=f"{remedy}.$"):
        adapt(tmp_path / "LR", tmp_path / "out", AdaptOptions(patch_size=40))


@pytest.mark.parametrize("job, name", [(TrainOptions, "flow_supervision"), (FlowOptions, "noise")])
def test_what_has_a_least_is_finite(job: type[JobOptions], name: str) -> None:
    with pytest.raises(UserError, match=f"{name} is inf; give a finite number"):
        job(**{name: float("inf")})


@pytest.mark.parametrize("job, names", [
    (TrainOptions, ("learning_rate", "flow_learning_rate")),
    (FlowOptions, ("max_shift", "match_learning_rate", "learning_rate")),
    (AdaptOptions, ("minutes", "learning_rate")),
])  # fmt: skip
def test_rates_are_positive(job: type[JobOptions], names: tuple[str, ...]) -> None:
    for name in names:
        job(**{name: 1e-9})
        zero = [0.0] if name != "flow_learning_rate" else []  # with which the flow network stays as it is
        for wrong in (*zero, -1e-4, float("inf"), float("nan")):
            with pytest.raises(UserError, match=f"{name} is {wrong}"):
                job(**{name: wrong})
    with pytest.raises(UserError, match="max_shift is 64.5; give a positive number of at most 64, the patch_size"):
        FlowOptions(max_shift=64.5)
    assert FlowOptions(max_shift=128.0, patch_size=128).max_shift == 128
    for job in (TrainOptions, AdaptOptions):
        with pytest.raises(UserError, match=r"learning_rate is 1.0; give a number between 0 and 1"):
            job(learning_rate=1.0)
    assert AdaptOptions(minutes=0.5).minutes == 0.5
    with pytest.raises(UserError, match=r"ema is -0.1; give a number below 1"):
        TrainOptions(ema=-0.1)
    TrainOptions(flow_learning_rate=0)
    with pytest.raises(UserError, match="flow_supervision is 0.1 and flow_learning_rate is 0"):
        TrainOptions(flow_learning_rate=0, flow_supervision=0.1)
    assert TrainOptions(pictures=True, soft=1.0).soft == 1.0
    for wrong in ({"soft": 0.2}, {"soft": 1.1, "pictures": True}):
        with pytest.raises(UserError, match=f"soft is {wrong['soft']} and pictures is .*give a share between 0 and 1"):
            TrainOptions(**wrong)
    with pytest.raises(UserError, match="soft is -0.1"):
        TrainOptions(pictures=True, soft=-0.1)


@pytest.mark.parametrize("side", [17, 18, 63, 65])
def test_patches_learn_from_themselves_at_a_quarter_of_their_size(side: int) -> None:
    AdaptOptions(patch_size=64)
    with pytest.raises(UserError, match=f"patch_size is {side}; give a multiple of 4"):
        AdaptOptions(patch_size=side)


@pytest.mark.parametrize("side", [65, 96, 127])
def test_pairs_are_multiples_of_what_the_flow_network_takes(side: int) -> None:
    FlowOptions(patch_size=128)
    with pytest.raises(UserError, match=f"patch_size is {side}; give a multiple of 64"):
        FlowOptions(patch_size=side)


def test_pictures_are_of_a_folder_or_of_leaves() -> None:
    assert FlowOptions(leaves=3).images is None and FlowOptions(images="p").leaves == 0
    with pytest.raises(
        UserError, match="leaves is 3 and images is 'p', which are the pictures then; leave one of both"
    ):
        FlowOptions(leaves=3, images="p")
