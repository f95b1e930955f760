"""Make test sets: HR clips, LR frames blurred and decimated from them, and the blur kernels.

A set's folder is replaced as a whole: <root>/<part>/<clip>/<frame>, and <root>/manifest.json written last.
"""

import io
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy

from vsrlib.common import provenance
from vsrlib.common.errors import UserError
from vsrlib.common.files import StackDigest, atomic_path, replaced, require_folder, sha256_array, write_json
from vsrlib.common.names import BLURS
from vsrlib.common.options import JobOptions, option
from vsrlib.data.blur_kernels import (
    draw_realistic,
    gaussian_kernel,
    kernel_picture,
    realistic_kernel,
    realistic_kernel_from_draws,
    scale_realistic,
)
from vsrlib.data.clips import Clip, ClipSource
from vsrlib.data.degradation import SCALE, Further, blur_down, blur_down_exact, cropped
from vsrlib.data.frames import Map, batches, in_threads, shown_size, write_frame
from vsrlib.data.scenes import scene_table
from vsrlib.data.sets.layouts import all_clips, chosen, require_outside
from vsrlib.data.sets.manifest import HR, KERNEL, LR, MANIFEST, carried, earlier

__all__ = [
    "BLURS",
    "SCALE",
    "blur_down",
    "blur_down_exact",
    "clip_kernel",
    "degrade_clips",
    "gaussian_kernel",
    "realistic_kernel",
    "realistic_kernel_from_draws",
    "write_degraded_set",
]


_SIGMA = 1.2
_ZOOM = 16  # of a kernel's picture


@dataclass(frozen=True)
class DegradeOptions(JobOptions):
    """What `vsrlib degrade` is asked for, beside noise and compression (`Further`)."""

    blur: str = option("Gaussian", "Gaussian: sigma 1.2; Realistic: one drawn for each clip", choices=BLURS)
    seed: int = option(0, "seed of the realistic kernels and of noise", least=0)
    clips: list[str] | None = option(None, "these clips alone; REDS4 and Vid4 stand for theirs", metavar="NAME")
    workers: int = option(1, "frames made at a time", metavar="N")


def degrade_clips(
    hr_root: Path,
    save_root: Path,
    blur: str,
    seed: int,
    further: Further | None = None,
    names: Sequence[str] | None = None,
    workers: int = DegradeOptions.workers,
) -> dict[str, Any]:
    """Make a test set from HR clips on disk: one kernel per clip, LR frames, kernels, and a manifest written last.

    `hr_root` and `names` (of the clips that are wanted): see `vsrlib.data.sets.layouts.clips_of`; for `blur`, `seed`
    and `further` see `write_degraded_set`. `workers` frames are made at a time, with the same bytes. Writes
    `save_root`/HR (PNG copies; left alone where `hr_root` is that very folder or `save_root`),
    `save_root`/LR_blurdown_x4, `save_root`/kernel and `save_root`/manifest.json, whose content is returned.
    A clip that scenes.json beside the clips names has its "scene" in the manifest (`vsrlib.data.scenes.scene_table`);
    what a manifest of `hr_root` says of a clip's origin and use stays with it (`vsrlib.data.sets.manifest.carried`).
    UserError also for clips that cannot be read and for an `hr_root` elsewhere inside `save_root`.
    """
    with in_threads(workers) as run:
        found = all_clips(hr_root)
        sources, belong = chosen(hr_root, found, names), scene_table(hr_root, found)
        require_outside(save_root, hr_root, sources)
        hr_root, save_root = Path(hr_root).resolve(), Path(save_root).resolve()
        in_place = hr_root in (save_root, save_root / HR)
        if not in_place and hr_root.is_relative_to(save_root):
            raise UserError(
                f"{hr_root} lies inside {save_root}, which is to be written: give {save_root / HR} itself, "
                "or frames from elsewhere."
            )
        clips = ((source, source.frame_names) for source in sources)
        said = carried(hr_root, [source.name for source in sources])
        for clip, scene in belong.items():
            said[clip] = said.get(clip, {}) | {"scene": scene}
        return write_degraded_set(save_root, clips, blur, seed, not in_place, further, run, said)


def write_degraded_set(
    root: Path,
    clips: Iterable[tuple[Clip | ClipSource, tuple[str, ...]]],
    blur: str,
    seed: int,
    write_hr: bool = True,
    further: Further | None = None,
    run: Map = map,
    of_clip: Mapping[str, Mapping[str, Any]] | None = None,
    **described: Any,
) -> dict[str, Any]:
    """Degrade `clips` (each with its frames' names) and write them as the data set `root`; return its manifest.

    `blur` is "Gaussian" (sigma 1.2 for every clip) or "Realistic", drawn for each clip from (seed, clip name), so that
    neither the order of the clips nor the other clips matter. HR is cropped at the right and below to a multiple of 4;
    `cropped` in the manifest says so. `further`: noise and compression of LR, none by default. `run` is `map`, or a
    parallel one with the same results. `described` goes into the manifest as it is, what `of_clip` says of a clip
    ("scene", "kind", "source", ...) into its entry there. The same input gives the same bytes.
    kernel/<clip> holds <frame>.mat for every frame, kernel.npy, and kernel.png, a picture.
    Manifest: blur, seed, scale, hr_written, and for each clip the frames' names, hr_size [H, W] after cropping,
    the kernel (parameters, size, digest) and digests of the decoded pixels of HR and LR, (N, H, W, 3) uint8 RGB.
    UserError for an unknown blur, a negative seed, frames below 4x4, and for files in the way that were not made here.

    >>> import tempfile
    >>> clip = Clip("walk", np.zeros((1, 8, 8, 3), np.uint8))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     manifest = write_degraded_set(folder, [(clip, ("00000000",))], "Gaussian", seed=0)
    >>> manifest["clips"]["walk"]["hr_size"], manifest["clips"]["walk"]["kernel"]["sigma"]
    ([8, 8], 1.2)
    """
    if blur not in BLURS:
        raise UserError(f"blur {blur!r} is unknown: give one of {', '.join(BLURS)}.")
    if seed < 0:
        raise UserError(f"seed {seed} is negative: give 0 or a positive number.")

    extra, said = further or Further(), of_clip or {}

    def fill(staging: Path) -> dict[str, Any]:
        entries = {
            clip.name: {
                **said.get(clip.name, {}),
                **_write_clip(staging, clip, names, blur, seed, write_hr, extra, run),
            }
            for clip, names in clips
        }
        made = {"blur": blur, "seed": seed, "scale": SCALE, "hr_written": write_hr, **extra.described()}
        return {**made, **described, "clips": entries}

    return write_set(root, (HR, LR, KERNEL) if write_hr else (LR, KERNEL), fill, seed)


