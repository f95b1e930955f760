"""The earlier report's ten claims as data, in parts: what was claimed, what is known beforehand, how it is judged.

docs/protocol.md says why each rule is as it is; the rules themselves are the functions of `vsrlib.claims.rules`.
"""

from dataclasses import dataclass

CONFIRMED, REFUTED = "confirmed", "refuted"
MECHANISM, UNKNOWN = "mechanism shown", "cause unknown"
UNDECIDED = "undecided"
NOT_HERE, NEVER = "not testable here", "not testable with this software"
ONE = "not testable with one framework"
VERDICTS = (CONFIRMED, REFUTED, MECHANISM, UNKNOWN, UNDECIDED, NOT_HERE, NEVER, ONE)

# The earlier report's figures (REDS4, Realistic blur, means over all frames).
GAIN = {"psnr": 1.195, "ssim": 0.0430}
TOTAL_SECONDS = {"torch": 1.73, "jittor": 1.66}
POST_SECONDS = {"torch": 1.50, "jittor": 1.60}
MODEL_MEBIBYTES = 72
TRAINING_GIGABYTES = 8
"""Of PyTorch. In Jittor 6."""

# Where a rule draws its line.
ENOUGH = 0.5  # of the claimed figure: what an interval must exclude, besides reaching the claim, to confirm it
NEGLIGIBLE = 0.1  # of the claimed gain: an interval wholly within it leaves nine tenths unexplained
SIGNIFICANT = 0.05  # p values, corrected for their number, below which a difference is told from none
UNSEEN = 0.5  # of the forward time: what the clock misses from there on is most of it
OUTPUT_SHARE = 0.95  # of post-processing: what "image output" claims
CORRELATION_COST = 10, 30  # per cent of a frame's time: "about 20"
SAME_TRAINING = {"end_point_error": 0.02, "psnr": 0.1}  # a share of the end-point error; dB of validation PSNR
SAME_LOSSES = 0.01  # largest relative difference of the smoothed losses of two trainings that agree
POWER = 0.3  # dB that zero flow must cost on moving scenes before weights say anything about alignment


@dataclass(frozen=True)
class Claim:
    """A part of a claim. `verdicts`: the words that its rule knows."""

    claim: str
    question: str
    artefacts: str
    rule: str
    verdicts: tuple[str, ...]


_C1 = (
    f"With the same weights Jittor is {GAIN['psnr']} dB PSNR and {GAIN['ssim']:.4f} SSIM better, because of numerical "
    "precision."
)
_C1_KNOWN = (
    "The two sides ran different networks: PyTorch's sampling took a changed default (align_corners), Jittor's flow "
    "refiner lost its dilations. No hash shows that weights and input frames were the same."
)
_C5 = "Training takes 8 GB in PyTorch and 6 GB in Jittor (a quarter less); inference about 2 GB in both."
_C5_KNOWN = "Nothing in the earlier code measured memory, and its own notes mention 8.386 GB for Jittor."
_C7 = "Jittor needs no compiler and installs as it is; PyTorch needs a CUDA compiler for the correlation."
_C7_KNOWN = (
    "Jittor compiles its operators with a C++ compiler when it first runs. The earlier code offered a pure-tensor "
    "correlation for PyTorch that needs no compiler."
)
_C8 = "The pure-tensor correlation costs about 20 % of the time and changes nothing else."
_C8_KNOWN = "Its gradients are zero in the earlier code, so that the flow network learns nothing through it."
_C9 = "The two implementations are equivalent but for API names, and training gives the same results."
_C9_KNOWN = (
    "They differ in sampling, dilations, masks, training kernels, learning rate and validation frames, and no run "
    "reported a validation PSNR."
)

