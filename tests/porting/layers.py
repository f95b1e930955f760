"""Layers: defaults, first values, and what differs in their results."""

from typing import Any

import numpy as np

from porting.frameworks import Framework, Numbers, outcome


def _image(f: Framework, values: Any) -> Any:
    return f.tensor(np.asarray(values, np.float32)[None, None])


def _flat(f: Framework, tensor: Any) -> Numbers:
    return np.ravel(f.numbers(tensor)).tolist()


def _spread(f: Framework, tensor: Any, fan_in: int) -> float:
    return round(float(np.std(np.asarray(f.numbers(tensor)))) * fan_in**0.5, 2)


def grid_sample_default(f: Framework) -> Numbers:
    """grid_sample of 0, 1, 2, 3 at -1 and at 1, align_corners not given"""
    grid = f.tensor([[[[-1.0, 0.0], [1.0, 0.0]]]])
    return _flat(f, f.functions.grid_sample(_image(f, [[0.0, 1.0, 2.0, 3.0]]), grid))


def grid_sample_border(f: Framework) -> Numbers:
    """grid_sample of 0, 1, 2, 3 at -2, 0.5 and 2, border, align_corners=True"""
    grid = f.tensor([[[[-2.0, 0.0], [0.5, 0.0], [2.0, 0.0]]]])
    return _flat(
        f,
        f.functions.grid_sample(_image(f, [[0.0, 1.0, 2.0, 3.0]]), grid, padding_mode="border", align_corners=True),
    )


def interpolate_default(f: Framework) -> Numbers:
    """interpolate of 0, 8 to twice the size, mode not given"""
    return _flat(f, f.functions.interpolate(_image(f, [[0.0, 8.0]]), size=(1, 4)))


def interpolate_bilinear(f: Framework) -> Numbers:
    """interpolate of 0, 8, 4 to a size of 5, bilinear"""
    return _flat(f, f.functions.interpolate(_image(f, [[0.0, 8.0, 4.0]]), size=(1, 5), mode="bilinear"))


def interpolate_to_one(f: Framework) -> Numbers:
    """interpolate of 0, 8, 4, 2 to a size of 1, bilinear"""
    return _flat(f, f.functions.interpolate(_image(f, [[0.0, 8.0, 4.0, 2.0]] * 2), size=(2, 1), mode="bilinear"))[:1]


def interpolate_factor(f: Framework) -> Numbers:
    """interpolate of 0, 8, 4 by a factor of 1.5, bilinear: a size of 4.5"""
    x = _image(f, [[0.0, 8.0, 4.0]] * 2)
    return _flat(f, f.functions.interpolate(x, scale_factor=1.5, mode="bilinear"))[:4]


def interpolate_bicubic(f: Framework) -> Numbers:
    """interpolate of 0, 8, 4, 0 to a size of 8, bicubic: the third and fourth value"""
    x = _image(f, np.tile([0.0, 8.0, 4.0, 0.0], (4, 1)))
    return _flat(f, f.functions.interpolate(x, size=(4, 8), mode="bicubic"))[2:4]


def interpolate_nearest(f: Framework) -> Numbers:
    """interpolate of 0, 1, 2, 3, 4 to a size of 3, nearest"""
    return _flat(f, f.functions.interpolate(_image(f, [[0.0, 1.0, 2.0, 3.0, 4.0]]), size=(1, 3), mode="nearest"))


def interpolate_four(f: Framework) -> Numbers:
    """interpolate of 0, 8 by a factor of 4, bilinear: the first row"""
    return _flat(f, f.functions.interpolate(_image(f, [[0.0, 8.0]] * 2), scale_factor=4, mode="bilinear"))[:8]


def pad_modes(f: Framework) -> Numbers:
    """pad of 1, 2, 3 by one on the left and two on the right, with 0, reflected, repeated"""
    return [
        _flat(f, f.functions.pad(_image(f, [[1.0, 2.0, 3.0]]), [1, 2, 0, 0], mode=mode))
        for mode in ("constant", "reflect", "replicate")
    ]


def replication_pad(f: Framework) -> Numbers:
    """ReplicationPad2d((1, 2, 0, 0)) of 1, 2, 3"""
    return outcome(lambda: _flat(f, f.layers.ReplicationPad2d((1, 2, 0, 0))(_image(f, [[1.0, 2.0, 3.0]]))))


def pixel_shuffle(f: Framework) -> Numbers:
    """PixelShuffle(2) of the channels 0, 1, 2, 3, row by row"""
    return _flat(f, f.layers.PixelShuffle(2)(f.tensor(np.arange(4.0).reshape(1, 4, 1, 1))))


