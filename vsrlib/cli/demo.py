"""The command `vsrlib demo`."""

import argparse
import shlex
import shutil
import sys
from pathlib import Path
from typing import Any

from vsrlib.common.files import resolve
from vsrlib.restoration.options import DemoOptions


def demo_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `vsrlib demo`."""
    parser.description = (
        "A first result in about a minute, without a compiler and without a download: a second of Big Buck Bunny is "
        "blurred, made a quarter as wide and as high, and restored by weights that come with the project. "
        "Writes videos with sound and a picture, and names them."
    )
    parser.add_argument("output", type=Path, nargs="?", help="folder of the results (runs/demo of the project)")
    DemoOptions.add_arguments(parser, "framework", "blur", "frames", "device")
    parser.set_defaults(run=run_demo)


def run_demo(options: argparse.Namespace) -> None:
    """Carry out `vsrlib demo`."""
    from vsrlib.restoration import demo

    output = options.output or resolve("runs/demo")
    print(_summary(demo.demo(output, DemoOptions.of(vars(options))), output))


def _summary(result: dict[str, Any], output: Path) -> str:
    from vsrlib.common.files import shown
    from vsrlib.restoration.demo import BESIDE, CREDIT, LOW, RESTORED, TRUTH

    frames = [frame for clip in result["clips"] for frame in clip["frames"]]

    def mean(key: str) -> float:
        return sum(frame[key] for frame in frames) / len(frames)

    seconds, gain = mean("pre") + mean("forward"), mean("psnr") - mean("bicubic_psnr")
    files = {
        BESIDE: "bicubic to the left, restored to the right",
        result["comparison"]: "one detail: what went in, bicubic, restored, truth",
        RESTORED: "what the network made",
        LOW: "what it was given (lossless)",
        TRUTH: "the film before it was made small (lossless)",
    }
    width = max(len(name) for name in files)
    listed = [f"  {name:<{width}}  {words}" for name, words in files.items()]
    return "\n".join(
        [
            f"{len(frames)} frames restored, {seconds:.2g} s each: PSNR {mean('psnr'):.2f} dB, {gain:+.2f} dB against "
            f"bicubic ({mean('bicubic_psnr'):.2f} dB).",
            f"In {shown(output)}:",
            *listed,
            f"The film: {CREDIT}.",
            f"Your own: {_program()} infer VIDEO OUTPUT.mp4 --weights medium-realistic",
        ]
    )


def _program() -> str:
    """`vsrlib` as it can be typed where it was called: with its folder, where its environment is not activated."""
    program = Path(sys.prefix) / "bin" / "vsrlib"
    if shutil.which("vsrlib") == str(program):
        return "vsrlib"
    # without the program, it was called as a module of this Python
    path = program if program.exists() else Path(sys.executable)
    typed = shlex.quote(str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path))
    return typed if program.exists() else f"{typed} -m vsrlib"
