"""The earlier report's ten claims as data: what was claimed, what is known of it beforehand, how it is judged here."""

from dataclasses import dataclass

VERDICTS = ("confirmed", "refuted", "artefact", "unsupported", "not testable here")

# The earlier report's figures (REDS4, Realistic blur, means over all frames).
GAIN = {"psnr": 1.195, "ssim": 0.0430}
FORWARD_RATIO = 6.6
TOTAL_SECONDS = {"torch": 1.73, "jittor": 1.66}
MODEL_MEBIBYTES = 72
# It says both "image output over 95 %" and "compute under 10 %"; the weaker figure is tested, in either direction.
POST_SHARE = 0.90

# Where a rule draws its line.
ENOUGH = 0.5  # of the claimed figure: what an interval must exclude, besides reaching the claim, to confirm it
NEGLIGIBLE = 0.1  # of the claimed gain: an interval wholly within it leaves nine tenths unexplained
CORRELATION_COST = 10, 30  # per cent of a frame's time: "about 20"
TRAINING_MEMORY = 5.5 / 8.5, 6.5 / 7.5  # Jittor's over PyTorch's, as far as "6 GB" and "8 GB" are rounded
SAME_LOSSES = 0.01  # largest relative difference of the smoothed losses of two trainings that agree


@dataclass(frozen=True)
class Claim:
    """What was claimed, what is known of it beforehand, and the rule by which this run judges it."""

    claim: str
    artefacts: str
    rule: str


CLAIMS = {
    "C1": Claim(
        f"With the same weights Jittor is {GAIN['psnr']} dB PSNR and {GAIN['ssim']:.4f} SSIM better, because of "
        "numerical precision.",
        "The two sides ran different networks: PyTorch's sampling took a changed default (align_corners), Jittor's "
        "flow refiner lost its dilations. No hash shows that weights and input frames were the same.",
        "Only for equal weights, input, ground truth, preset and engine. Jittor minus PyTorch, paired by frame. "
        "Confirmed if, for PSNR and for SSIM, the interval reaches the claimed gain and excludes anything below half "
        "of it; refuted as a matter of precision if both intervals lie wholly below a tenth of the claimed gain; "
        "otherwise unsupported.",
    ),
    "C2": Claim(
        "Jittor's forward pass is 6.6 times as fast.",
        "No timer synchronised with the device. Jittor's call returns before its work is done, and that work was then "
        "timed as post-processing.",
        "Median forward time, PyTorch over Jittor, both under the same conditions. Artefact if the spread of the "
        "repeats lies at or above the claimed ratio without synchronisation, as in the earlier report, and wholly "
        "below it synchronised. Fewer than six repeats decide nothing. "
        "Else, on a GPU: confirmed if the synchronised spread reaches the claimed ratio and excludes anything below "
        "half of it, refuted if it lies wholly below the claimed ratio, otherwise unsupported. Else, without a GPU, "
        "not testable here.",
    ),
    "C3": Claim(
        "Jittor's total time per frame is 4 % lower.",
        "One run on one machine without an interval. Image output and a threefold SSIM make up most of both totals.",
        "Median synchronised total time, PyTorch over Jittor, both under the same conditions, and the share of time "
        "that Jittor saves by it. On a GPU: confirmed if the spread of the repeats reaches the claimed saving (a "
        "larger one does) and excludes anything below half of it, refuted if it lies wholly below the claimed saving, "
        "otherwise unsupported. Without a GPU not testable here.",
    ),
    "C4": Claim(
        "Image output takes over 95 % of the time and compute under 10 %.",
        "The time called post-processing holds the wait for the forward pass and SSIM computed three times over; "
        "PyTorch's own row of the table puts post-processing at 87 %.",
        "Share of post-processing in Jittor's total time, median over the repeats, against 90 %, the weaker of the two "
        "figures. On a CPU as on a GPU: confirmed if the synchronised spread lies above it; artefact if it lies "
        "below, and, without synchronisation, as in the earlier report, above; refuted if it lies below and the "
        "unsynchronised one does not show the claimed share either; otherwise unsupported.",
    ),
    "C5": Claim(
        "Training takes 8 GB in PyTorch and 6 GB in Jittor (a quarter less); inference about 2 GB in both.",
        "Nothing in the earlier code measured memory, and its own notes mention 8.386 GB for Jittor.",
        "Jittor's memory over PyTorch's in training, for equal work in a fresh process each. Where both trained the "
        "published network on a GPU, by the frameworks' own counters: confirmed if it lies within what rounding to 8 "
        "and 6 GB leaves open, 0.65 to 0.87, else refuted. Otherwise unsupported; the figure is then of the processes' "
        "peaks.",
    ),
    "C6": Claim(
        "The model file is 72 MB in both.",
        "The published network has 18.9 million parameters of four bytes, which is 72.1 MiB.",
        "Size of the weights files that the two frameworks read, which may be one and the same; where they are of "
        "another network than the published one, of the files that each writes for that one's initial values. "
        "Confirmed if each is within 1 MiB of 72 MiB, refuted otherwise.",
    ),
    "C7": Claim(
        "Jittor needs no compiler and installs as it is; PyTorch needs a CUDA compiler for the correlation.",
        "Jittor compiles its operators with a C++ compiler when it first runs. The earlier code offered a pure-tensor "
        "correlation for PyTorch that needs no compiler.",
        "Each framework restores a frame in a process that finds no compiler. Confirmed if Jittor does and PyTorch "
        "does not; refuted if Jittor does not; otherwise unsupported.",
    ),
    "C8": Claim(
        "The pure-tensor correlation costs about 20 % of the time and changes nothing else.",
        "Its gradients are zero in the earlier code, so training with it leaves the flow network as it was.",
        "A frame with the pure-tensor correlation against one with the fastest other, in turns, in PyTorch; the "
        "gradients of both against float64. Refuted if the gradients are zero or wrong. Else, where the CUDA kernel is "
        "the other: refuted if the spread lies wholly outside 10 to 30 %, confirmed if it lies wholly inside, "
        "otherwise unsupported. Else, without it, not testable here.",
    ),
    "C9": Claim(
        "The two implementations are equivalent but for API names, and training gives the same results.",
        "They differ in sampling, dilations, masks, training kernels, learning rate and validation frames, and no run "
        "reported a validation PSNR.",
        "It is a claim about the earlier two implementations. The faults of each are put into one network, and both "
        "restore the same frames with the same weights: refuted if the interval of the difference excludes zero, "
        "confirmed if it lies wholly within a tenth of the gain of C1, otherwise unsupported, as where the weights "
        "hardly use the neighbouring frames. Without that ablation: refuted if this run's two implementations show "
        f"what equivalent ones do, which the earlier two, {GAIN['psnr']} dB apart, did not. Unsupported wherever this "
        "run's own two do not agree: in quality as in C1, in smoothed losses to 1 %, and layer by layer with float64.",
    ),
    "C10": Claim(
        "Prefer Jittor for quality, speed and memory.",
        "It rests on C1, C2 and C5.",
        "Confirmed if C1, C2 and C5 are; refuted if none of them is confirmed and one at least is refuted or an "
        "artefact; otherwise unsupported.",
    ),
}
