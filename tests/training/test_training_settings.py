"""The checks of the training's options, beside those in test_settings.py."""

import pytest

from vsrlib.common.errors import UserError
from vsrlib.study.settings import TrainSettings


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