def write_set(root: Path, parts: Sequence[str], fill: Callable[[Path], dict[str, Any]], seed: int) -> dict[str, Any]:
    """Write the given parts of a data set and its manifest; return the manifest.

    `fill` writes every part below the staging folder it is given and returns the manifest's content. The parts are
    moved into place only when it has ended well, the manifest comes last, and an error leaves the old set untouched.
    A manifest that would differ from the old one in its provenance alone is kept: it describes the same bytes.
    UserError, before the work, for a part that holds files which were not written here, and for a manifest that is no
    set's: those are never replaced; and for a `root` that is no folder.
    """
    root = Path(root)
    require_folder(root)
    before = earlier(root)
    with replaced(root, parts, MANIFEST) as staging:
        content = fill(staging)
        manifest = {**content, "provenance": provenance.collect(seed=seed)}
        if {**before, "provenance": None} == {**content, "provenance": None}:
            manifest = before
    write_json(root / MANIFEST, manifest)
    return manifest


def clip_kernel(blur: str, seed: int, name: str) -> tuple[np.ndarray, dict[str, float]]:
    """The kernel of a clip, (n, n) float64, and its parameters; a realistic one is drawn from (seed, name).

    >>> kernel, parameters = clip_kernel("Gaussian", 0, "walk")
    >>> kernel.shape, parameters
    ((9, 9), {'sigma': 1.2})
    """
    if blur == "Gaussian":
        return gaussian_kernel(_SIGMA), {"sigma": _SIGMA}
    draws = draw_realistic(np.random.default_rng([seed, zlib.crc32(name.encode())]))
    parameters = dict(zip(("lambda1", "lambda2", "theta"), scale_realistic(*draws[:3])))
    return realistic_kernel_from_draws(*draws), parameters


def _write_clip(
    root: Path,
    clip: Clip | ClipSource,
    names: tuple[str, ...],
    blur: str,
    seed: int,
    write_hr: bool,
    further: Further,
    run: Map,
) -> dict[str, Any]:
    """Some frames at a time, so that a clip's length does not matter."""
    kernel, parameters = clip_kernel(blur, seed, clip.name)
    digests = {part: StackDigest(len(names)) for part in (HR, LR)}
    sizes: set[tuple[int, ...]] = set()

    def write(part: str, some: Sequence[str], frames: Sequence[np.ndarray]) -> None:
        tasks = [(root / part / clip.name / f"{name}.png", frame) for name, frame in zip(some, frames, strict=True)]
        list(run(lambda task: write_frame(*task), tasks))  # a list, so that an error is raised here

    def blurred() -> Iterator[np.ndarray]:
        every = clip.frames if isinstance(clip, Clip) else clip.frames()
        for some, frames in zip(batches(names), batches(every), strict=True):
            whole = cropped(np.stack(frames))
            if 0 in whole.shape:
                raise UserError(
                    f"clip {clip.name} has frames of {shown_size(frames[0])} pixels: at least {SCALE}x{SCALE} are "
                    "needed."
                )
            if write_hr:
                write(HR, some, list(whole))
            for frame in whole:
                digests[HR].add(frame)
            sizes.update({whole.shape[1:3], frames[0].shape[:2]})
            yield from run(lambda frame: blur_down(frame, kernel), whole)

    for some, frames in zip(batches(names), batches(further.apply(blurred(), clip.name, seed, run)), strict=True):
        for frame in frames:
            digests[LR].add(frame)
        write(LR, some, frames)
    _write_kernel(root / KERNEL / clip.name, kernel, names)
    return {
        "frames": list(names),
        "hr_size": list(min(sizes)),
        "cropped": len(sizes) > 1,
        "kernel": {**parameters, "size": len(kernel), "sha256": sha256_array(kernel)},
        "hr_sha256": digests[HR].hexdigest(),
        "lr_sha256": digests[LR].hexdigest(),
    }


def _write_kernel(folder: Path, kernel: np.ndarray, names: tuple[str, ...]) -> None:
    for name in names:
        _write_mat(folder / f"{name}.mat", kernel)
    with atomic_path(folder / "kernel.npy") as temporary:
        np.save(temporary, kernel)
    write_frame(folder / "kernel.png", kernel_picture(kernel, _ZOOM))


def _write_mat(path: Path, kernel: np.ndarray) -> None:
    buffer = io.BytesIO()
    scipy.io.savemat(buffer, {"kernel": kernel})
    # The first 116 bytes are free text, in which SciPy puts the platform and the time of writing.
    text = b"MATLAB 5.0 MAT-file, blur kernel of a degraded clip".ljust(116)
    with atomic_path(path) as temporary:
        temporary.write_bytes(text + buffer.getvalue()[116:])
