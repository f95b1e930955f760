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
from lazy_network import LazyNetwork

from vsrlib.bench import correlation, costs, first_use, output, three_ways
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


def test_image_output() -> None:
    found = output.parts(TINY)
    assert found.pop("hr_size") == [96, 128]
    assert set(found) == {"png", "psnr", "ssim_once", "ssim_three_times", "png_ours", "ssim_ours"}
    assert all(one["n"] == 3 and 0 < one["low"] <= one["value"] <= one["high"] for one in found.values())


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


def test_ratios_are_to_the_fastest_other_kernel() -> None:
    taken = {
        "slow": [4.0, 8.0, 40.0],
        "fast": [2.0, 4.0, 20.0],
        "slow alone": [1.0, 2.0, 10.0],
        "fast alone": [0.2, 0.4, 2.0],
    }
    found = correlation.summary(taken)
    assert set(found) == {"slow", "fast"}
    assert found["slow"]["ratio"] == {"value": 2, "low": 2, "high": 2, "n": 3, "spread": "repeats"}
    assert found["fast"]["ratio"] == {"value": 0.5, "low": 0.5, "high": 0.5, "n": 3, "spread": "repeats"}
    assert found["slow"]["share_of_frame"] == 0.25 and found["fast"]["share_of_frame"] == pytest.approx(0.1)
    assert found["slow"]["frame_seconds"]["value"] == 8
    alone = correlation.summary({name: taken[name] for name in ("slow", "slow alone")})
    assert alone["slow"]["ratio"]["value"] == 1


def test_the_kernels_that_can_be_had(network: Network) -> None:
    kernels = {"pure": planted("none"), "other": planted("none")}
    taken = correlation.seconds(network, kernels, TINY)
    assert set(taken) == {"pure", "other", "pure alone", "other alone"} and all(len(one) == 3 for one in taken.values())


@pytest.mark.parametrize("read", [True, False])
def test_only_a_warm_up_that_is_read_computes(read: bool) -> None:
    network = LazyNetwork()
    assert three_ways.first_frame(TINY, network, read)["seconds"] > 0
    timed = ["wait", "upload", "wait", "run", "wait", "download", "wait"]
    assert network.events == ["upload", "run", *["download"] * read, *timed]


def test_every_way_does_the_same_work_and_waits_at_other_moments(monkeypatch: pytest.MonkeyPatch) -> None:
    finished: list[Path] = []
    monkeypatch.setattr(three_ways, "finish_as_reported", lambda image, truth, target: finished.append(target))
    network = LazyNetwork()
    found = three_ways.rounds(network, TINY)
    assert {way: len(one) for way, one in found.items()} == {"as_reported": 3, "synchronised": 3, "end_to_end": 3}
    turns = 3 + three_ways.WARM_UPS
    frames = turns * (2 + three_ways.CLIP)
    assert len(finished) == network.events.count("run") == network.events.count("download") == frames
    # Before and after each; and twice more in every turn of the synchronised way, after upload and forward pass.
    assert network.events.count("wait") == turns * (3 * 2 + 2)


def test_waiting_is_billed_to_post() -> None:
    """The forward pass takes 8 s; nobody waits for it until the picture is fetched."""
    hidden = {"pre": 1.0, "forward": 0.0, "post": 10.0, "download": 8.0}
    right = {"pre": 1.0, "forward": 8.0, "post": 2.0, "download": 0.0}
    found = three_ways.summary(
        {"as_reported": [hidden] * 3, "synchronised": [right] * 3, "end_to_end": [{"total": 11.0}] * 3}
    )
    share = {"value": 0.8, "low": 0.8, "high": 0.8, "n": 3, "spread": "repeats"}
    assert found["waiting_billed_to_post"] == share and found["rounds"] == 3
    shares = {way: found[way]["share_of_post"]["value"] for way in ("as_reported", "synchronised")}
    assert shares == {"as_reported": pytest.approx(10 / 11), "synchronised": pytest.approx(2 / 11)}
    assert found["as_reported"]["total"]["value"] == found["synchronised"]["total"]["value"] == 11
    assert found["end_to_end"]["total"]["value"] == 11 and found["synchronised"]["forward"]["value"] == 8


def test_compilers_of_this_machine_are_recognised() -> None:
    present = [name for name in ("g++", "gcc", "cc", "c++") if shutil.which(name)]
    assert set(present) <= set(first_use.compilers(os.environ["PATH"]))
