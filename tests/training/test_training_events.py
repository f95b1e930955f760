"""What TensorBoard's own reader finds in the event file of a training."""

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from training_fixture import SMALL, log, make_clips, run, same_weights

from vsrlib.common.errors import UserError
from vsrlib.common.files import read_json
from vsrlib.networks import architecture
from vsrlib.training import events, trainer
from vsrlib.training.options import TrainOptions

READER = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
LOADER = pytest.importorskip("tensorboard.backend.event_processing.event_file_loader")


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clips(tmp_path_factory.mktemp("clips"))


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(architecture.PRESETS, "study", SMALL)


def files(output: Path) -> list[Path]:
    return list((output / "tensorboard").iterdir())


def scalars(output: Path) -> dict[str, list[tuple[int, float]]]:
    """Every value in the file by its tag, in order, with nothing purged that stands there twice."""
    (path,) = files(output)
    found: dict[str, list[tuple[int, float]]] = {}
    for event in LOADER.LegacyEventFileLoader(str(path)).Load():
        for value in event.summary.value:
            if value.HasField("simple_value"):
                found.setdefault(value.tag, []).append((event.step, value.simple_value))
    return found


def columns(output: Path, name: str, factor: float = 1) -> list[tuple[int, float]]:
    return [(entry["step"], pytest.approx(factor * entry[name], rel=1e-6)) for entry in log(output)]


def test_the_file_has_what_the_log_and_the_result_have(framework: str, clips: Path, tmp_path: Path) -> None:
    run(framework, clips, tmp_path, tensorboard=True, halve_every=2, flow_learning_rate=1e-5)
    (path,) = files(tmp_path)
    read = READER.EventAccumulator(str(path), size_guidance={READER.IMAGES: 0})
    read.Reload()
    result, found = read_json(tmp_path / "train.json"), scalars(tmp_path)
    assert set(read.Tags()["scalars"]) == set(found)
    losses = {f"loss/{name}" for name in log(tmp_path)[0]} & set(found)
    assert {"loss/total", "loss/cycle"} <= losses and len(losses) == len(log(tmp_path)[0]) - 5
    for tag in losses:
        assert found[tag] == columns(tmp_path, tag.removeprefix("loss/"))
    assert found["rate/learning_rate"] == columns(tmp_path, "learning_rate")
    assert [value for _, value in found["rate/flow_learning_rate"]] == pytest.approx([1e-5, 1e-5, 5e-6, 5e-6])
    assert found["time/seconds"] == columns(tmp_path, "seconds")
    for name in ("psnr", "cycle"):
        assert found[f"validation/{name}"] == [
            (one["step"], pytest.approx(one[name], rel=1e-6)) for one in result["validation"]
        ]
    assert [step for step, _ in found["validation/psnr"]] == [0, 2, 4]
    assert found["validation/psnr_bicubic"][0][1] == pytest.approx(result["validation_bicubic"], rel=1e-6)
    pictures = read.Images("validation/picture")
    assert [one.step for one in pictures] == [0, 2, 4]
    for one in pictures:
        kept = np.asarray(Image.open(tmp_path / "validation" / f"{one.step:08d}.png"))
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(one.encoded_image_string))), kept)
        assert (one.height, one.width) == kept.shape[:2]


def test_a_training_that_is_gone_on_with_has_every_step_once(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after step 3, of which the checkpoint knows nothing: steps 3 and 4 are taken again."""
    run("torch", clips, tmp_path / "whole", tensorboard=True, checkpoint_every=2)
    take, taken = trainer.take_step, []
    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
        patch.setattr(
            trainer, "take_step", lambda *given: 1 / 0 if len(taken) == 3 else taken.append(1) or take(*given)
        )
        run("torch", clips, tmp_path / "cut", tensorboard=True, checkpoint_every=2)
    assert [step for step, _ in scalars(tmp_path / "cut")["loss/total"]] == [1, 2, 3]  # and closed in spite of it
    run("torch", clips, tmp_path / "cut", tensorboard=True, checkpoint_every=2, resume=True)
    same_weights(tmp_path / "cut", tmp_path / "whole")
    cut, whole = scalars(tmp_path / "cut"), scalars(tmp_path / "whole")
    timed = {tag for tag in whole if tag.startswith("time/")}
    assert {tag: cut[tag] for tag in cut if tag not in timed} == {tag: whole[tag] for tag in whole if tag not in timed}
    assert [step for step, _ in cut["time/seconds"]] == [1, 2, 3, 4]


def test_steps_of_before_are_as_far_apart_as_they_were(tmp_path: Path) -> None:
    entries = [{"step": step, "seconds": 100.0 * step, "total": 1.0} for step in (1, 2, 3)]
    write = events.Events(tmp_path, TrainOptions())
    write(entries, [{"step": 0, "psnr": None, "cycle": 0.5}, {"step": 2, "psnr": 30.0, "cycle": 0.25}], 29.0)
    write.close()
    (path,) = files(tmp_path)
    walls = {
        (event.step, value.tag): event.wall_time
        for event in LOADER.LegacyEventFileLoader(str(path)).Load()
        for value in event.summary.value
    }
    assert walls[3, "loss/total"] - walls[1, "loss/total"] == pytest.approx(500, abs=0.01)
    assert walls[1, "loss/total"] - walls[0, "validation/cycle"] == pytest.approx(100, abs=0.01)
    assert walls[2, "validation/psnr"] == walls[2, "loss/total"]
    assert (0, "validation/psnr") not in walls  # not finite


def test_another_training_leaves_no_event_file_of_the_one_before(clips: Path, tmp_path: Path) -> None:
    run("torch", clips, tmp_path, tensorboard=True, steps=2)
    (first,) = files(tmp_path)
    run("torch", clips, tmp_path, tensorboard=True, steps=1)
    assert files(tmp_path) != [first] and [step for step, _ in scalars(tmp_path)["loss/total"]] == [1]
    run("torch", clips, tmp_path, steps=1)
    assert files(tmp_path) == []


def test_without_the_package_the_option_is_refused_before_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"package tensorboard, which is not installed; install it, .*pip install"):
        run("torch", tmp_path / "no clips", tmp_path / "out", tensorboard=True)
    assert not (tmp_path / "out").exists()


WRITER_ALONE = """
import sys
from pathlib import Path
from vsrlib.training import events
from vsrlib.training.options import TrainOptions
write = events.Events(Path(sys.argv[1]), TrainOptions())
write([{"step": 1, "seconds": 1.0, "total": 1.0}], [], 29.0)
write.close()
print({"torch", "jittor", "tensorflow"} & set(sys.modules))
"""


def test_the_writer_imports_no_framework(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", WRITER_ALONE, tmp_path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "set()" and len(files(tmp_path)) == 1
