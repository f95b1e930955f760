"""The network in PaddlePaddle. Its twin, line for line, is `torch_net.py`; its layers stand in `networks.architecture`.

Self-Blind-VSR (Bai and Pan, TPAMI 2024, arXiv 2201.07422). Frames are RGB in [0, 1], (B, 3, h, w);
a window is (B, 5, 3, h, w). Flow is in pixels, (B, 2, h, w), x (right) before y (down).
`correlation` is one of the kernels of `vsrlib.kernels.correlation`, `blur_down` one of `vsrlib.kernels.blur`.
"""

from collections.abc import Callable

from vsrlib.networks import architecture as arch
from vsrlib.networks import paddle_ops as ops
from vsrlib.networks.architecture import Layers, NetworkConfig
from vsrlib.networks.paddle_ops import F, Tensor, conv, deconv, linear, nn, paddle

Correlation = Callable[[Tensor, Tensor], Tensor]
BlurDown = Callable[[Tensor, Tensor, int], Tensor]
Restore = Callable[[Tensor], Tensor]


class ResBlock(nn.Layer):
    """y = x + conv2(ReLU(conv1(x))); no activation after the sum."""

    def __init__(self, layers: Layers) -> None:
        super().__init__()
        self.conv1 = conv(layers["conv1"])
        self.conv2 = conv(layers["conv2"])

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(F.relu(self.conv1(x)))


