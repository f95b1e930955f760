"""The commands `vsrlib infer` and `vsrlib gather`."""

import argparse
from pathlib import Path
from typing import Any

from vsrlib.common.errors import UserError
from vsrlib.common.names import BLURS, CONVOLUTIONS, CORRELATIONS, DEVICES, ENGINES, FRAMEWORKS, PRESETS, VIDEO_FORMATS
from vsrlib.data.degrade import QUICK_TESTS
from vsrlib.restoration.shards import Shard


def network_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--framework", default="torch", choices=FRAMEWORKS, help="(%(default)s)")
    parser.add_argument("--preset", default="study", choices=PRESETS, help="size of the network (%(default)s)")
    parser.add_argument(
        "--weights",
        type=Path,
        help="weights to start from: a file (.safetensors, .pt, .pkl, .npz), or a name such as study-gaussian",
    )
    parser.add_argument("--device", default="auto", choices=DEVICES, help="(%(default)s)")
    parser.add_argument(
        "--correlation",
        default="auto",
        choices=CORRELATIONS,
        help="kernel of the flow network; auto: the fastest that can be had here (%(default)s)",
    )
    parser.add_argument("--seed", type=int, default=1, help="(%(default)s)")


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `vsrlib infer`."""
    parser.description = (
        "Restore clips four times as large. Writes OUTPUT/frames/CLIP/FRAME.png (or OUTPUT/videos/CLIP.mp4) and "
        "OUTPUT/inference.json with metrics and times of every frame."
    )
    parser.add_argument(
        "input", type=Path, nargs="?", help="folder of frames, folder of clips, or video file; low resolution"
    )
    parser.add_argument("output", type=Path, nargs="?", help="folder of the results (runs/infer/SET/BLUR/FRAMEWORK)")
    parser.add_argument(
        "--quick-test",
        choices=QUICK_TESTS,
        metavar="NAME",
        help="a published test in place of the input, with its ground truth, weights and preset: "
        + ", ".join(QUICK_TESTS),
    )
    parser.add_argument("--data", type=Path, help="folder of the data sets of --quick-test (data/ of the project)")
    parser.add_argument("--gt", type=Path, help="the same clips in high resolution; without it no quality is measured")
    parser.add_argument(
        "--all-metrics",
        action="store_true",
        help="with --gt: also each clip's PSNR and SSIM on luma, tOF and warping error, which take time",
    )
    parser.add_argument("--blur", choices=BLURS, help="recorded with the result; else what the set's manifest says")
    parser.add_argument(
        "--engine",
        default="streaming",
        choices=ENGINES,
        help="streaming: fast; cached: the reference's result to the bit; reference: the published sliding "
        "window, the baseline (%(default)s)",
    )
    parser.add_argument(
        "--convolution",
        default="auto",
        choices=CONVOLUTIONS,
        help="of the streaming engine; winograd: compiled here, CPU only (%(default)s)",
    )
    parser.add_argument(
        "--tile",
        type=int,
        default=0,
        metavar="N",
        help="restore in tiles of N LR pixels a side, for frames that do not fit into memory; 0: whole (%(default)s)",
    )
    parser.add_argument("--border", action="store_true", help="repeat the end frames, so that all frames are restored")
    parser.add_argument(
        "--video", choices=VIDEO_FORMATS, help="write a video of each clip instead of PNG; mkv is lossless"
    )
    parser.add_argument(
        "--kernels", action="store_true", help="also save the blur kernel estimated for each frame (.npy)"
    )
    parser.add_argument("--shard", metavar="I/N", help="restore part I of N only; then `vsrlib gather OUTPUT`")
    parser.add_argument(
        "--timing-repeats",
        type=int,
        default=0,
        metavar="N",
        help="time one frame N times with and N times without synchronisation (%(default)s)",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Carry out `vsrlib infer`."""
    from vsrlib.restoration import infer
    from vsrlib.study.settings import InferSettings

    _fill_in(options)
    blur = options.blur or _manifest_blur(options.input)
    output = options.output or _filed(options, blur)
    InferSettings(
        weights=str(options.weights),
        **{
            name: getattr(options, name)
            for name in (
                "framework",
                "preset",
                "engine",
                "correlation",
                "convolution",
                "tile",
                "timing_repeats",
                "seed",
                "device",
            )
        },
    )
    result = infer.infer(
        options.framework,
        options.input,
        output,
        options.gt,
        options.weights,
        options.preset,
        blur,
        engine=options.engine,
        border=options.border,
        tile=options.tile,
        correlation=options.correlation,
        convolution=options.convolution,
        video=options.video,
        kernels=options.kernels,
        shard=None if options.shard is None else Shard.parse(options.shard),
        timing_repeats=options.timing_repeats,
        seed=options.seed,
        device=options.device,
        all_metrics=options.all_metrics,
    )
    print(_summary(result, output))


