"""Numbers: types, divisions, reductions, values that are not finite."""

from typing import Any

import numpy as np

from porting.frameworks import Framework, Numbers, outcome

NAN = float("nan")


def _type(tensor: Any) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def int64_value(f: Framework) -> Numbers:
    """2 ** 40 + 5, an int64 of numpy, as a tensor"""
    return f.numbers(f.tensor([2**40 + 5], "int64"))[0]


def int64_unconverted(f: Framework) -> Numbers:
    """2 ** 40 + 5, an int64 of numpy, as a tensor; in Jittor with `jt.flags.auto_convert_64_to_32 = 0`"""
    if f.name == "torch":
        return int64_value(f)
    with f.module.flag_scope(auto_convert_64_to_32=0):
        return int64_value(f)


def float64_type(f: Framework) -> Numbers:
    """The type of a tensor made of a float64 array"""
    return _type(f.tensor([1.0], "float64"))


def int64_type(f: Framework) -> Numbers:
    """The type of a tensor made of an int64 array"""
    return _type(f.tensor([1], "int64"))


def int_times_float(f: Framework) -> Numbers:
    """The type of an int32 tensor times 0.5"""
    return _type(f.tensor([1], "int32") * 0.5)


def int_division(f: Framework) -> Numbers:
    """1 / 2 of int32 tensors"""
    return f.numbers(f.tensor([1], "int32") / f.tensor([2], "int32"))[0]


