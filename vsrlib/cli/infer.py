"""The commands `vsrlib infer` and `vsrlib gather`."""

import argparse
from pathlib import Path
from typing import Any

from vsrlib.cli.config import config_argument
from vsrlib.common.errors import UserError
from vsrlib.common.files import resolve
from vsrlib.common.names import BLURS, ONNX
from vsrlib.data.sets.addresses import QUICK_TESTS
from vsrlib.networks.weights import weights_file
from vsrlib.restoration.options import InferOptions, Shard


def infer_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `vsrlib infer`."""
    parser.description = (
        "Performs blind x4 video super-resolution: restore clips four times as large. Writes OUTPUT/frames/CLIP/"
        "FRAME.png (or OUTPUT/videos/CLIP.mp4), OUTPUT/inference.json with metrics and times of every frame, and "
        "OUTPUT/comparison.png, a detail beside bicubic upsampling."
    )
    parser.add_argument(
        "input", type=Path, nargs="?", help="folder of frames, folder of clips, or video file; low resolution"
    )
    parser.add_argument(
        "output",
        type=Path,
        nargs="?",
        help="folder of the results (runs/infer/SET/BLUR/FRAMEWORK), or a video to write, .mp4 or lossless .mkv; then "
        "<name>.inference.json and <name>.comparison.png lie beside it",
    )
    parser.add_argument(
        "--quick-test",
        choices=QUICK_TESTS,
        metavar="NAME",
        help="a published test in place of the input, with its ground truth, weights and preset: "
        + ", ".join(QUICK_TESTS),
    )
    parser.add_argument("--data", type=Path, help="folder of the data sets of --quick-test (data/ of the project)")
    parser.add_argument("--gt", type=Path, help="the same clips in high resolution; without it no quality is measured")
    InferOptions.add_arguments(parser)
    parser.add_argument(
        "--published-border",
        action="store_true",
        help="leave out the first two and the last two frames of each clip, as the published protocol does; without "
        "it all are restored, but for --quick-test",
    )
    parser.add_argument(
        "--restart",
        action="store_true",
        help="begin anew where an earlier command was interrupted; without it, its frames are not restored again",
    )
    config_argument(parser, InferOptions)
    parser.set_defaults(run=run_infer, preset=None)  # so that one that is given is told from what the weights note


def run_infer(options: argparse.Namespace) -> None:
    """Carry out `vsrlib infer`."""
    from vsrlib.restoration import infer

    if options.border and options.published_border:
        raise UserError("The ends of a clip are restored or left out; give --border or --published-border, not both.")
    _fill_in(options)
    # A user wants as many frames as there are; a published test wants those that its figures are of.
    options.border = options.border or not (options.published_border or options.quick_test)
    options.blur = options.blur or _manifest_blur(options.input)
    output = options.output or _filed(options)
    result = infer.infer(
        options.input, output, options.gt, InferOptions.of(vars(options)), resume=True, restart=options.restart
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
    preset = InferOptions.preset
    if options.quick_test is not None:
        test, data = QUICK_TESTS[options.quick_test], options.data or resolve("data")
        if options.input is not None and options.output is None:
            options.input, options.output = None, options.input  # the one path given is where the results go
        if options.input is not None:
            raise UserError(
                f"The test {options.quick_test} has its own input; give --quick-test, or an input, not both."
            )
        options.input, options.blur, preset = test.input(data), options.blur or test.blur, "published"
        options.gt, options.weights = options.gt or test.truth(data), options.weights or str(test.weights(data))
    if options.input is None:
        raise UserError("No input is given; give a folder of frames, a folder of clips, a video, or --quick-test NAME.")
    if options.weights is None:
        raise UserError(
            "No weights are given, and initial values restore nothing; give --weights with a file or one of the names "
            f"{', '.join(weights_file.NAMES)}."
        )
    if options.preset is None:
        options.preset = _notes(options).get("preset", preset)


def _notes(options: argparse.Namespace) -> dict[str, str]:
    """What the weights, or the exported model, note of themselves."""
    if options.framework == ONNX and options.weights.endswith(".onnx"):
        from vsrlib.networks.onnx_network import notes

        return notes(weights_file.existing(options.weights))
    return weights_file.metadata(options.weights)


def _manifest_blur(input_path: Path) -> str | None:
    """The blur of a data set that was made here; nothing is guessed from names."""
    from vsrlib.common.files import read_object
    from vsrlib.data.sets.manifest import MANIFEST

    for path in (folder / MANIFEST for folder in (input_path.resolve().parent, input_path)):
        blur = (read_object(path) or {}).get("blur")  # others use this file name as well
        if blur in BLURS:  # it becomes the name of a folder
            return str(blur)
    return None


def _filed(options: argparse.Namespace) -> Path:
    from vsrlib.restoration.infer import set_name

    return resolve("runs/infer") / set_name(options.input) / (options.blur or "unknown_blur") / options.framework


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
    if Path(result["images"]).suffix:  # the output is the video itself, and no folder of frames or videos
        where = where.parent
    picture = [f"A detail beside bicubic: {where / result['comparison']}"] if result.get("comparison") else []
    before = result.get("resumed", 0)
    were = "was" if before == 1 else "were"
    resumed = [f"{before} of them {were} there from before it was interrupted."] if before else []
    ends = (
        "The ends of each clip are repeated, so that all frames are restored."
        if result["border"]
        else "The first two and the last two frames of each clip are left out, as the published protocol does."
    )
    turned = [
        f"The frames of {clip['name']} are turned upright, by {clip['film']['turned']} degrees clockwise."
        for clip in result["clips"]
        if clip.get("film", {}).get("turned")
    ]
    turned += [
        f"Of the {had} bits a channel of {clip['name']}, {kept} are kept."
        for clip in result["clips"]
        for had, kept in [clip.get("bits", (8, 8))]
        if kept < had
    ]
    missing = [
        f"The video of {clip['name']} has no {' and no '.join(dict.fromkeys(clip['left_out']))}: "
        f"no .{result['video']} can hold that."
        for clip in result["clips"]
        if clip.get("left_out")
    ]
    images = where / result["images"]
    done = f"{len(frames)} frames restored to {images}, {seconds / len(frames):.2g} s each{quality}."
    return "\n".join([done, *resumed, ends, *turned, *missing, *picture])
