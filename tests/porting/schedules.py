"""Schedules of the learning rate: the rates of the first six epochs, with `step()` at the end of each."""

from typing import Any

from porting.frameworks import Framework, Numbers, outcome


def _rates(f: Framework, name: str, *values: Any, **options: Any) -> Numbers:
    parameter = f.parameter([0.0])
    optimiser = f.optimiser("SGD", [parameter], lr=1.0)
    schedule = getattr(f.schedules, name)(optimiser, *values, **options)
    rates = []
    for _ in range(6):
        before = f.numbers(parameter)[0]
        f.step(optimiser, parameter.sum())
        rates.append(before - f.numbers(parameter)[0])  # by what the optimiser does rather than by what it says
        schedule.step()
    return rates


def step_lr(f: Framework) -> Numbers:
    """StepLR(step_size=2, gamma=0.5), from 1"""
    return _rates(f, "StepLR", 2, gamma=0.5)


def step_lr_one(f: Framework) -> Numbers:
    """StepLR(step_size=1, gamma=0.5), from 1"""
    return _rates(f, "StepLR", 1, gamma=0.5)


def multi_step_lr(f: Framework) -> Numbers:
    """MultiStepLR([2, 4], gamma=0.5), from 1"""
    return _rates(f, "MultiStepLR", [2, 4], gamma=0.5)


def cosine_annealing_lr(f: Framework) -> Numbers:
    """CosineAnnealingLR(T_max=4), from 1"""
    return _rates(f, "CosineAnnealingLR", 4)


def exponential_lr(f: Framework) -> Numbers:
    """ExponentialLR(gamma=0.5), from 1"""
    return _rates(f, "ExponentialLR", 0.5)


def lambda_lr(f: Framework) -> Numbers:
    """LambdaLR(lambda epoch: 0.5 ** epoch), from 1"""
    return outcome(lambda: _rates(f, "LambdaLR", lambda epoch: 0.5**epoch))


def plateau(f: Framework) -> Numbers:
    """ReduceLROnPlateau(patience=1, factor=0.5), a loss that stays: the rates, from 1"""
    optimiser = f.optimiser("SGD", [f.parameter([0.0])], lr=1.0)
    schedule = f.schedules.ReduceLROnPlateau(optimiser, patience=1, factor=0.5)
    rates = []
    for _ in range(6):
        rates.append(optimiser.param_groups[0]["lr"] if f.name == "torch" else optimiser.lr)
        schedule.step(1.0)
    return rates


def schedule_state(f: Framework) -> Numbers:
    """Whether a schedule has a state_dict, to be resumed from"""
    return hasattr(f.schedules.StepLR(f.optimiser("SGD", [f.parameter([0.0])], lr=1.0), 2), "state_dict")
