"""Where data sets and weights come from: addresses, checksums and licences, in one table; and which of them are tests.

A checksum stands here only where the publisher, or several who downloaded the file, state it; None means that the file
cannot be verified, and the command says so.
"""

from dataclasses import dataclass
from pathlib import Path

from vsrlib.data.sets.manifest import HR, LR


@dataclass(frozen=True)
class Source:
    """One file to fetch, or one to get by hand: then `url` is None and `by_hand` says where it is to be had.

    `place`: where it belongs below the data folder; an archive (.zip) is unpacked into that folder. `sha256` in
    hexadecimal, `size` in bytes, None where unknown.
    """

    what: str
    licence: str
    place: str
    url: str | None = None
    sha256: str | None = None
    size: int | None = None
    by_hand: str = ""


@dataclass(frozen=True)
class QuickTest:
    """One published test, a set with the weights that its authors released: its name, and the blur of both."""

    set: str
    blur: str

    def input(self, data: Path) -> Path:
        """The LR clips below the data folder."""
        return data / self.set / LR

    def truth(self, data: Path) -> Path:
        """The HR clips."""
        return data / self.set / HR

    def weights(self, data: Path) -> Path:
        """The released weights."""
        return data / released_file(self.blur)


def released_file(blur: str) -> str:
    """Where the released weights lie below the data folder."""
    return f"pretrain_models/self_blind_vsr_{blur.lower()}.pt"


QUICK_TESTS = {
    f"{blur}_{name}": QuickTest(f"{name}_BlurDown_{blur}", blur)
    for blur, name in (("Gaussian", "REDS4"), ("Gaussian", "Vid4"), ("Gaussian", "SPMCS"), ("Realistic", "REDS4"))
}
"""The published tests by name."""

_REDS = "https://huggingface.co/datasets/snah/REDS/resolve/62dc25d16e6f43d2214f1b365023abda86f7a0ae"
_REDS_LICENCE = "CC BY 4.0 (Nah et al., NTIRE 2019 challenge on video deblurring and super-resolution)"
_MIDDLEBURY = "https://vision.middlebury.edu/flow/data/comp/zip"
_MIDDLEBURY_LICENCE = "none stated; cite Baker et al., IJCV 2011"
_AUTHORS = "the page of Self-Blind-VSR's authors (github.com/csbhr/Self-Blind-VSR) links to it on Google Drive"
_AUTHORS_LICENCE = "as the authors state there; research use"

SOURCES: dict[str, Source] = {
    "reds-train": Source(
        "REDS, 240 training clips, HR; REDS4 is among them",
        _REDS_LICENCE,
        "REDS/train_sharp.zip",
        f"{_REDS}/train_sharp.zip",
        "620294c1c3f23ed26c5ea228633770469c0b28e57d31eb41dc77deb401c6681b",
        34261573976,
    ),
    "reds-val": Source("REDS, 30 validation clips, HR", _REDS_LICENCE, "REDS/val_sharp.zip", f"{_REDS}/val_sharp.zip"),
    "vid4": Source(
        "Vid4, 4 clips",
        "none stated for the clips (Liu and Sun, TPAMI 2014); the mirror says Apache 2.0",
        "Vid4.zip",
        "https://huggingface.co/datasets/Iceclear/REDS4/resolve/13f9ac5bf6ade3b56bef16d3c8117d16449cff83/Vid4.zip",
        "9ed73013ff4ab15c8d4dbca689b6eeac56a92f7ffef2cf898e23184cdac592e1",
        136015770,
    ),
    **{
        f"middlebury-{part}": Source(
            f"Middlebury flow, {what}", _MIDDLEBURY_LICENCE, f"Middlebury/{file}", f"{_MIDDLEBURY}/{file}"
        )
        for part, what, file in (
            ("frames", "two frames of each pair", "other-color-twoframes.zip"),
            ("flow", "the true flow", "other-gt-flow.zip"),
        )
    },
    "pwc-net": Source(
        "PWC-Net's weights in the PyTorch port",
        "that of PWC-Net's authors (NVlabs/PWC-Net): non-commercial use",
        "pretrain_models/network-default.pytorch",
        "http://content.sniklaus.com/github/pytorch-pwc/network-default.pytorch",
    ),
    "spmcs": Source(
        "SPMCS, 30 clips",
        "none stated (Tao et al., ICCV 2017); research use",
        "SPMCS",
        by_hand="the page of its authors (github.com/jiangsutx/SPMC_VideoSR) links to the test set",
    ),
    **{
        test.set.lower().replace("_blurdown_", "-"): Source(
            f"{test.set}: the published HR and LR frames", _AUTHORS_LICENCE, test.set, by_hand=_AUTHORS
        )
        for test in QUICK_TESTS.values()
    },
    **{
        f"weights-{blur}": Source(
            f"the released weights for {blur} blur",
            _AUTHORS_LICENCE,
            released_file(blur),
            by_hand=_AUTHORS,
        )
        for blur in ("gaussian", "realistic")
    },
}
