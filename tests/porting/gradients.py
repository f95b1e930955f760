"""Gradients where a derivative is not unique or not finite, and what takes part in them."""

import numpy as np

from porting.frameworks import Framework, Numbers, outcome


def abs_at_zero(f: Framework) -> Numbers:
    """The gradient of abs(x) at 0"""
    return f.gradient(lambda x: x.abs(), [0.0])[0]


def l1_at_ties(f: Framework) -> Numbers:
    """L1Loss of two equal tensors of 4 values: the gradient of each, times 4"""
    return f.gradient(lambda x: f.layers.L1Loss()(x, f.tensor([1.0, 2.0, 3.0, 4.0])) * 4, [1.0, 2.0, 3.0, 4.0])


def relu_at_zero(f: Framework) -> Numbers:
    """The gradient of relu(x) at 0"""
    return f.gradient(f.functions.relu, [0.0])[0]


def leaky_relu_at_zero(f: Framework) -> Numbers:
    """The gradient of leaky_relu(x, 0.1) at 0"""
    return f.gradient(lambda x: f.functions.leaky_relu(x, 0.1), [0.0])[0]


def clamp_at_bound(f: Framework) -> Numbers:
    """The gradient of clamp(x, 0, 1) at -1, 0, 0.5, 1, 2"""
    return f.gradient(lambda x: x.clamp(0.0, 1.0), [-1.0, 0.0, 0.5, 1.0, 2.0])


def maximum_at_tie(f: Framework) -> Numbers:
    """The gradients of maximum(a, b) for a and b where they are equal"""
    return f.gradient(lambda x: f.module.maximum(x[0:1], x[1:2]), [1.0, 1.0])


def max_at_tie(f: Framework) -> Numbers:
    """The gradient of the largest of 3, 3, 1"""
    return f.gradient(lambda x: x.max(), [3.0, 3.0, 1.0])


def max_pool_at_tie(f: Framework) -> Numbers:
    """The gradient of a 2x2 max-pooling of 4x4 equal values, first two rows"""
    pool = f.layers.MaxPool2d(2)
    return np.ravel(f.gradient(lambda x: pool(x), np.ones((1, 1, 4, 4)).tolist()))[:8].tolist()


def sqrt_at_zero(f: Framework) -> Numbers:
    """The gradient of sqrt(x) at 0"""
    return f.gradient(lambda x: x.sqrt(), [0.0])[0]


def norm_at_zero(f: Framework) -> Numbers:
    """The gradient of the norm of (0, 0)"""
    return f.gradient(lambda x: x.norm() if f.name == "torch" else f.module.norm(x, 2), [0.0, 0.0])


def square_by_power(f: Framework) -> Numbers:
    """The gradient of x ** 2 at 0 and at -3"""
    return f.gradient(lambda x: x**2, [0.0, -3.0])


def cube_by_power(f: Framework) -> Numbers:
    """The gradient of x ** 3.0 at 0 and at -1"""
    return f.gradient(lambda x: x**3.0, [0.0, -1.0])


def round_gradient(f: Framework) -> Numbers:
    """The gradient of round(x) at 0.3"""
    return f.gradient(lambda x: x.round(), [0.3])[0]


def std_of_equals(f: Framework) -> Numbers:
    """The gradient of the standard deviation of 2, 2"""
    return f.gradient(lambda x: x.std(), [2.0, 2.0])


def sum_of_repeats(f: Framework) -> Numbers:
    """The gradient of the sum of x[0], x[0], x[1]"""
    return f.gradient(lambda x: x[f.tensor([0, 0, 1], "int32").long()], [1.0, 1.0])


def plain_tensor(f: Framework) -> Numbers:
    """Whether a tensor made of an array takes part in gradients without being asked to"""
    x = f.tensor([1.0])
    return bool(x.requires_grad)


def gradient_of_stopped(f: Framework) -> Numbers:
    """The gradient of 2 x for an x that takes no part in gradients"""

    def work() -> Numbers:
        if f.name == "torch":
            x = f.tensor([1.0])
            (grad,) = f.module.autograd.grad((x * 2).sum(), [x])
        else:
            x = f.tensor([1.0]).stop_grad()
            grad = f.module.grad((x * 2).sum(), x)
        return f.numbers(grad)[0]

    return outcome(work)


def gradient_of_unused(f: Framework) -> Numbers:
    """The gradient of 2 x for a y that it does not use"""
    x, y = f.parameter([1.0]), f.parameter([1.0])
    grad = f.module.autograd.grad if f.name == "torch" else f.module.grad
    return outcome(lambda: f.numbers(grad((x * 2).sum(), [y])[0])[0])


def detach_in_place(f: Framework) -> Numbers:
    """After `x.detach()` (Jittor: `x.stop_grad()`, the result thrown away) x itself still takes part in gradients"""
    x = f.parameter([1.0])
    _ = x.detach() if f.name == "torch" else x.stop_grad()
    return bool(x.requires_grad)


def detach(f: Framework) -> Numbers:
    """After `x.detach()` x itself still takes part in gradients"""
    x = f.parameter([1.0])
    _ = x.detach()
    return bool(x.requires_grad)


def layer_made_without_grad(f: Framework) -> Numbers:
    """Whether a Linear layer that was made within no_grad() learns afterwards"""
    with f.module.no_grad():
        layer = f.layers.Linear(1, 1)
    return bool(layer.weight.requires_grad)


def loss_of_many_values(f: Framework) -> Numbers:
    """SGD, rate 1: a step down a loss of two values, which nobody has summed"""
    parameter = f.parameter([0.0, 0.0])

    def work() -> Numbers:
        f.step(f.optimiser("SGD", [parameter], lr=1), parameter * 1.0)
        return f.numbers(parameter)

    return outcome(work)


def backward_twice(f: Framework) -> Numbers:
    """The gradient of x * x at 1, asked for a second time without retain_graph"""
    x = f.parameter([1.0])
    loss = (x * x).sum()
    grad = f.module.autograd.grad if f.name == "torch" else f.module.grad

    def work() -> Numbers:
        grad(loss, [x])
        return f.numbers(grad(loss, [x])[0])[0]

    return outcome(work)


def parameter_in_place(f: Framework) -> Numbers:
    """A parameter of 1 after `parameter += 1`, outside no_grad()"""

    def work() -> Numbers:
        parameter = f.parameter([1.0])
        parameter += 1
        return f.numbers(parameter)[0]

    return outcome(work)