def adaptive_pool(f: Framework) -> Numbers:
    """AdaptiveAvgPool2d of 0, 1, 2, 3, 4 to a width of 3"""
    return outcome(lambda: _flat(f, f.layers.AdaptiveAvgPool2d((1, 3))(_image(f, [[0.0, 1.0, 2.0, 3.0, 4.0]]))))


def padded_average_pool(f: Framework) -> Numbers:
    """AvgPool2d(2, padding=1, count_include_pad=False) of ones: the corner"""
    pool = f.layers.AvgPool2d(2, 2, 1, count_include_pad=False)
    return outcome(lambda: _flat(f, pool(_image(f, np.ones((4, 4)))))[0])


def max_pool_of_all(f: Framework) -> Numbers:
    """MaxPool2d(2) of a 2x2 image of ones"""
    return outcome(lambda: _flat(f, f.layers.MaxPool2d(2)(_image(f, np.ones((2, 2))))))


def conv_padding_mode(f: Framework) -> Numbers:
    """Whether Conv2d takes `padding_mode="reflect"`"""
    return outcome(lambda: callable(f.layers.Conv2d(1, 1, 3, padding=1, padding_mode="reflect")))


def _with_weights(f: Framework, layer: Any) -> Any:
    shape = list(layer.weight.shape)
    values = {"weight": f.tensor(np.arange(np.prod(shape), dtype=np.float32).reshape(shape)), "bias": f.tensor([1.0])}
    layer.load_state_dict(values)
    return layer


def conv_output(f: Framework) -> Numbers:
    """Conv2d(2, 1, 3, padding=2, dilation=2) of ones, weights 0 to 17, bias 1: first row"""
    layer = _with_weights(f, f.layers.Conv2d(2, 1, 3, padding=2, dilation=2))
    return _flat(f, layer(f.tensor(np.ones((1, 2, 3, 3)))))[:3]


def deconv_output(f: Framework) -> Numbers:
    """ConvTranspose2d(2, 1, 4, 2, 1) of ones, weights 0 to 31, bias 1: first row"""
    layer = _with_weights(f, f.layers.ConvTranspose2d(2, 1, 4, 2, 1))
    return _flat(f, layer(f.tensor(np.ones((1, 2, 2, 2)))))[:4]


def conv_weights(f: Framework) -> Numbers:
    """A new Conv2d(64, 128, 3): standard deviation of its weights times the root of its fan-in"""
    f.seed(1)
    return _spread(f, f.layers.Conv2d(64, 128, 3).weight, 64 * 9)


def conv_bias(f: Framework) -> Numbers:
    """A new Conv2d(4, 2 ** 16, 1): standard deviation of its biases times the root of its fan-in"""
    f.seed(1)
    return _spread(f, f.layers.Conv2d(4, 2**16, 1).bias, 4)


def deconv_weights(f: Framework) -> Numbers:
    """A new ConvTranspose2d(64, 128, 3): standard deviation of its weights times the root of 128 * 9"""
    f.seed(1)
    return _spread(f, f.layers.ConvTranspose2d(64, 128, 3).weight, 128 * 9)


def linear_weights(f: Framework) -> Numbers:
    """A new Linear(256, 256): standard deviation of its weights times the root of its fan-in"""
    f.seed(1)
    return _spread(f, f.layers.Linear(256, 256).weight, 256)


def embedding_weights(f: Framework) -> Numbers:
    """A new Embedding(256, 256): standard deviation of its weights"""
    f.seed(1)
    return _spread(f, f.layers.Embedding(256, 256).weight, 1)


def batch_norm_output(f: Framework) -> Numbers:
    """A new BatchNorm2d of 0, 2, in training"""
    return _flat(f, f.layers.BatchNorm2d(1)(f.tensor([[[[0.0, 2.0]]]])))


def batch_norm_running(f: Framework) -> Numbers:
    """A new BatchNorm2d after a batch of 0, 2: running mean and running variance"""
    layer = f.layers.BatchNorm2d(1)
    f.numbers(layer(f.tensor([[[[0.0, 2.0]]]])))
    return [f.numbers(layer.running_mean)[0], f.numbers(layer.running_var)[0]]


def batch_norm_of_one(f: Framework) -> Numbers:
    """BatchNorm in training of a single value, 3"""
    return outcome(lambda: _flat(f, f.layers.BatchNorm1d(1)(f.tensor([[3.0]]))))


