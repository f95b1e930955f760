"""The command `vsrlib degrade`."""

import argparse
from pathlib import Path

from vsrlib.names import BLURS


def arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command and its options."""
    parser.description = (
        "Make a test set: blur every HR clip with one kernel and keep every fourth pixel. Writes OUTPUT/HR, "
        "OUTPUT/LR_blurdown_x4, OUTPUT/kernel and OUTPUT/manifest.json. The same clips, blur and seed give the same "
        "bytes, whatever the number of workers."
    )
    parser.add_argument(
        "input",
        type=Path,
        help="folder of clip folders, folder of frames, video file, or a published set as it comes (REDS, Vid4, SPMCS)",
    )
    parser.add_argument("output", type=Path, help="folder of the data set")
    parser.add_argument(
        "--blur",
        default="Gaussian",
        choices=BLURS,
        help="Gaussian: sigma 1.2; Realistic: one drawn for each clip (%(default)s)",
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the realistic kernels and of noise (%(default)s)")
    parser.add_argument("--clips", nargs="+", metavar="NAME", help="these clips alone; REDS4 and Vid4 stand for theirs")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="frames made at a time (%(default)s)")
    parser.add_argument(
        "--noise",
        type=float,
        default=0.0,
        metavar="SIGMA",
        help="Gaussian noise on LR, standard deviation in levels of 255 (none)",
    )
    parser.add_argument("--jpeg", type=int, metavar="QUALITY", help="LR through JPEG, 1 to 100 (not done)")
    parser.add_argument(
        "--video", type=int, metavar="CRF", help="LR through H.264, 0 to 51, larger is coarser (not done)"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Carry out `vsrlib degrade`."""
    from vsrlib.degrade import degrade_clips
    from vsrlib.further import Further

    further = Further(options.noise, options.jpeg, options.video)
    manifest = degrade_clips(
        options.input, options.output, options.blur, options.seed, further, options.clips, options.workers
    )
    frames = sum(len(clip["frames"]) for clip in manifest["clips"].values())
    print(f"{frames} frames of {len(manifest['clips'])} clips written to {options.output}.")
