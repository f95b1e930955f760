"""A video's restoration that was interrupted goes on behind its last whole segment, to the same bytes."""

import errno
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from films import timed, with_sound
from stopping import TIMES, stopped_at

from vsrlib.common.errors import UserError
from vsrlib.common.files import read_json
from vsrlib.data.clips import Clip, write_clip
from vsrlib.data.video import read_frames
from vsrlib.restoration import infer, loop, segments
from vsrlib.restoration.options import InferOptions

STAMPS = (0, 40, 80, 120, 400, 440, 480, 520, 560, 600)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten frames with a pause, and sound."""
    folder = tmp_path_factory.mktemp("film")
    return with_sound(
        folder / "film.mkv", timed(folder / "mute.mkv", STAMPS, Fraction(1, 1000), size=(16, 24)), seconds=1
    )


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "LENGTH", 4)


def run(source: Path, output: Path, **changes) -> dict:
    restart = changes.pop("restart", False)
    options = InferOptions(**{"border": True, "device": "cpu", "weights": "study-gaussian", **changes})
    return infer.infer(source, output, None, options, progress=False, resume=True, restart=restart)


def stopped(patch: pytest.MonkeyPatch, after: int, source: Path, output: Path, **changes) -> None:
    """Ctrl-C before frame number `after`, counted from the first that is restored in this call."""
    with patch.context() as here:
        stopped_at(here, after, KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            run(source, output, **changes)


def files(folder: Path) -> dict[str, bytes]:
    kept = [path for path in folder.rglob("*") if path.is_file() and path.suffix in (".mp4", ".mkv", ".npy")]
    return {str(path.relative_to(folder)): path.read_bytes() for path in kept}


@pytest.mark.parametrize("ending", ["mkv", "mp4"])
def test_it_goes_on_behind_the_last_whole_segment(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    given = {"video": ending, "kernels": True}
    whole = run(film, tmp_path / "whole", **given)
    for after, resumed in ((3, 0), (9, 8)):
        output = tmp_path / f"out{after}"
        stopped(monkeypatch, after, film, output, **given)
        assert not (output / "videos").exists()
        result = run(film, output, **given)
        assert (result["resumed"], whole["resumed"]) == (resumed, 0)
        assert files(output) == files(tmp_path / "whole") and len(files(output)) == 11
        assert sorted(path.name for path in output.iterdir()) == [
            *("comparison.png", "inference.json", "kernels", "videos")
        ]
        ours, theirs = (
            [{**one, **dict.fromkeys(TIMES)} for one in done["clips"][0]["frames"]] for done in (result, whole)
        )
        assert ours == theirs and len(ours) == 10
    assert len(list(read_frames(tmp_path / "whole" / "videos" / f"film.{ending}"))) == 10


def test_several_times_and_several_clips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b"):
        frames = np.random.default_rng(len(name)).integers(0, 256, (6, 16, 20, 3), dtype=np.uint8)
        write_clip(tmp_path / "in" / name, Clip(name, frames))
    run(tmp_path / "in", tmp_path / "whole", video="mkv")
    for after in (5, 3, 1):  # of a: 4 and then 2 frames, of b: 4 in the end
        stopped(monkeypatch, after, tmp_path / "in", tmp_path / "out", video="mkv")
    assert run(tmp_path / "in", tmp_path / "out", video="mkv")["resumed"] == 6
    assert files(tmp_path / "out") == files(tmp_path / "whole") and len(files(tmp_path / "out")) == 2


def test_one_video_goes_on_and_leaves_nothing_beside_it(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(film, tmp_path / "whole.mkv")
    stopped(monkeypatch, 9, film, tmp_path / "out.mkv")
    assert not (tmp_path / "out.mkv").exists()
    with pytest.raises(UserError, match="out.mkv holds a restoration that was interrupted and differs in tile: "):
        run(film, tmp_path / "out.mkv", tile=8)
    assert run(film, tmp_path / "out.mkv")["resumed"] == 8
    assert (tmp_path / "out.mkv").read_bytes() == (tmp_path / "whole.mkv").read_bytes()
    names = [f"{name}.{end}" for name in ("out", "whole") for end in ("comparison.png", "inference.json", "mkv")]
    assert sorted(path.name for path in tmp_path.iterdir()) == names


@pytest.mark.parametrize("name", ["out", "out.mp4"])
def test_killed_when_all_but_the_result_is_there(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    given = {} if "." in name else {"video": "mp4"}

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(infer, "write_json", killed)
        with pytest.raises(KeyboardInterrupt):
            run(film, tmp_path / name, **given)
    before = files(tmp_path)
    monkeypatch.setattr(loop, "_finish", killed)  # no frame is restored again
    assert run(film, tmp_path / name, **given)["resumed"] == 10
    assert {path: data for path, data in before.items() if ".resume" not in path} == files(tmp_path)
    assert not [path for path in tmp_path.rglob(".*") if path.name != ".vsrlib"]


def test_a_full_disk_loses_no_segment(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    stopped(monkeypatch, 5, film, tmp_path / "out.mkv")
    for after in (1, 5):
        with monkeypatch.context() as patch:
            stopped_at(patch, after, OSError(errno.ENOSPC, "No space left on device"), alone=True)
            with pytest.raises(OSError, match="No space"):
                run(film, tmp_path / "out.mkv")
    assert capsys.readouterr().err.count("what is restored is kept, and the same command goes on with it") == 3
    assert run(film, tmp_path / "out.mkv", restart=False)["resumed"] == 8
    assert "is kept" not in capsys.readouterr().err
    run(film, tmp_path / "whole.mkv")
    assert (tmp_path / "out.mkv").read_bytes() == (tmp_path / "whole.mkv").read_bytes()


@pytest.mark.parametrize("after, refused", [(9, True), (3, False)])
def test_segments_are_not_lost_to_frames(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int, refused: bool
) -> None:
    """Where there are any."""
    stopped(monkeypatch, after, film, tmp_path / "out", video="mkv")
    if refused:
        with pytest.raises(UserError, match="differs in video: "):
            run(film, tmp_path / "out")
        assert run(film, tmp_path / "out", video="mkv")["resumed"] == 8
    else:
        assert run(film, tmp_path / "out")["resumed"] == 0


def test_restart_begins_anew(film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stopped(monkeypatch, 9, film, tmp_path / "out", video="mkv")
    assert run(film, tmp_path / "out", video="mkv", restart=True, engine="cached")["resumed"] == 0
    assert read_json(tmp_path / "out" / "inference.json")["engine"] == "cached"


def test_a_file_of_others_in_the_way_is_still_refused(film: Path, tmp_path: Path) -> None:
    (tmp_path / "out.mkv").write_bytes(b"mine")
    with pytest.raises(UserError, match="was not made here"):
        run(film, tmp_path / "out.mkv")
