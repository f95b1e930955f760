"""The published tests by name: a data set in the published layout with the weights that its authors released."""

from dataclasses import dataclass
from pathlib import Path

from vsrlib.datasets import HR, LR


@dataclass(frozen=True)
class QuickTest:
    """One published test: the set's name, and its blur, which is the weights' too."""

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
        return data / "pretrain_models" / f"self_blind_vsr_{self.blur.lower()}.pt"


QUICK_TESTS = {
    f"{blur}_{name}": QuickTest(f"{name}_BlurDown_{blur}", blur)
    for blur, name in (("Gaussian", "REDS4"), ("Gaussian", "Vid4"), ("Gaussian", "SPMCS"), ("Realistic", "REDS4"))
}