def gather_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `vsrlib gather`."""
    parser.description = (
        "Put the parts of `vsrlib infer --shard` together: all frames in OUTPUT/frames, and one OUTPUT/inference.json."
    )
    parser.add_argument("output", type=Path, help="the output folder of the parts")
    parser.set_defaults(run=run_gather)


def run_gather(options: argparse.Namespace) -> None:
    """Carry out `vsrlib gather`."""
    from vsrlib.restoration.shards import gather

    print(_summary(gather(options.output), options.output))


def _fill_in(options: argparse.Namespace) -> None:
    """A published test sets what is not given otherwise."""
    if options.quick_test is not None:
        from vsrlib.study.settings import resolve

        test, data = QUICK_TESTS[options.quick_test], options.data or resolve("data")
        if options.input is not None and options.output is None:
            options.input, options.output = None, options.input  # the one path given is where the results go
        if options.input is not None:
            raise UserError(
                f"The test {options.quick_test} has its own input; give --quick-test, or an input, not both."
            )
        options.input, options.preset, options.blur = test.input(data), "published", test.blur
        options.gt, options.weights = options.gt or test.truth(data), options.weights or test.weights(data)
    if options.input is None:
        raise UserError("No input is given; give a folder of frames, a folder of clips, a video, or --quick-test NAME.")
    if options.weights is None:
        raise UserError("No weights are given, and initial values restore nothing; give --weights FILE.")


def _manifest_blur(input_path: Path) -> str | None:
    """The blur of a data set that was made here; nothing is guessed from names."""
    from vsrlib.common.files import read_json
    from vsrlib.data.degrade import MANIFEST

    manifest = input_path.resolve().parent / MANIFEST
    blur = read_json(manifest).get("blur") if manifest.is_file() else None
    return blur if blur in BLURS else None  # it becomes the name of a folder


def _filed(options: argparse.Namespace, blur: str | None) -> Path:
    from vsrlib.restoration.infer import set_name
    from vsrlib.study.settings import resolve

    return resolve("runs/infer") / set_name(options.input) / (blur or "unknown_blur") / options.framework


def _summary(result: dict[str, Any], output: Path) -> str:
    frames = [frame for clip in result["clips"] for frame in clip["frames"]]
    seconds = sum(frame["pre"] + frame["forward"] for frame in frames)
    quality = ""
    if frames[0]["ssim"] is not None:

        def mean(key: str) -> float:
            values = [frame[key] for frame in frames if frame[key] is not None]  # none for a frame equal to its truth
            return sum(values) / len(values) if values else float("inf")

        quality = f", PSNR {mean('psnr'):.2f} dB, SSIM {mean('ssim'):.4f} (bicubic {mean('bicubic_psnr'):.2f} dB)"
    where = output if result["shard"] is None else output / Shard.parse(result["shard"]).folder
    return f"{len(frames)} frames restored to {where / result['images']}, {seconds / len(frames):.2g} s each{quality}."
