"""Optimisers: where a parameter stands after steps with given gradients."""

import tempfile
from pathlib import Path

import numpy as np

from porting.frameworks import Framework, Numbers, outcome


def adam_usual(f: Framework) -> Numbers:
    """Adam, rate 1, gradients 1, 2, -1: the parameter after each step, from 0"""
    return f.moves("Adam", [1, 2, -1], lr=1)


def adam_epsilon(f: Framework) -> Numbers:
    """Adam, rate 1, a gradient of 1e-9: how far the first step goes"""
    return -f.moves("Adam", [1e-9], lr=1)[0]


def adamw_epsilon(f: Framework) -> Numbers:
    """AdamW, rate 1, no decay, a gradient of 1e-9: how far the first step goes"""
    return -f.moves("AdamW", [1e-9], lr=1, weight_decay=0)[0]


def adam_decay(f: Framework) -> Numbers:
    """Adam, rate 0.1, weight_decay 0.1, gradient 1, from 1: after the first step"""
    return f.moves("Adam", [1], 1.0, lr=0.1, weight_decay=0.1)[0]


def adamw_decay(f: Framework) -> Numbers:
    """AdamW, rate 0.1, weight_decay 0.1, gradient 1, from 1: after the first step"""
    return f.moves("AdamW", [1], 1.0, lr=0.1, weight_decay=0.1)[0]


def adamw_default_decay(f: Framework) -> Numbers:
    """AdamW's weight_decay where none is given"""
    optimiser = f.optimiser("AdamW", [f.parameter([1.0])], lr=0.1)
    return float(optimiser.defaults["weight_decay"])


def adam_default_rate(f: Framework) -> Numbers:
    """Adam's rate where none is given"""
    return outcome(lambda: float(f.optimiser("Adam", [f.parameter([1.0])]).defaults["lr"]))


def sgd_momentum(f: Framework) -> Numbers:
    """SGD, rate 1, momentum 0.9, gradients 1, 1, 1: after each step, from 0"""
    return f.moves("SGD", [1, 1, 1], lr=1, momentum=0.9)


def sgd_nesterov(f: Framework) -> Numbers:
    """SGD, rate 1, momentum 0.9, nesterov, gradients 1, 1: after each step, from 0"""
    return f.moves("SGD", [1, 1], lr=1, momentum=0.9, nesterov=True)


def sgd_dampening(f: Framework) -> Numbers:
    """SGD, rate 1, momentum 0.9, dampening 0.5, gradient 1: how far the first step goes"""
    return -f.moves("SGD", [1], lr=1, momentum=0.9, dampening=0.5)[0]


def rmsprop(f: Framework) -> Numbers:
    """RMSprop, rate 1, gradients 1, 1: after each step, from 0"""
    return f.moves("RMSprop", [1, 1], lr=1)


def group_rates(f: Framework) -> Numbers:
    """SGD, rate 1, two groups, the second with a rate of 0.1, gradients 1: both after a step, from 0"""
    first, second = f.parameter([0.0]), f.parameter([0.0])
    optimiser = f.optimiser("SGD", [{"params": [first]}, {"params": [second], "lr": 0.1}], lr=1)
    f.step(optimiser, (first + second).sum())
    return [f.numbers(first)[0], f.numbers(second)[0]]


def optimiser_lr(f: Framework) -> Numbers:
    """SGD, rate 1: after `optimiser.lr = 0.5` a step with gradient 1 goes"""
    parameter = f.parameter([0.0])
    optimiser = f.optimiser("SGD", [parameter], lr=1)
    optimiser.lr = 0.5
    f.step(optimiser, parameter.sum())
    return -f.numbers(parameter)[0]


def group_key_lr(f: Framework) -> Numbers:
    """Whether `optimiser.param_groups[0]["lr"]` can be read where the rate was given for all groups"""
    optimiser = f.optimiser("SGD", [f.parameter([0.0])], lr=1)
    return outcome(lambda: float(optimiser.param_groups[0]["lr"]))


def forgotten_zero_grad(f: Framework) -> Numbers:
    """SGD, rate 1, gradient 1, no zero_grad() between two steps: how far the two go together"""
    parameter = f.parameter([0.0])
    optimiser = f.optimiser("SGD", [parameter], lr=1)
    for _ in range(2):
        if f.name == "torch":
            parameter.sum().backward()
            optimiser.step()
        else:
            optimiser.backward(parameter.sum())
            optimiser.step()
    return -f.numbers(parameter)[0]