CLAIMS = {
    "C1a": Claim(
        _C1,
        "Is precision the cause?",
        _C1_KNOWN,
        "Jittor minus PyTorch with equal weights, frames, preset and engine, by filmed scene, each blur by itself. "
        "Confirmed if the intervals of PSNR and SSIM reach the claim and exclude half of it; refuted if both lie "
        "within a tenth of it, on either side of zero; undecided otherwise, or where the blurs disagree.",
        (CONFIRMED, REFUTED, UNDECIDED, NOT_HERE, ONE),
    ),
    "C1b": Claim(
        _C1,
        "Where do the 1.195 dB come from?",
        _C1_KNOWN,
        "What the earlier two sides' own faults and mix-ups amount to in one network, by filmed scene. Mechanism "
        "shown if one of these contrasts, or a mix-up of the measurement, reaches 1.195 dB; cause unknown if all lie "
        "below; undecided otherwise. On REDS4 with the released weights the mean over its four clips: confirmed "
        "within a tenth of 1.195 dB, refuted below a half.",
        (CONFIRMED, REFUTED, MECHANISM, UNKNOWN, UNDECIDED, NOT_HERE),
    ),
    "C2": Claim(
        "Jittor's forward pass is 6.6 times as fast.",
        "Does the clock stop before the work is done?",
        "No timer synchronised with the device. Jittor's call returns before its work is done, and that work was then "
        "timed as post-processing.",
        "Share of a frame's forward time that Jittor's call does not wait for, by process. Mechanism shown if its "
        "interval lies above one half, refuted below, undecided otherwise. The speed on a GPU is not testable with "
        "this software, whose Jittor side runs on the CPU.",
        (MECHANISM, REFUTED, UNDECIDED, NOT_HERE, ONE),
    ),
    "C3": Claim(
        "Jittor's total time per frame is 4 % lower.",
        "On a GPU?",
        "One run on one machine without an interval. Image output and a threefold SSIM make up most of both totals.",
        "The claim is about a GPU, and this software's Jittor side runs on the CPU. Beside it: the synchronised ratio "
        "of total times on the CPU, by process, and how far two processes of one framework lie apart.",
        (NEVER,),
    ),
    "C4": Claim(
        "Image output takes over 95 % of the time and compute under 10 %.",
        "Is it image output?",
        "The time called post-processing holds the wait for the forward pass and SSIM computed three times over; "
        "PyTorch's own row of the table puts post-processing at 87 %.",
        "Share of writing the PNG in the earlier report's post-processing of one frame of 1280x720 (PNG, PSNR, SSIM "
        "three times over), by process. Confirmed if the interval lies above 95 %, refuted below a half, undecided "
        "otherwise.",
        (CONFIRMED, REFUTED, UNDECIDED, NOT_HERE),
    ),
    "C5a": Claim(
        _C5,
        "8 GB in PyTorch?",
        _C5_KNOWN,
        "Peak by PyTorch's own counter of the published training's step (batch 8, patch 160 in LR pixels) on a GPU. "
        "Confirmed between 7.5 GB and 8.5 GiB, the two readings of the unit; refuted outside.",
        (CONFIRMED, REFUTED, NOT_HERE),
    ),
    "C5b": Claim(
        _C5,
        "A quarter less in Jittor?",
        _C5_KNOWN,
        "The claim is about a GPU, and this software's Jittor side runs on the CPU. Beside it: Jittor's memory for a "
        "further sample of a batch over PyTorch's, on the CPU, which leaves out what importing takes.",
        (NEVER,),
    ),
    "C6": Claim(
        "The model file is 72 MB in both.",
        "Is it?",
        "The published network has 18.9 million parameters of four bytes, which is 72.1 MiB.",
        "Size of each side's file of the published network. Confirmed if both have 71 to 73 MiB, refuted otherwise.",
        (CONFIRMED, REFUTED, NOT_HERE, ONE),
    ),
    "C7a": Claim(
        _C7,
        "Does PyTorch need one?",
        _C7_KNOWN,
        "PyTorch restores a frame in a process that finds no compiler: refuted if it does, confirmed if it does not.",
        (CONFIRMED, REFUTED, NOT_HERE),
    ),
    "C7b": Claim(
        _C7,
        "Does Jittor need none?",
        _C7_KNOWN,
        "Jittor restores a frame in a process that finds no compiler: confirmed if it does, refuted if it does not.",
        (CONFIRMED, REFUTED, NOT_HERE, ONE),
    ),
    "C8a": Claim(
        _C8,
        "About 20 %?",
        _C8_KNOWN,
        "A frame with the pure-tensor correlation against one with the CUDA kernel, in PyTorch on a GPU, by process. "
        "Confirmed if the interval lies within 10 to 30 %, refuted if wholly outside, undecided otherwise.",
        (CONFIRMED, REFUTED, UNDECIDED, NOT_HERE),
    ),
    "C8b": Claim(
        _C8,
        "Nothing else?",
        _C8_KNOWN,
        "End-point error of the flow after a training with the earlier zero gradient against one with the right "
        "gradient, by trained network. Refuted if the interval excludes zero, confirmed if it lies within 2 %, "
        "undecided otherwise.",
        (CONFIRMED, REFUTED, UNDECIDED, NOT_HERE),
    ),
    "C9a": Claim(
        _C9,
        "The same outputs?",
        _C9_KNOWN,
        "The earlier two sides' faults put into one network, same weights and frames, by filmed scene. Refuted if the "
        "difference is told from none (p below 0.05 after correction) and the interval excludes zero, confirmed if it "
        "lies within a tenth of 1.195 dB, undecided otherwise, and where this run's own two implementations differ or "
        "the weights have no power.",
        (CONFIRMED, REFUTED, UNDECIDED, NOT_HERE, ONE),
    ),
    "C9b": Claim(
        _C9,
        "The same training?",
        _C9_KNOWN,
        "Trainings with the earlier side's zero gradient, wrong sign and learning rate against the right one, by "
        "trained network. Refuted if one differs in flow error or PSNR (p below 0.05 after correction), confirmed if "
        "all lie within 2 % and 0.1 dB, undecided otherwise.",
        (CONFIRMED, REFUTED, UNDECIDED, NOT_HERE),
    ),
    "C10": Claim(
        "Prefer Jittor for quality, speed and memory.",
        "Do its grounds hold?",
        "It rests on C1, C2 and C5.",
        "Refuted if C1a is refuted and C2's mechanism shown: two of its three grounds are gone. Undecided otherwise: "
        "this software cannot confirm it, because it cannot test the third (C5b).",
        (REFUTED, UNDECIDED),
    ),
}
