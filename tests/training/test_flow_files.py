"""Flow in files: what was written comes back, the formats are those of others, and every fault is named."""

import struct
from pathlib import Path

import numpy as np
import pytest
from flow_files import write_flo

from vsrlib.common.errors import UserError
from vsrlib.data.frames import write_frame
from vsrlib.training.flow.evaluation import middlebury_pairs, read_flo


def random_flow(height: int = 5, width: int = 7, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(2, height, width)).astype(np.float32)


def test_flo_round_trip(tmp_path: Path) -> None:
    flow, known = random_flow(), np.random.default_rng(1).random((5, 7)) < 0.7
    write_flo(tmp_path / "a.flo", flow, known)
    found, where = read_flo(tmp_path / "a.flo")
    np.testing.assert_array_equal(where, known)
    np.testing.assert_array_equal(found, np.where(known, flow, 0))
    assert found.dtype == np.float32


def test_flo_is_middleburys(tmp_path: Path) -> None:
    """The layout written out by hand: the tag 202021.25, width, height, then u and v of each pixel, row by row."""
    values = [1.0, 2.0, -3.0, 4.0, 1.5e9, 0.0, 5.0, 6.0, float("nan"), 7.0, 8.0, -2e9]
    data = struct.pack("<fii", 202021.25, 3, 2) + struct.pack("<12f", *values)
    (tmp_path / "a.flo").write_bytes(data)
    flow, known = read_flo(tmp_path / "a.flo")
    np.testing.assert_array_equal(known, [[True, True, False], [True, False, False]])
    np.testing.assert_array_equal(flow, [[[1, -3, 0], [5, 0, 0]], [[2, 4, 0], [6, 0, 0]]])
    write_flo(tmp_path / "b.flo", flow)
    assert (tmp_path / "b.flo").read_bytes()[:20] == data[:20]


@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (3, 1)])
def test_a_flow_of_one_row_or_column_is_one(tmp_path: Path, shape: tuple[int, int]) -> None:
    flow = random_flow(*shape)
    write_flo(tmp_path / "a.flo", flow)
    np.testing.assert_array_equal(read_flo(tmp_path / "a.flo")[0], flow)


def test_what_is_known_is_below_a_thousand_million(tmp_path: Path) -> None:
    below = np.nextafter(np.float32(1e9), np.float32(0))
    data = struct.pack("<fii", 202021.25, 3, 1) + struct.pack("<6f", below, 0, 1e9, 0, -below, 0)
    (tmp_path / "a.flo").write_bytes(data)
    assert read_flo(tmp_path / "a.flo")[1].tolist() == [[True, False, True]]


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data[:-1],
        lambda data: data + b"x",
        lambda data: b"XXXX" + data[4:],
        lambda data: b"",
        lambda data: data[:4] + b"\xff" * 8 + data[12:],
    ],
)
def test_a_spoiled_flo_is_named(tmp_path: Path, change) -> None:
    write_flo(tmp_path / "a.flo", random_flow())
    (tmp_path / "a.flo").write_bytes(change((tmp_path / "a.flo").read_bytes()))
    with pytest.raises(UserError, match="a.flo"):
        read_flo(tmp_path / "a.flo")


def test_a_missing_flo_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="none.flo does not exist"):
        read_flo(tmp_path / "none.flo")


def frames(folder: Path, height: int = 5) -> None:
    for name in ("frame10.png", "frame11.png"):
        write_frame(folder / name, np.full((height, 7, 3), len(folder.name), np.uint8))


def test_middlebury_folders(tmp_path: Path) -> None:
    for name in ("Venus", "Army"):
        frames(tmp_path / name)
        write_flo(tmp_path / name / "flow10.flo", random_flow())
    frames(tmp_path / "own" / "other-data" / "Urban9")  # as the archives unpack
    write_flo(tmp_path / "own" / "other-gt-flow" / "Urban9" / "flow10.flo", random_flow(seed=3))
    pairs = middlebury_pairs(tmp_path)
    assert [pair.name for pair in pairs] == ["Army", "Venus", "Urban9"]
    assert [int(pair.first[0, 0, 0]) for pair in pairs] == [4, 5, 6]
    np.testing.assert_array_equal(pairs[2].flow, random_flow(seed=3))
    assert pairs[0].visible is None and pairs[0].known.all()


def test_a_pair_behind_a_link_is_found(tmp_path: Path) -> None:
    for name in ("Urban2", "Venus"):
        for frame in ("frame10.png", "frame11.png"):
            write_frame(tmp_path / "kept" / name / frame, np.zeros((5, 7, 3), np.uint8))
        write_flo(tmp_path / "kept" / name / "flow10.flo", random_flow())
    (tmp_path / "mine").mkdir()
    for name in ("Venus", "Urban2"):
        (tmp_path / "mine" / name).symlink_to(tmp_path / "kept" / name)
    assert [pair.name for pair in middlebury_pairs(tmp_path / "mine")] == ["Urban2", "Venus"]


def test_middlebury_faults_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No flow10.flo"):
        middlebury_pairs(tmp_path)
    frames(tmp_path / "Army", height=6)
    write_flo(tmp_path / "Army" / "flow10.flo", random_flow())
    with pytest.raises(UserError, match="differ in size"):
        middlebury_pairs(tmp_path)
    (tmp_path / "Army" / "frame11.png").unlink()
    with pytest.raises(UserError, match="frame11.png does not exist"):
        middlebury_pairs(tmp_path)