def _accumulated(f: Framework, name: str) -> float:
    parameter = f.parameter([0.0])
    optimiser = f.optimiser(name, [parameter], lr=1)
    optimiser.zero_grad()
    for _ in range(2):
        loss = parameter.sum()
        if f.name == "torch":
            loss.backward()
        else:
            optimiser.backward(loss)
    optimiser.step()
    return -f.numbers(parameter)[0]


def sgd_accumulated(f: Framework) -> Numbers:
    """SGD, rate 1, two backward passes with gradient 1, then one step: how far it goes"""
    return _accumulated(f, "SGD")


def adam_accumulated(f: Framework) -> Numbers:
    """Adam, rate 1, two backward passes with gradient 1, then one step: how far it goes"""
    return _accumulated(f, "Adam")


def unused_parameter(f: Framework) -> Numbers:
    """SGD, rate 1, weight_decay 0.1: a parameter of 1 that the loss does not use, after a step"""
    used, unused = f.parameter([1.0]), f.parameter([1.0])
    f.step(f.optimiser("SGD", [used, unused], lr=1, weight_decay=0.1), used.sum())
    return f.numbers(unused)[0]


def parameter_twice(f: Framework) -> Numbers:
    """SGD, rate 1, gradient 1, a parameter that stands in two groups: how far a step goes"""
    parameter = f.parameter([0.0])

    def work() -> Numbers:
        optimiser = f.optimiser("SGD", [{"params": [parameter]}, {"params": [parameter]}], lr=1)
        f.step(optimiser, parameter.sum())
        return -f.numbers(parameter)[0]

    return outcome(work)


def clip_grad_value(f: Framework) -> Numbers:
    """Gradients 3 and -4 after `nn.utils.clip_grad_value_(parameters, 1)`"""
    parameter = f.parameter([0.0, 0.0])
    gradient = f.tensor([3.0, -4.0])
    if f.name == "torch":
        (parameter * gradient).sum().backward()
        f.module.nn.utils.clip_grad_value_([parameter], 1.0)
        return f.numbers(parameter.grad)
    return outcome(lambda: f.module.nn.utils.clip_grad_value_([parameter], 1.0))


def clip_grad_norm(f: Framework) -> Numbers:
    """Gradients 3 and -4 clipped to a norm of 1 (Jittor: `optimizer.clip_grad_norm`)"""
    parameter = f.parameter([0.0, 0.0])
    loss = (parameter * f.tensor([3.0, -4.0])).sum()
    if f.name == "torch":
        loss.backward()
        f.module.nn.utils.clip_grad_norm_([parameter], 1.0)
        return f.numbers(parameter.grad)
    optimiser = f.optimiser("SGD", [parameter], lr=1)
    optimiser.backward(loss)
    optimiser.clip_grad_norm(1.0)
    return f.numbers(optimiser.param_groups[0]["grads"][0])


def loss_backward(f: Framework) -> Numbers:
    """The gradient that `loss.backward()` leaves for a loss of 2 x"""
    x = f.parameter([1.0])

    def work() -> Numbers:
        (x * 2).sum().backward()
        return f.numbers(x.grad)[0]

    return outcome(work)


def optimiser_state(f: Framework) -> Numbers:
    """Adam: three steps, its state_dict saved and loaded by a new Adam, a step of each: do both go equally far?"""
    one, other = f.parameter([0.0]), f.parameter([0.0])
    first, second = f.optimiser("Adam", [one], lr=1), f.optimiser("Adam", [other], lr=1)
    for gradient in (1.0, 2.0, -1.0):
        f.step(first, (one * gradient).sum())
    before = f.numbers(one)[0]
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "optimiser.pkl"))
        f.module.save(first.state_dict(), path)
        second.load_state_dict(f.module.load(path))
    f.step(first, one.sum())
    f.step(second, other.sum())
    return bool(np.isclose(f.numbers(one)[0] - before, f.numbers(other)[0], rtol=1e-4))


def state_dict_keys(f: Framework) -> Numbers:
    """The keys of an optimiser's state_dict"""
    return sorted(f.optimiser("Adam", [f.parameter([0.0])], lr=1).state_dict())
