"""Write the embedded data sets, made from photographs, in the same layout as downloaded ones; and their options."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from vsrlib.common.errors import UserError
from vsrlib.common.files import StackDigest, sha256_array
from vsrlib.common.names import FILMED, MADE
from vsrlib.common.options import JobOptions, option
from vsrlib.data.clips import Clip, ClipSource, FrameReader, list_clips
from vsrlib.data.degrade import BLURS, write_degraded_set, write_set
from vsrlib.data.frames import write_frame
from vsrlib.data.scenes import FRAMES, packaged_scenes
from vsrlib.data.sets.layouts import require_outside
from vsrlib.data.sets.manifest import HR, TESTING
from vsrlib.data.synthetic.clips import Motion, PlannedClip, SyntheticClip, embedded_clips, planned_clips
from vsrlib.data.synthetic.pictures import LICENCES, PHOTOGRAPHS
from vsrlib.data.video import frame_name

TRAIN, VALIDATION = "Embedded_Train", "Embedded_Validation"


@dataclass(frozen=True)
class ClipsOptions(JobOptions):
    """What `vsrlib clips` is asked for; see `embedded_clips`."""

    split: str = option("train", "whose photographs", choices=tuple(PHOTOGRAPHS))
    count: int = option(64, "clips")
    frames: int = option(7, "frames of a clip")
    height: int = option(256, "of a frame, pixels")
    width: int = option(384, "of a frame, pixels")
    images: str | None = option(None, "folder of pictures to use in place of the split's photographs")
    leaves: int = option(9, "drawn pictures (dead leaves) beside the photographs", least=0)
    speed: list[float] = option(
        [1.0, 3.0, 5.0, 8.0, 12.0], "mean motion per frame, taken by the clips in turn", metavar="PIXELS"
    )
    seed: int = option(0)


@dataclass(frozen=True)
class SetsOptions(JobOptions):
    """How large the embedded sets are: `height` x `width` HR pixels, so many clips of so many frames.

    There is one clip to validate on. filmed_frames: of each filmed scene in the test sets, which are as large as the
    film allows; 0 for no filmed scenes. seed: of the camera paths and of the blur kernels.
    """

    height: int = option(256)
    width: int = option(384)
    train_clips: int = option(8)
    train_frames: int = option(15)
    validation_frames: int = option(7)
    test_clips: int = option(4)
    test_frames: int = option(10)
    filmed_frames: int = option(FRAMES)
    seed: int = option(0)


def embedded_set(blur: str) -> str:
    """Name of the embedded test set of a blur, "Gaussian" or "Realistic"."""
    return f"Embedded_BlurDown_{blur}"


def write_embedded_sets(
    data_root: Path, options: SetsOptions, motion: Motion | None = None, only: Collection[str] | None = None
) -> dict[str, dict[str, Any]]:
    """Write the embedded sets below `data_root`, all four or those named in `only`; return their manifests by set name.

    Embedded_Train and Embedded_Validation hold HR frames; Embedded_BlurDown_Gaussian and _Realistic hold the same HR
    test clips with LR frames and kernels: made ones, and the eight filmed scenes of `vsrlib.data.scenes`, which are in
    no other set. The same options give the same frames. UserError as for
    `vsrlib.data.synthetic.clips.embedded_clips` and `vsrlib.data.scenes.packaged_scenes`, and for files in the way that
    were not made here.
    """
    root, motion = Path(data_root), motion or Motion()
    size, seed, test_frames = (options.height, options.width), options.seed, options.test_frames
    manifests = {}
    for name, split, frames, count in (
        (TRAIN, "train", options.train_frames, options.train_clips),
        (VALIDATION, "validation", options.validation_frames, 1),
    ):
        if only is not None and name not in only:
            continue
        clips = planned_clips(split, frames, size, seed, count, motion)
        manifests[name] = write_set(root / name, (HR,), _hr_writer(clips, split, seed, motion), seed)
    blurs = [blur for blur in BLURS if only is None or embedded_set(blur) in only]
    made = embedded_clips("test", test_frames, size, seed, options.test_clips, motion) if blurs else []
    filmed, said = _filmed(options.filmed_frames, size) if blurs and options.filmed_frames else ([], {})
    said |= {clip.name: _said_of(clip) for clip in made}
    for blur in blurs:
        named = [(clip, tuple(map(frame_name, range(len(clip.frames))))) for clip in [*made, *filmed]]
        manifests[embedded_set(blur)] = write_degraded_set(
            root / embedded_set(blur), named, blur, seed, of_clip=said, **_described(made, "test", motion)
        )
    return manifests


def write_clips(root: Path, options: ClipsOptions, motion: Motion | None = None) -> dict[str, Any]:
    """Write HR clips of a split, as `clips.embedded_clips` makes them, to `root`/HR; return their manifest.

    UserError as there, for pictures that cannot be read, and for a `root` among them.
    """
    motion, size = motion or Motion(), (options.height, options.width)
    split, seed, leaves, speeds = options.split, options.seed, options.leaves, options.speed
    pictures = None if options.images is None else _Pictures(Path(options.images), Path(root))
    clips = planned_clips(split, options.frames, size, seed, options.count, motion, leaves, speeds, pictures)
    more: dict[str, Any] = {"leaves": leaves, "speeds": speeds}
    if pictures is not None:
        more["pictures"] = pictures.digests
    return write_set(Path(root), (HR,), _hr_writer(clips, split, seed, motion, **more), seed)


class _Pictures(Mapping[str, np.ndarray]):
    """The frames of a folder, which are pictures here and may differ in size, by name; few are in memory at a time.

    Those of several folders whose name is in more than one of them have the folder's in front. UserError for two of
    one name all the same, and for an `output` among them. `digests`: of the pixels of each.
    """

    def __init__(self, folder: Path, output: Path) -> None:
        self._places: dict[str, tuple[ClipSource, int]] = {}
        self.digests: dict[str, str] = {}
        sources = list_clips(folder, sequence=False)
        require_outside(output, folder, sources)
        shared = Counter(name for source in sources for name in source.frame_names)
        for source in sources:
            reader = FrameReader(source)
            for index, name in enumerate(source.frame_names):
                whole = name if shared[name] == 1 else f"{source.name}_{name}"
                if whole in self._places:
                    raise UserError(f"{folder} holds two pictures that would both be called {whole}: rename one.")
                self._places[whole] = (source, index)
                reader.forget_before(index)
                self.digests[whole] = sha256_array(reader[index])
        self._read = lru_cache(maxsize=8)(self._read_anew)

    def __getitem__(self, name: str) -> np.ndarray:
        return self._read(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def _read_anew(self, name: str) -> np.ndarray:
        source, index = self._places[name]
        reader = FrameReader(source)
        reader.forget_before(index)
        return reader[index]


def _filmed(frames: int, size: tuple[int, int]) -> tuple[list[Clip], dict[str, dict[str, str]]]:
    """The filmed scenes, and what the manifest says of each."""
    scenes = packaged_scenes(frames, size)
    said = {
        one.name: {"scene": one.scene, "kind": FILMED, "source": one.source, "licence": one.licence, "use": TESTING}
        for one in scenes
    }
    return [Clip(one.name, one.load()) for one in scenes], said


def _said_of(clip: SyntheticClip) -> dict[str, str]:
    """What the manifest says of a made test clip; its scene is the photograph that the camera moves over."""
    licences = dict.fromkeys(LICENCES[name] for name in clip.photographs)
    return {
        **_origin_of(clip),
        "source": f"{' and '.join(clip.photographs)} of scikit-image",
        "licence": " and ".join(licences),
    }


def _origin_of(clip: PlannedClip | SyntheticClip) -> dict[str, str]:
    """Its scene, and that no camera has seen what moves in it: without a word it would count as filmed."""
    name = clip.photographs[0]
    return {"scene": name.rsplit(".", 1)[0] if name in LICENCES else name, "kind": MADE}  # a user's may be shot.1


def _hr_writer(
    clips: list[PlannedClip], split: str, seed: int, motion: Motion, **more: Any
) -> Callable[[Path], dict[str, Any]]:
    def fill(staging: Path) -> dict[str, Any]:
        entries = {}
        for clip in clips:
            names, digest = [frame_name(index) for index in range(len(clip))], StackDigest(len(clip))
            for name, frame in zip(names, clip.frames()):
                write_frame(staging / HR / clip.name / f"{name}.png", frame)
                digest.add(frame)
            digests = {"hr_size": list(clip.size), "hr_sha256": digest.hexdigest()}
            entries[clip.name] = {"frames": names, **digests, **_origin_of(clip)}
        return {"seed": seed, **_described(clips, split, motion), **more, "clips": entries}

    return fill


def _described(clips: Sequence[PlannedClip | SyntheticClip], split: str, motion: Motion) -> dict[str, Any]:
    photographs = {clip.name: list(clip.photographs) for clip in clips}
    return {"split": split, "motion": asdict(motion), "photographs": photographs}
