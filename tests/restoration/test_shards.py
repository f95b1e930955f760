"""A restoration in parts: every frame in exactly one part, and the parts together are the whole."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vsrlib.common.errors import UserError
from vsrlib.common.files import read_json, write_json
from vsrlib.data.clips import Clip, write_clip
from vsrlib.data.comparison_picture import write_comparison
from vsrlib.data.degradation import bicubic_on_grid
from vsrlib.data.frames import read_frame
from vsrlib.restoration import infer as restoration_infer
from vsrlib.restoration.options import InferOptions, Shard
from vsrlib.restoration.shards import gather


@given(st.integers(0, 200), st.integers(1, 20))
def test_the_parts_are_the_whole_in_order_and_equally_large(length: int, count: int) -> None:
    items = list(range(length))
    parts = [Shard(number, count).of(items) for number in range(1, count + 1)]
    assert [item for part in parts for item in part] == items
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.parametrize("text", ["0/2", "3/2", "2", "1/0", "a/b", "-1/2", "1/2/3", ""])
def test_what_is_no_part_is_named(text: str) -> None:
    with pytest.raises(UserError, match="i/n"):
        Shard.parse(text)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("clips")
    rng = np.random.default_rng(0)
    for name, count in (("a", 7), ("b", 5)):
        write_clip(root / "LR" / name, Clip(name, rng.integers(0, 256, (count, 16, 20, 3), dtype=np.uint8)))
    return root / "LR"


def infer(clips: Path, output: Path, **changes) -> dict:
    return restoration_infer.infer(clips, output, None, InferOptions(border=True, **changes), progress=False)


def pictures(folder: Path) -> dict[str, np.ndarray]:
    return {str(path.relative_to(folder)): read_frame(path) for path in sorted(folder.glob("*/*.png"))}


def looked_at(clips: Path, whole: Path, clip: str, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    low = read_frame(clips / clip / f"{name}.png")
    return low, bicubic_on_grid(low), read_frame(whole / "frames" / clip / f"{name}.png")


def test_gathered_parts_are_the_whole_restoration(clips: Path, tmp_path: Path) -> None:
    whole = infer(clips, tmp_path / "whole", kernels=True)
    for number in (2, 1, 3):  # in any order
        infer(clips, tmp_path / "parts", shard=f"{number}/3", kernels=True)
    assert not (tmp_path / "parts" / "inference.json").exists()
    result = gather(tmp_path / "parts")
    assert result == read_json(tmp_path / "parts" / "inference.json") and result["shards"] == 3
    names = [
        [(clip["name"], frame["name"]) for clip in one["clips"] for frame in clip["frames"]] for one in (whole, result)
    ]
    assert names[0] == names[1] and len(names[0]) == 12
    assert [(clip["scene"], clip["kind"]) for clip in result["clips"]] == [("a", "filmed"), ("b", "filmed")]
    expected, ours = pictures(tmp_path / "whole" / "frames"), pictures(tmp_path / "parts" / "frames")
    assert list(expected) == list(ours)
    for name, picture in expected.items():
        np.testing.assert_array_equal(ours[name], picture)
    kernels = [
        np.stack([np.load(path) for path in sorted((tmp_path / which / "kernels").glob("*/*.npy"))])
        for which in ("whole", "parts")
    ]
    np.testing.assert_array_equal(*kernels)
    assert kernels[0].shape == (12, 13, 13) and np.allclose(kernels[0].sum(axis=(1, 2)), 1, atol=1e-5)
    names = ["comparison.png", "frames", "inference.json", "kernels"]
    assert sorted(path.name for path in (tmp_path / "parts").iterdir()) == names
    # Of the first clip's seven frames, the middle one of the second part's three.
    shown = tmp_path / "parts" / result["comparison"]
    write_comparison(tmp_path / "by hand.png", *looked_at(clips, tmp_path / "whole", "a", "00000005"), None)
    assert shown.read_bytes() == (tmp_path / "by hand.png").read_bytes()
    for name in ("input_digest", "weights", "set", "engine", "border"):
        assert result[name] == whole[name]


def test_a_picture_of_the_user_is_not_replaced(clips: Path, tmp_path: Path) -> None:
    infer(clips, tmp_path, shard="1/1")
    (tmp_path / "comparison.png").write_bytes(b"mine")
    with pytest.raises(UserError, match="comparison.png is there and was not made here"):
        gather(tmp_path)
    assert (tmp_path / "comparison.png").read_bytes() == b"mine" and not (tmp_path / "frames").exists()


def test_parts_that_do_not_fit_together_are_named_and_left_alone(clips: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no parts"):
        gather(tmp_path)
    infer(clips, tmp_path, shard="1/2")
    with pytest.raises(UserError, match="lacks part 2 of 2"):
        gather(tmp_path)
    infer(clips, tmp_path, shard="2/2", seed=5)
    with pytest.raises(UserError, match="differ in weights"):
        gather(tmp_path)
    infer(clips, tmp_path, shard="1/3")
    with pytest.raises(UserError, match="parts of 2 and of 3"):
        gather(tmp_path)
    assert not (tmp_path / "frames").exists() and not (tmp_path / "inference.json").exists()


@pytest.mark.parametrize("name, usual, other", [("precision", "float32", "bfloat16"), ("batch", 1, 2)])
@pytest.mark.parametrize("older", [1, 2])
def test_a_part_that_does_not_say_it_was_restored_in_the_only_way_there_was(
    clips: Path, tmp_path: Path, older: int, name: str, usual: str | int, other: str | int
) -> None:
    """As those of earlier versions."""
    results = {number: infer(clips, tmp_path, shard=f"{number}/2") for number in (1, 2)}
    del results[older][name]
    write_json(tmp_path / f"shard_{older}_of_2" / "inference.json", results[older])
    newer = tmp_path / f"shard_{3 - older}_of_2" / "inference.json"
    write_json(newer, results[3 - older] | {name: other})
    with pytest.raises(UserError, match=f"differ in {name}"):
        gather(tmp_path)
    write_json(newer, results[3 - older])
    assert gather(tmp_path)[name] == usual


def test_the_only_part_the_first_part_and_the_weights_that_were_read(clips: Path, tmp_path: Path) -> None:
    whole = infer(clips, tmp_path / "whole", weights="study-gaussian")
    infer(clips, tmp_path / "one", weights="study-gaussian", shard="1/1")
    result = gather(tmp_path / "one")
    assert result["weights"]["sha256"] == whole["weights"]["sha256"] is not None
    assert (tmp_path / "one" / result["weights"]["path"]).resolve() == Path(
        tmp_path / "whole" / whole["weights"]["path"]
    ).resolve()
    assert result["provenance"]["seed"] == whole["provenance"]["seed"]
    infer(clips, tmp_path / "two", shard="2/2")
    with pytest.raises(UserError, match="lacks part 1 of 2"):
        gather(tmp_path / "two")


def test_times_are_summed_and_memory_is_the_largest(clips: Path, tmp_path: Path) -> None:
    results = [infer(clips, tmp_path, shard=f"{number}/2") for number in (1, 2)]
    for number, seconds, memory in ((1, 1.0, 10.0), (2, 2.0, 30.0)):
        path = tmp_path / f"shard_{number}_of_2" / "inference.json"
        machine = {"threads": number, "not_compiled": {"blur": f"{number}"}, "peak_memory_mib": memory}
        more = {"kept_memory_mib": 3 - number, "import_memory_mib": memory / 2}
        of_an_earlier_version = {name: value for name, value in results[number - 1].items() if name != "resumed"}
        write_json(path, {**of_an_earlier_version, **machine, **more, "warm_up_seconds": seconds})
    result = gather(tmp_path)
    assert (result["warm_up_seconds"], result["peak_memory_mib"]) == (3.0, 30.0)
    assert result["resumed"] == 0  # which earlier versions, that began anew, did not say
    assert (result["kept_memory_mib"], result["import_memory_mib"], result["peak_device_memory_bytes"]) == (2, 15, None)


def test_more_parts_than_frames_and_parts_of_a_video_are_refused(clips: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no frame"):
        infer(clips, tmp_path, shard="1/13")
    with pytest.raises(UserError, match="without --video"):
        infer(clips, tmp_path, shard="1/2", video="mp4")