class ChannelAttention(nn.Layer):
    """Scales each channel by a sigmoid of the channels' means (Zhang et al., ECCV 2018, section 3.3)."""

    def __init__(self, layers: Layers) -> None:
        super().__init__()
        self.conv_du = nn.Sequential(conv(layers["conv_du.0"]), nn.ReLU(), conv(layers["conv_du.2"]), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        return x * self.conv_du(ops.global_mean(x))


class RCAB(nn.Layer):
    """Residual channel-attention block (Zhang et al., ECCV 2018, equation 10)."""

    def __init__(self, layers: Layers) -> None:
        super().__init__()
        attention = ChannelAttention(layers.under("body.3"))
        self.body = nn.Sequential(conv(layers["body.0"]), nn.ReLU(), conv(layers["body.2"]), attention)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class KernelNet(nn.Layer):
    """Five LR frames (B, 15, h, w) -> blur kernel (B, 1, 13, 13), not negative, sum 1."""

    def __init__(self, layers: Layers, size: int) -> None:
        super().__init__()
        self.size = size
        self.in_conv = conv(layers["in_conv"])
        self.body1 = nn.Sequential(RCAB(layers.under("body1.0")), RCAB(layers.under("body1.1")))
        self.body2 = nn.Sequential(
            RCAB(layers.under("body2.0")),
            RCAB(layers.under("body2.1")),
            conv(layers["body2.2"]),
            conv(layers["body2.3"]),
        )
        self.fc_net = nn.Sequential(linear(layers["fc_net.0"]), linear(layers["fc_net.1"]))

    def forward(self, frames: Tensor) -> Tensor:
        x = ops.adaptive_mean(self.body1(self.in_conv(frames)), self.size)
        x = self.fc_net(self.body2(x).reshape(frames.shape[0], self.size * self.size))
        return F.softmax(x, dim=1).reshape(frames.shape[0], 1, self.size, self.size)


class Extractor(nn.Layer):
    """Feature pyramid of a frame: levels 1 to 6, each half the size of the one before."""

    def __init__(self, layers: Layers) -> None:
        super().__init__()
        self.moduleOne = self.level(layers.under("moduleOne"))
        self.moduleTwo = self.level(layers.under("moduleTwo"))
        self.moduleThr = self.level(layers.under("moduleThr"))
        self.moduleFou = self.level(layers.under("moduleFou"))
        self.moduleFiv = self.level(layers.under("moduleFiv"))
        self.moduleSix = self.level(layers.under("moduleSix"))

    @staticmethod
    def level(layers: Layers) -> nn.Sequential:
        return nn.Sequential(
            conv(layers["0"]),
            ops.LeakyReLU(arch.LEAKY_SLOPE),
            conv(layers["2"]),
            ops.LeakyReLU(arch.LEAKY_SLOPE),
            conv(layers["4"]),
            ops.LeakyReLU(arch.LEAKY_SLOPE),
        )

    def forward(self, frame: Tensor) -> dict[int, Tensor]:
        one = self.moduleOne(frame)
        two = self.moduleTwo(one)
        three = self.moduleThr(two)
        four = self.moduleFou(three)
        five = self.moduleFiv(four)
        six = self.moduleSix(five)
        return {1: one, 2: two, 3: three, 4: four, 5: five, 6: six}


class Decoder(nn.Layer):
    """One pyramid level: correlate, densely connect, predict the flow (Sun et al., CVPR 2018, section 3)."""

    def __init__(self, layers: Layers, level: int, align_corners: bool, correlation: Correlation) -> None:
        super().__init__()
        self.level = level
        self.align_corners = align_corners
        self.correlation = correlation
        if level in arch.WARP_SCALE:
            self.moduleUpflow = deconv(layers["moduleUpflow"])
            self.moduleUpfeat = deconv(layers["moduleUpfeat"])
        self.moduleOne = nn.Sequential(conv(layers["moduleOne.0"]), ops.LeakyReLU(arch.LEAKY_SLOPE))
        self.moduleTwo = nn.Sequential(conv(layers["moduleTwo.0"]), ops.LeakyReLU(arch.LEAKY_SLOPE))
        self.moduleThr = nn.Sequential(conv(layers["moduleThr.0"]), ops.LeakyReLU(arch.LEAKY_SLOPE))
        self.moduleFou = nn.Sequential(conv(layers["moduleFou.0"]), ops.LeakyReLU(arch.LEAKY_SLOPE))
        self.moduleFiv = nn.Sequential(conv(layers["moduleFiv.0"]), ops.LeakyReLU(arch.LEAKY_SLOPE))
        self.moduleSix = nn.Sequential(conv(layers["moduleSix.0"]))

    def forward(self, first: Tensor, second: Tensor, coarser: tuple[Tensor, Tensor] | None) -> tuple[Tensor, Tensor]:
        feat = self.gathered(first, second, coarser)
        feat = paddle.concat([self.moduleOne(feat), feat], dim=1)
        feat = paddle.concat([self.moduleTwo(feat), feat], dim=1)
        feat = paddle.concat([self.moduleThr(feat), feat], dim=1)
        feat = paddle.concat([self.moduleFou(feat), feat], dim=1)
        feat = paddle.concat([self.moduleFiv(feat), feat], dim=1)
        return self.moduleSix(feat), feat

    def gathered(self, first: Tensor, second: Tensor, coarser: tuple[Tensor, Tensor] | None) -> Tensor:
        """What the dense layers are given: correlation, features, and the coarser level's flow and features."""
        if coarser is None:
            return F.leaky_relu(self.correlation(first, second), arch.LEAKY_SLOPE)
        flow, dense = coarser
        upflow = self.moduleUpflow(flow)
        upfeat = self.moduleUpfeat(dense)
        warped = self.warp(second, upflow * arch.WARP_SCALE[self.level])
        volume = F.leaky_relu(self.correlation(first, warped), arch.LEAKY_SLOPE)
        return paddle.concat([volume, first, upflow, upfeat], dim=1)

    def warp(self, x: Tensor, flow: Tensor) -> Tensor:
        """Sample x where the flow points; zero wherever that is not wholly inside the frame."""
        sampled = ops.sample(x, flow, "zeros", self.align_corners)
        inside = ops.sample(ops.ones(x), flow, "zeros", self.align_corners)
        return sampled * ops.above(inside, arch.MASK_THRESHOLD)


class Refiner(nn.Layer):
    """Context network: dilated convolutions that correct the flow (Sun et al., CVPR 2018, section 3)."""

    def __init__(self, layers: Layers) -> None:
        super().__init__()
        self.moduleMain = nn.Sequential(
            conv(layers["moduleMain.0"]),
            ops.LeakyReLU(arch.LEAKY_SLOPE),
            conv(layers["moduleMain.2"]),
            ops.LeakyReLU(arch.LEAKY_SLOPE),
            conv(layers["moduleMain.4"]),
            ops.LeakyReLU(arch.LEAKY_SLOPE),
            conv(layers["moduleMain.6"]),
            ops.LeakyReLU(arch.LEAKY_SLOPE),
            conv(layers["moduleMain.8"]),
            ops.LeakyReLU(arch.LEAKY_SLOPE),
            conv(layers["moduleMain.10"]),
            ops.LeakyReLU(arch.LEAKY_SLOPE),
            conv(layers["moduleMain.12"]),
        )

    def forward(self, dense: Tensor) -> Tensor:
        return self.moduleMain(dense)


class PWCNet(nn.Layer):
    """PWC-Net (Sun et al., CVPR 2018); flow at a quarter of the size, in units of 20 pixels."""

    def __init__(self, layers: Layers, align_corners: bool, correlation: Correlation) -> None:
        super().__init__()
        self.moduleExtractor = Extractor(layers.under("moduleExtractor"))
        self.moduleTwo = Decoder(layers.under("moduleTwo"), 2, align_corners, correlation)
        self.moduleThr = Decoder(layers.under("moduleThr"), 3, align_corners, correlation)
        self.moduleFou = Decoder(layers.under("moduleFou"), 4, align_corners, correlation)
        self.moduleFiv = Decoder(layers.under("moduleFiv"), 5, align_corners, correlation)
        self.moduleSix = Decoder(layers.under("moduleSix"), 6, align_corners, correlation)
        self.moduleRefiner = Refiner(layers.under("moduleRefiner"))

    def forward(self, first: dict[int, Tensor], second: dict[int, Tensor]) -> Tensor:
        six = self.moduleSix(first[6], second[6], None)
        five = self.moduleFiv(first[5], second[5], six)
        four = self.moduleFou(first[4], second[4], five)
        three = self.moduleThr(first[3], second[3], four)
        flow, dense = self.moduleTwo(first[2], second[2], three)
        return flow + self.moduleRefiner(dense)


class FlowNet(nn.Layer):
    """PWC-Net for frames of any size: resized to multiples of 64 on the way in, and back on the way out."""

    def __init__(self, layers: Layers, align_corners: bool, correlation: Correlation) -> None:
        super().__init__()
        self.moduleNetwork = PWCNet(layers.under("moduleNetwork"), align_corners, correlation)

    def pyramid(self, frame: Tensor) -> dict[int, Tensor]:
        """Feature pyramid of a frame, levels 1 to 6; it serves every flow from or to that frame."""
        height, width = (-(-side // arch.FLOW_STRIDE) * arch.FLOW_STRIDE for side in frame.shape[2:])
        return self.moduleNetwork.moduleExtractor(ops.resize(frame, (height, width)))

    def between(self, first: dict[int, Tensor], second: dict[int, Tensor], size: tuple[int, int]) -> Tensor:
        """Flow from the first frame to the second, both given as pyramids, for frames of `size` (height, width)."""
        return self.in_pixels(self.moduleNetwork(first, second), size)

    def in_pixels(self, flow: Tensor, size: tuple[int, int]) -> Tensor:
        """What `moduleNetwork` finds, in pixels of frames of `size`."""
        height, width = (4 * side for side in flow.shape[2:])
        flow = ops.resize(flow, size) * arch.FLOW_SCALE
        return paddle.concat([flow[:, 0:1] * (size[1] / width), flow[:, 1:2] * (size[0] / height)], dim=1)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        return self.between(self.pyramid(first), self.pyramid(second), tuple(first.shape[2:]))


class SelfBlindVSR(nn.Layer):
    """The whole network; its forward modes are the methods `infer` and `cycle`."""

    def __init__(self, config: NetworkConfig, correlation: Correlation, blur_down: BlurDown) -> None:
        super().__init__()
        layers = arch.layers(config)
        self.config = config
        self.blur_down = blur_down
        self.in_conv = nn.Sequential(conv(layers["in_conv.0"]))
        self.extra_feat = nn.Sequential(
            *[ResBlock(layers.under(f"extra_feat.{i}")) for i in range(config.extra_blocks)]
        )
        self.fusion_conv = nn.Sequential(conv(layers["fusion_conv.0"]))
        self.recons_net = nn.Sequential(
            *[ResBlock(layers.under(f"recons_net.{i}")) for i in range(config.recons_blocks)]
        )
        self.upsample_layers = nn.Sequential(
            conv(layers["upsample_layers.0"]), nn.PixelShuffle(2), conv(layers["upsample_layers.2"]), nn.PixelShuffle(2)
        )
        self.out_conv = nn.Sequential(conv(layers["out_conv.0"]), conv(layers["out_conv.1"]))
        self.flow_net = FlowNet(layers.under("flow_net"), config.align_corners, correlation)
        self.kernel_net = KernelNet(layers.under("kernel_net"), config.kernel_size)

    def features(self, frame: Tensor) -> Tensor:
        """Features of one frame, (B, F, h, w)."""
        return self.extra_feat(self.in_conv(frame))

    def warp(self, x: Tensor, flow: Tensor) -> tuple[Tensor, Tensor]:
        """Sample x where the flow points, borders repeated; returns it masked, and the mask (B, 1, h, w)."""
        sampled = ops.sample(x, flow, "border", self.config.align_corners)
        inside = ops.sample(ops.ones(x), flow, "zeros", self.config.align_corners)
        mask = ops.at_least(inside, arch.MASK_THRESHOLD)
        return sampled * mask, mask

    def fuse(self, aligned: list[Tensor]) -> Tensor:
        """Features of the five frames, aligned to the centre -> reconstruction features, (B, F, h, w)."""
        return self.recons_net(self.fusion_conv(paddle.concat(aligned, dim=1)))

    def upsample(self, x: Tensor) -> Tensor:
        """Reconstruction features -> residual image (B, 3, 4h, 4w); linear, with no activation."""
        return self.out_conv(self.upsample_layers(x))

    def base(self, frame: Tensor) -> Tensor:
        """The frame upsampled 4 times, bilinearly; what the residual is added to."""
        return ops.resize(frame, (self.config.scale * frame.shape[2], self.config.scale * frame.shape[3]))

    def reconstruct(self, frames: Tensor) -> Tensor:
        """Window (B, 5, 3, h, w) -> the centre frame restored, (B, 3, 4h, 4w), not clamped."""
        centre = frames[:, arch.CENTRE]
        aligned = []
        for i in range(self.config.frames):
            features = self.features(frames[:, i])
            if i != arch.CENTRE:
                features, _ = self.warp(features, self.flow_net(centre, frames[:, i]))
            aligned.append(features)
        return self.upsample(self.fuse(aligned)) + self.base(centre)

    def kernel(self, frames: Tensor) -> Tensor:
        """Window (B, 5, 3, h, w) -> its blur kernel (B, 1, 13, 13), shared by frames and channels."""
        return self.kernel_net(frames.reshape(frames.shape[0], -1, *frames.shape[3:]))

    def infer(self, frames: Tensor) -> dict[str, Tensor]:
        """Window -> `recons` (B, 3, 4h, 4w) and `kernel` (B, 1, 13, 13)."""
        return {"recons": self.reconstruct(frames), "kernel": self.kernel(frames)}

    def cycle(
        self,
        frames: Tensor,
        rebuild: Restore | None = None,
        restore: Restore | None = None,
    ) -> dict[str, Tensor]:
        """What training compares: the input, rebuilt from its own down-sampling and from its own restoration.

        The restoration is computed without gradients; the kernel network learns through both blurs. `rebuild` and
        `restore` compute the two, with and without gradients, in place of the published `reconstruct`.
        """
        kernel = self.kernel(frames)
        down = self.blur_down(frames.reshape(frames.shape[0], -1, *frames.shape[3:]), kernel, self.config.scale)
        recons_down = (rebuild or self.reconstruct)(down.reshape(*frames.shape[:3], *down.shape[2:]))
        with paddle.no_grad():
            recons = (restore or self.reconstruct)(frames)
        input_cycle = self.blur_down(recons, kernel, self.config.scale)
        return {
            "input": frames[:, arch.CENTRE],
            "recons_down": recons_down,
            "input_cycle": input_cycle,
            "kernel": kernel,
        }
