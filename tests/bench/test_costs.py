"""The parts of `vsrlib costs`, each with the fault that it is there to find."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import correlation_cases
import numpy as np
import pytest

from vsrlib.bench import correlation, costs, first_use, output
from vsrlib.bench.inputs import MovingTexture, restored_and_truth, with_kernels
from vsrlib.bench.options import Options
from vsrlib.common import processes
from vsrlib.data.frames import to_uint8
from vsrlib.networks import load_network
from vsrlib.networks.network import Network
from vsrlib.restoration.engines import Reference

TINY = Options(frameworks=("torch",), preset="study", size=(24, 32), repeats=3, seconds=0)


def distribution(folder: Path, name: str, size: int | None, *requires: str) -> None:
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    wanted = "".join(f"Requires-Dist: {one}\n" for one in requires)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{wanted}")
    if size is not None:
        (folder / name).mkdir()
        (folder / name / "a.so").touch()  # from Python 3.12 on what is not there is not listed
        (info / "RECORD").write_text(f"{name}/a.so,sha256=x,{size}\n{name}/__pycache__/a.pyc,,\n")


class TestInstall:
    @pytest.fixture(autouse=True)
    def root(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "path", [str(tmp_path)])
        monkeypatch.setattr(costs, "_ROOTS", {"torch": ("root", "beside")})

    def test_everything_required_here_is_counted_once(self, tmp_path: Path) -> None:
        distribution(
            tmp_path,
            "root",
            1000,
            "Some_Part>=1",
            'elsewhere; sys_platform == "never"',
            "rich[fast]",
            'wanted; extra == "docs"',
        )
        distribution(tmp_path, "some.part", 200, "root")  # a circle, under another spelling
        distribution(tmp_path, "rich", 30, 'speed; extra == "fast"', 'slow; extra == "slow"')
        distribution(tmp_path, "speed", 4)
        distribution(tmp_path, "beside", 50000)
        for name in ("elsewhere", "wanted", "slow"):
            distribution(tmp_path, name, 999_999)
        found = costs.installed("torch")
        assert [one["name"] for one in found["distributions"]] == ["beside", "rich", "root", "some-part", "speed"]
        assert found["bytes"] == 51234 and found["count"] == 5 and found["missing"] == []

    def test_what_does_not_tell_its_size_makes_the_sum_unknown(self, tmp_path: Path) -> None:
        distribution(tmp_path, "root", 1000, "silent", "gone")
        distribution(tmp_path, "silent", None)
        found = costs.installed("torch")
        assert found["bytes"] is None and found["missing"] == ["gone"]
        assert [one["bytes"] for one in found["distributions"]] == [1000, None]

    def test_a_framework_that_is_not_installed_is_skipped(self) -> None:
        assert costs.installed("torch") == {"skipped": "the distribution root is not installed"}


def test_what_is_installed_here() -> None:
    found = costs.installed("torch")
    sizes = {one["name"]: one["bytes"] for one in found["distributions"]}
    assert sizes["torch"] > 50_000_000 and "sympy" in sizes and "jittor" not in sizes
    assert found["count"] == len(sizes) and found["missing"] == []


def test_programs_are_linked_and_compilers_are_not(tmp_path: Path) -> None:
    compilers = (
        "g++",
        "gcc-12",
        "cc",
        "c++",
        "x86_64-linux-gnu-g++-12",
        "x86_64-conda-linux-gnu-cc",
        "clang++-17",
        "nvcc",
        "c89-gcc",
    )
    others = ("ls", "ar", "gcc-ar", "python3.11", "ccache-config", "ldconfig", "accept")
    first, second, links = (tmp_path / name for name in ("first", "second", "links"))
    for folder in (first, second, links):
        folder.mkdir()
    for name in (*compilers, *others):
        (first / name).touch(0o755)
    (second / "ls").touch(0o755)
    (second / "notes").touch(0o644)
    path = os.pathsep.join(map(str, (first, second, tmp_path / "absent")))
    assert first_use.compilers(path) == sorted(compilers)
    first_use.link_all_but_compilers(links, path)
    assert sorted(link.name for link in links.iterdir()) == sorted(others)
    assert (links / "ls").readlink() == first / "ls" and first_use.compilers(str(links)) == []


def test_a_process_without_a_compiler_really_has_none(tmp_path: Path) -> None:
    first_use.link_all_but_compilers(tmp_path, os.environ["PATH"])
    names = ["g++", "gcc", "cc", "c++", "clang", "clang++", "c99", "x86_64-linux-gnu-g++"]
    program = f"import shutil; print([name for name in {names} if shutil.which(name)], bool(shutil.which('ls')))"
    done = subprocess.run([sys.executable, "-c", program], env={"PATH": str(tmp_path)}, capture_output=True, text=True)
    assert done.stdout.strip() == "[] True", done.stderr


def test_a_first_use_gets_the_path_it_is_given_and_no_compiler_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[dict[str, Any]] = []
    monkeypatch.setattr(processes, "ask", lambda module, task, **how: seen.append(task | how) or {"seconds": 7})
    monkeypatch.setenv("CXX", "g++")
    before = dict(os.environ)
    assert first_use.ask("torch", TINY, Path("/home-of-it"), "/programs") == {"seconds": 7}
    assert dict(os.environ) == before and seen[0]["no_compiler"] and not seen[0]["show"]
    environment = seen[0]["environment"]
    assert environment["PATH"] == "/programs" and "CXX" not in environment
    assert environment["CUPY_CACHE_DIR"].startswith("/home-of-it") and seen[0]["home"] == "/home-of-it"
    first_use.ask("torch", TINY)
    assert seen[1]["environment"] == before and not seen[1]["no_compiler"] and seen[1]["show"]


def test_ssim_three_times_takes_three_computations(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    calls: list[int] = []
    monkeypatch.setattr(output, "ssim", lambda a, b: calls.append(1) or 0.5)
    restored, truth = restored_and_truth((32, 40))
    image = to_uint8(restored)
    output.finish_as_reported(image, truth, tmp_path / "a.png")
    assert len(calls) == 3 and (tmp_path / "a.png").stat().st_size > 0
    output.finish_as_reported(image, None, tmp_path / "b.png")
    assert len(calls) == 3


def test_image_output_is_warmed_up_on_a_small_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    monkeypatch.setattr(output, "ssim_three_times", lambda a, b: sizes.append(a.shape[0]) or 0.5)
    found = output.parts(TINY, None)
    assert set(found) == {"png", "psnr", "ssim_once", "ssim_three_times", "png_ours", "ssim_ours"}
    assert all(value > 0 for value in found.values()) and sizes == [64, 64, 96, 96, 96]


@pytest.fixture(scope="module")
def network() -> Network:
    return load_network("torch", preset="study", device="cpu", correlation="pure")


def planted(fault: str) -> Callable[[Any, Any], Any]:
    from vsrlib.bench import plain_torch

    return {
        "none": plain_torch.correlation,
        "detached": lambda first, second: plain_torch.correlation(first, second).detach(),
        "second map detached": lambda first, second: plain_torch.correlation(first, second.detach()),
        "1/C missing": lambda first, second: first.shape[1] * plain_torch.correlation(first, second),
        "sign of the displacement": lambda first, second: plain_torch.correlation(first, second.flip(2, 3)),
    }[fault]


@pytest.mark.parametrize(
    ("fault", "zero", "least", "most"),
    [
        ("none", False, 0, 1e-5),
        ("detached", True, 1, 1),
        ("second map detached", True, 1, 1),
        ("1/C missing", False, 1, 1e3),
        ("sign of the displacement", False, 0.5, 3),
    ],
)
def test_gradients_are_judged(network: Network, fault: str, zero: bool, least: float, most: float) -> None:
    found = correlation.gradients(network, planted(fault))
    assert found["zero_gradient"] is zero and least <= found["gradient_error"] <= most


@pytest.mark.parametrize("shape", correlation_cases.SHAPES)
def test_the_judge_of_the_gradients(shape: tuple[int, ...]) -> None:
    first, second, weight = correlation_cases.maps(shape)
    theirs = correlation_cases.reference_gradients(first, second, weight)
    for one, other in zip(correlation.reference_gradients(first, second, weight), theirs, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)


def test_one_frame_calls_the_kernel_for_four_neighbours_at_each_level(network: Network) -> None:
    """Which is what the correlations of one frame are timed on."""
    called: list[tuple[int, ...]] = []

    def recording(first: Any, second: Any) -> Any:
        assert first.shape == second.shape
        called.append(tuple(first.shape))
        return planted("none")(first, second)

    engine = Reference(with_kernels(network, recording, network.module.blur_down))
    engine.upload(*MovingTexture((70, 100)).window(0))
    network.download(engine.run())
    shapes = correlation.level_shapes(network.config.pyramid, (70, 100)).values()
    assert sorted(called) == sorted((1, *shape) for shape in shapes for _ in range(4))


def test_a_kernels_share_of_the_frame() -> None:
    found = correlation.summary({"slow": [4.0, 8.0, 40.0], "slow alone": [1.0, 2.0, 10.0]})
    assert found == {"slow": {"frame_seconds": 8, "share_of_frame": 0.25}}


def test_the_kernels_that_can_be_had(network: Network) -> None:
    kernels = {"pure": planted("none"), "other": planted("none")}
    taken = correlation.seconds(network, kernels, TINY)
    assert set(taken) == {"pure", "other", "pure alone", "other alone"} and all(len(one) == 3 for one in taken.values())


def test_compilers_of_this_machine_are_recognised() -> None:
    present = [name for name in ("g++", "gcc", "cc", "c++") if shutil.which(name)]
    assert set(present) <= set(first_use.compilers(os.environ["PATH"]))