def floor_division_int(f: Framework) -> Numbers:
    """-7 // 2 of int32 tensors"""
    return f.numbers(f.tensor([-7], "int32") // f.tensor([2], "int32"))[0]


def floor_division_float(f: Framework) -> Numbers:
    """-7 // 2 of float32 tensors"""
    return f.numbers(f.tensor([-7.0]) // f.tensor([2.0]))[0]


def modulo_int(f: Framework) -> Numbers:
    """-7 % 3 of int32 tensors"""
    return f.numbers(f.tensor([-7], "int32") % f.tensor([3], "int32"))[0]


def modulo_float(f: Framework) -> Numbers:
    """-7 % 3 of float32 tensors"""
    return f.numbers(f.tensor([-7.0]) % f.tensor([3.0]))[0]


def round_half(f: Framework) -> Numbers:
    """round of 0.5, 1.5, 2.5, -0.5, -1.5"""
    return f.numbers(f.tensor([0.5, 1.5, 2.5, -0.5, -1.5]).round())


def float_to_int(f: Framework) -> Numbers:
    """-1.7 and 1.7 as int32"""
    x = f.tensor([-1.7, 1.7])
    return f.numbers(x.int() if f.name == "torch" else x.int32())


def standard_deviation(f: Framework) -> Numbers:
    """std() of 1, 2, 3, 4"""
    return float(f.tensor([1.0, 2.0, 3.0, 4.0]).std().item())


def variance(f: Framework) -> Numbers:
    """var() of 1, 2, 3, 4"""
    return float(f.tensor([1.0, 2.0, 3.0, 4.0]).var().item())


def bool_sum(f: Framework) -> Numbers:
    """The sum of 300 times True"""
    return f.tensor([True] * 300, "bool").sum().item()


def uint8_sum(f: Framework) -> Numbers:
    """The sum of 300 times 200 in uint8"""
    return f.tensor([200] * 300, "uint8").sum().item()


def int32_sum(f: Framework) -> Numbers:
    """The sum of 4 times 2 ** 30 in int32"""
    return f.tensor([2**30] * 4, "int32").sum().item()


def uint8_add(f: Framework) -> Numbers:
    """200 + 100 in uint8"""
    x = f.tensor([200], "uint8") + f.tensor([100], "uint8")
    return f.numbers(x)[0]


def uint8_minus_number(f: Framework) -> Numbers:
    """A uint8 tensor of 1 minus the number 2"""
    return f.numbers(f.tensor([1], "uint8") - 2)[0]


def int_mean(f: Framework) -> Numbers:
    """The mean of 1 and 2 in int32"""
    return outcome(lambda: float(f.tensor([1, 2], "int32").mean().item()))


def bool_mean(f: Framework) -> Numbers:
    """The mean of True, True, False: a share, such as an accuracy"""
    return outcome(lambda: float(f.tensor([True, True, False], "bool").mean().item()))


def large_sum(f: Framework) -> Numbers:
    """The sum of 2 ** 25 ones in float32, on one thread"""
    return f.tensor(np.ones(2**25)).sum().item()


def uint8_mean(f: Framework) -> Numbers:
    """The mean of 200 and 100 in uint8: of an image"""
    return outcome(lambda: float(f.tensor([200, 100], "uint8").mean().item()))


def large_mean(f: Framework) -> Numbers:
    """Whether the mean of five million times 0.1 is 0.1 to six digits"""
    return bool(abs(f.tensor(np.full(5_000_000, 0.1)).mean().item() / np.float32(0.1) - 1) < 1e-6)


def cumulative_sum(f: Framework) -> Numbers:
    """cumsum of 1, 2, 3"""
    return f.numbers(f.tensor([1.0, 2.0, 3.0]).cumsum(0))


def argmax_at_tie(f: Framework) -> Numbers:
    """What `argmax(x, 0)` of 1, 3, 3 returns"""
    found = f.module.argmax(f.tensor([1.0, 3.0, 3.0]), 0)
    return [f.numbers(part) for part in found] if isinstance(found, tuple) else f.numbers(found)


def max_along_axis(f: Framework) -> Numbers:
    """How many tensors `x.max(dim)` returns"""
    found = f.tensor([[1.0, 3.0], [2.0, 0.0]]).max(1)
    return len(found) if isinstance(found, tuple) else 1


def argsort_result(f: Framework) -> Numbers:
    """How many tensors `argsort(x)` returns"""
    found = f.module.argsort(f.tensor([3.0, 1.0, 2.0]))
    return len(found) if isinstance(found, tuple) else 1


def sort_with_ties(f: Framework) -> Numbers:
    """The order of 20 equal values after a sort: is it kept?"""
    x = f.tensor([1.0] * 20)
    order = f.module.sort(x, stable=True)[1] if f.name == "torch" else f.module.argsort(x)[0]
    return f.numbers(order) == list(range(20))


def list_index_of_a_view(f: Framework) -> Numbers:
    """Rows 0, 1, 2 and 3, 4, 5: `x[:, 1:][:, [1, 0]]`"""
    return f.numbers(f.tensor([[0, 1, 2], [3, 4, 5]])[:, 1:][:, [1, 0]])


def nan_relu(f: Framework) -> Numbers:
    """relu(NaN)"""
    return f.numbers(f.functions.relu(f.tensor([NAN])))[0]


def nan_leaky_relu(f: Framework) -> Numbers:
    """leaky_relu(NaN, 0.1)"""
    return f.numbers(f.functions.leaky_relu(f.tensor([NAN]), 0.1))[0]


def nan_clamp(f: Framework) -> Numbers:
    """clamp(NaN, 0, 1)"""
    return f.numbers(f.tensor([NAN]).clamp(0.0, 1.0))[0]


def nan_maximum(f: Framework) -> Numbers:
    """maximum(NaN, 1), maximum(1, NaN)"""
    nan, one = f.tensor([NAN]), f.tensor([1.0])
    return [f.numbers(f.module.maximum(nan, one))[0], f.numbers(f.module.maximum(one, nan))[0]]


def nan_max(f: Framework) -> Numbers:
    """The largest of NaN, 1, 2"""
    return f.tensor([NAN, 1.0, 2.0]).max().item()


def nan_equal(f: Framework) -> Numbers:
    """NaN != NaN"""
    x = f.tensor([NAN])
    return bool(f.numbers(x != x)[0])


def powers_of_negatives(f: Framework) -> Numbers:
    """0 ** 0, (-2) ** 3, (-8) ** (1 / 3)"""
    return f.numbers(f.tensor([0.0, -2.0, -8.0]) ** f.tensor([0.0, 3.0, 1 / 3]))


def log_of_zero(f: Framework) -> Numbers:
    """log of 0 and of -1"""
    return f.numbers(f.tensor([0.0, -1.0]).log())


def subnormal_product(f: Framework) -> Numbers:
    """1e-30 * 1e-10, which is below the smallest normal number, is not 0"""
    return bool(f.numbers(f.tensor([1e-30]) * f.tensor([1e-10]))[0] > 0)


def scalar_shape(f: Framework) -> Numbers:
    """The shape of a sum of everything"""
    return str(list(f.tensor([1.0, 2.0]).sum().shape))


def half_rounding(f: Framework) -> Numbers:
    """1 + 2 ** -11 + 2 ** -11 in float16, from left to right"""

    def work() -> Numbers:
        one, small = f.tensor([1.0], "float16"), f.tensor([2**-11], "float16")
        return float(f.numbers(one + small + small)[0])

    return outcome(work)