def batch_norm_parameters(f: Framework) -> Numbers:
    """How many tensors `BatchNorm2d(1).parameters()` has"""
    return len(list(f.layers.BatchNorm2d(1).parameters()))


def instance_norm_parameters(f: Framework) -> Numbers:
    """How many tensors `InstanceNorm2d(1).parameters()` has"""
    return len(list(f.layers.InstanceNorm2d(1).parameters()))


def _dropped(f: Framework, tensor: Any) -> Numbers:
    values = np.ravel(f.numbers(tensor))
    return [bool((values == 0).any()), float(values.max())]


def dropout_layer(f: Framework) -> Numbers:
    """A new Dropout(0.5) of 1000 ones: is something dropped, and the largest value"""
    return _dropped(f, f.layers.Dropout(0.5)(f.tensor(np.ones(1000))))


def dropout_after_train(f: Framework) -> Numbers:
    """A new Dropout(0.5) of 1000 ones after `layer.train()`: is something dropped, and the largest value"""
    layer = f.layers.Dropout(0.5)
    layer.train()
    return _dropped(f, layer(f.tensor(np.ones(1000))))


def dropout_function(f: Framework) -> Numbers:
    """The function dropout(x, 0.5) of 1000 ones: is something dropped, and the largest value"""
    return _dropped(f, f.functions.dropout(f.tensor(np.ones(1000)), 0.5))


def gelu(f: Framework) -> Numbers:
    """gelu(1)"""
    return f.numbers(f.functions.gelu(f.tensor([1.0])))[0]


def leaky_relu_default(f: Framework) -> Numbers:
    """leaky_relu(-1), slope not given"""
    return f.numbers(f.functions.leaky_relu(f.tensor([-1.0])))[0]


def softmax_without_axis(f: Framework) -> Numbers:
    """softmax of two rows of two zeros, axis not given: the first value"""
    return _flat(f, f.functions.softmax(f.tensor(np.zeros((2, 2)))))[0]


def cross_entropy_ignored(f: Framework) -> Numbers:
    """cross_entropy of (0, 0) twice, classes 0 and -100"""
    loss = f.functions.cross_entropy if f.name == "torch" else f.functions.cross_entropy_loss
    return float(loss(f.tensor(np.zeros((2, 2))), f.tensor([0, -100], "int64")).item())


def cross_entropy_minus_one(f: Framework) -> Numbers:
    """cross_entropy of (0, 0) twice, classes 0 and -1"""
    loss = f.functions.cross_entropy if f.name == "torch" else f.functions.cross_entropy_loss
    return outcome(lambda: float(loss(f.tensor(np.zeros((2, 2))), f.tensor([0, -1], "int64")).item()))


def l1_of_two_shapes(f: Framework) -> Numbers:
    """L1Loss of a column of 0, 1 against a row of 0, 1"""
    return float(f.layers.L1Loss()(f.tensor([[0.0], [1.0]]), f.tensor([[0.0, 1.0]])).item())


def l1_of_two_lengths(f: Framework) -> Numbers:
    """L1Loss of four zeros against two ones"""
    return outcome(lambda: float(f.layers.L1Loss()(f.tensor([0.0] * 4), f.tensor([1.0] * 2)).item()))


def l1_reduction(f: Framework) -> Numbers:
    """L1Loss(reduction="sum") of 0, 0 against 1, 1"""
    return outcome(lambda: float(f.layers.L1Loss(reduction="sum")(f.tensor([0.0, 0.0]), f.tensor([1.0, 1.0])).item()))


def bce_of_zero(f: Framework) -> Numbers:
    """BCELoss of 0 where 1 is wanted"""
    return float(f.layers.BCELoss()(f.tensor([0.0]), f.tensor([1.0])).item())


def smooth_l1(f: Framework) -> Numbers:
    """SmoothL1Loss of 0 against 0.5 and 2"""
    return float(f.layers.SmoothL1Loss()(f.tensor([0.0, 0.0]), f.tensor([0.5, 2.0])).item())


def name_of_forward(f: Framework) -> Numbers:
    """The method of a module that is called: what a subclass writes"""
    return next(name for name in ("forward", "execute") if name in vars(f.layers.Conv2d))


def tensor_attribute(f: Framework) -> Numbers:
    """A module that keeps a tensor as `self.offset`: how many parameters it has"""
    offset = f.tensor([1.0])

    class Holder(f.layers.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.offset = offset

    return len(list(Holder().parameters()))
