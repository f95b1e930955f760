"""What may be imported by whoever uses the library: names and parameters that stay, wherever the rooms keep them."""

import inspect
import subprocess
import sys

import pytest
import vsrlib.degrade
import vsrlib.metrics

import vsrlib

METRICS = {"luma", "psnr", "psnr_y", "ssim", "ssim_y", "to_uint8"}
DEGRADE = {"BLURS", "SCALE", "blur_down", "blur_down_exact", "degrade_clips", "write_degraded_set"} | {
    *("clip_kernel", "gaussian_kernel", "realistic_kernel", "realistic_kernel_from_draws")
}
PARAMETERS = {
    vsrlib.load_network: (
        "framework weights=None preset=None device='auto' seed=0 correlation='auto' "
        "align_corners=None flow_weights=None"
    ),
    vsrlib.metrics.psnr: "a b crop_border=4",
    vsrlib.metrics.ssim: "a b crop_border=4",
    vsrlib.metrics.psnr_y: "a b crop_border=4",
    vsrlib.metrics.ssim_y: "a b crop_border=4",
    vsrlib.metrics.luma: "image",
    vsrlib.metrics.to_uint8: "image",
    vsrlib.degrade.blur_down: "frame kernel scale=4",
    vsrlib.degrade.blur_down_exact: "frame kernel scale=4",
    vsrlib.degrade.clip_kernel: "blur seed name",
    vsrlib.degrade.degrade_clips: "hr_root save_root blur seed further=None names=None workers=1",
    vsrlib.degrade.gaussian_kernel: "sigma=1.2",
    vsrlib.degrade.realistic_kernel: "rng",
    vsrlib.degrade.realistic_kernel_from_draws: "lambda1 lambda2 theta noise",
    vsrlib.degrade.write_degraded_set: (
        "root clips blur seed write_hr=True further=None run=<class 'map'> of_clip=None described"
    ),
}


def test_names() -> None:
    assert set(vsrlib.__all__) == {"UserError", "degrade", "load_network", "metrics"} and vsrlib.__version__
    assert set(vsrlib.metrics.__all__) == METRICS and set(vsrlib.degrade.__all__) == DEGRADE
    for module in (vsrlib, vsrlib.metrics, vsrlib.degrade):
        assert all(hasattr(module, name) for name in module.__all__)
    # what was no part of `__all__` and could be had all the same
    assert {"Clip", "Further", "HR", "KERNEL", "LR", "Map", "write_set"} <= set(dir(vsrlib.degrade))


@pytest.mark.parametrize("function", PARAMETERS, ids=lambda function: function.__name__)
def test_parameters(function) -> None:
    found = inspect.signature(function).parameters.values()
    told = [one.name if one.default is one.empty else f"{one.name}={one.default!r}" for one in found]
    assert " ".join(told) == PARAMETERS[function]


@pytest.mark.parametrize(
    "line",
    [
        "import vsrlib.metrics; vsrlib.metrics.psnr",
        "import vsrlib.degrade; vsrlib.degrade.blur_down",
        "from vsrlib.metrics import to_uint8",
        "from vsrlib.degrade import degrade_clips",
        "from vsrlib import UserError, degrade, load_network, metrics",
    ],
)
def test_each_can_be_imported_first(line: str) -> None:
    subprocess.run([sys.executable, "-c", line], check=True)
