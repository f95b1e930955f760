"""Weights in files: round trips between formats, what training programs put round them, and every fault named."""

import itertools
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
import torch
from conftest import PADDLE_FAULT

from vsrlib.common.errors import UserError
from vsrlib.networks.weights import weights_file
from vsrlib.networks.weights.formats import ENDINGS

# negative zero, a subnormal, values without an exact decimal; a Fortran-ordered array and one without dimensions
VALUES = {
    "a.weight": np.arange(6, dtype=np.float32).reshape(3, 2).T,
    "a.bias": np.array([0.1, -1e-40, -0.0], np.float32),
    "scale": np.array(0.3, np.float32),
    "none": np.zeros((0, 2), np.float32),
}
SHAPES = {name: value.shape for name, value in VALUES.items()}
PAIRS = list(itertools.product(ENDINGS, ENDINGS))


def same(first: weights_file.Values, second: weights_file.Values) -> bool:
    return first.keys() == second.keys() and all(
        first[name].dtype == second[name].dtype
        and first[name].shape == second[name].shape
        and first[name].tobytes() == second[name].tobytes()
        for name in first
    )


@pytest.mark.parametrize("first, second", PAIRS)
def test_conversion_keeps_every_bit(tmp_path: Path, first: str, second: str) -> None:
    weights_file.write(tmp_path / f"w{first}", VALUES)
    converted = weights_file.convert(tmp_path / f"w{first}", tmp_path / f"v{second}")
    read = weights_file.read(tmp_path / f"v{second}")
    assert same(read, VALUES) and same(converted, VALUES)
    assert weights_file.digest(read) == weights_file.digest(VALUES)
    weights_file.convert(tmp_path / f"v{second}", tmp_path / f"again{second}")
    assert (tmp_path / f"again{second}").read_bytes() == (tmp_path / f"v{second}").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted({f"w{first}", f"v{second}", f"again{second}"})


@pytest.mark.parametrize("name", ["epoch=3-step=100.ckpt", "pytorch_model.bin", "weights", "W.CKPT"])
def test_an_archive_of_pytorch_may_have_any_name(tmp_path: Path, name: str) -> None:
    held = {"state_dict": {key: torch.from_numpy(value.copy()) for key, value in VALUES.items()}, "epoch": 3}
    torch.save(held, tmp_path / name)
    assert same(weights_file.read(tmp_path / name), VALUES)
    weights_file.convert(tmp_path / name, tmp_path / "w.safetensors")
    assert same(weights_file.read(tmp_path / "w.safetensors"), VALUES)


def test_the_library_that_made_a_format_reads_what_is_written(tmp_path: Path) -> None:
    for name in ("w.pt", "w.pkl", "w.npz", "w.safetensors"):
        weights_file.write(tmp_path / name, VALUES)
    loaded = torch.load(tmp_path / "w.pt", weights_only=True)
    assert same({name: value.numpy() for name, value in loaded.items()}, VALUES)
    with open(tmp_path / "w.pkl", "rb") as file:
        assert same(pickle.load(file), VALUES)
    with np.load(tmp_path / "w.npz", allow_pickle=False) as archive:
        assert same(dict(archive), VALUES)
    assert same(safetensors.numpy.load_file(tmp_path / "w.safetensors"), VALUES)


@pytest.mark.parametrize(
    "change",
    [
        lambda v: v.update({"a.bias": np.nextafter(v["a.bias"], np.float32(1))}),
        lambda v: v.update({"a.weight": v["a.weight"].reshape(3, 2)}),
        lambda v: v.update({"b.weight": v.pop("a.weight")}),
        lambda v: v.pop("none"),
        lambda v: v.update({"a.bias": v["a.bias"] + np.float32(0)}),
    ],
)  # -0.0 becomes 0.0
def test_the_digest_sees_every_difference_but_the_order(change) -> None:
    assert weights_file.digest(dict(reversed(VALUES.items()))) == weights_file.digest(VALUES)
    values = dict(VALUES)
    change(values)
    assert weights_file.digest(values) != weights_file.digest(VALUES)


def test_files_of_paddlepaddle_hold_what_it_expects(tmp_path: Path) -> None:
    """Fully connected weights the other way round, and the dictionary by which it knows a state dictionary."""
    weights_file.write(tmp_path / "w.pdparams", VALUES)
    with open(tmp_path / "w.pdparams", "rb") as file:
        held = pickle.load(file)
    assert held.pop("StructuredToParameterName@@") == {name: name for name in VALUES}
    assert all(value.flags.c_contiguous for value in held.values())
    assert same(held, VALUES | {name: np.ascontiguousarray(VALUES[name].T) for name in ("a.weight", "none")})


@pytest.mark.paddle
@pytest.mark.slow
@pytest.mark.skipif(PADDLE_FAULT is not None, reason=f"PaddlePaddle is unusable here because {PADDLE_FAULT}")
def test_paddlepaddle_and_this_project_read_each_others_files(tmp_path: Path) -> None:
    """With the real one, in a process of its own: its own layer computes with what it read the same as numpy."""
    rng = np.random.default_rng(0)
    values = {"weight": rng.random((3, 3), np.float32), "bias": rng.random(3, np.float32)}
    weights_file.write(tmp_path / "ours.pdparams", values)
    program = (
        "from vsrlib.kernels.paddle_env import import_paddle; paddle = import_paddle(); import numpy as np;"
        f"layer, folder = paddle.nn.Linear(3, 3), {str(tmp_path)!r};"
        "print(layer.set_state_dict(paddle.load(folder + '/ours.pdparams')));"
        "np.save(folder + '/out.npy', layer(paddle.arange(3, dtype='float32')).numpy());"
        "[paddle.save(layer.state_dict(), f'{folder}/{n}.pdparams', protocol=n) for n in (2, 3, 4)];"
        "paddle.save({'model': layer.state_dict(), 'epoch': 3}, folder + '/nested.pdparams')"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "([], [])"  # missing and unknown
    np.testing.assert_allclose(
        np.load(tmp_path / "out.npy"), values["weight"] @ np.arange(3) + values["bias"], rtol=1e-5
    )
    for name in (*"234", "nested"):
        assert same(weights_file.read(tmp_path / f"{name}.pdparams"), values), name


# a stand-in for Jittor: what counts is that the process has imported something of that name
JITTOR = (
    "import sys, types; sys.modules['jittor'] = types.ModuleType('jittor');"
    "from vsrlib.networks.weights import weights_file;"
)


@pytest.mark.slow
@pytest.mark.parametrize("ending", ENDINGS)
def test_a_process_with_jittor_reads_and_writes_all_without_torch(tmp_path: Path, ending: str) -> None:
    weights_file.write(tmp_path / f"w{ending}", VALUES)
    program = (
        f"{JITTOR} from pathlib import Path; folder = Path({str(tmp_path)!r});"
        f"v = weights_file.read(folder / 'w{ending}'); weights_file.write(folder / 'v{ending}', v);"
        "assert 'torch' not in sys.modules; print(weights_file.digest(v))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == weights_file.digest(VALUES)
    assert same(weights_file.read(tmp_path / f"v{ending}"), VALUES)


def test_a_process_with_paddlepaddle_reads_a_file_of_pytorch_without_it(tmp_path: Path) -> None:
    weights_file.write(tmp_path / "w.pt", VALUES)
    program = (
        f"{JITTOR.replace('jittor', 'paddle')} v = weights_file.read({str(tmp_path / 'w.pt')!r});"
        "assert 'torch' not in sys.modules; print(weights_file.digest(v))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == weights_file.digest(VALUES), done.stderr


def test_a_process_with_jittor_says_why_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "w.pt").write_bytes(b"not a checkpoint")
    program = f"{JITTOR} weights_file.read({str(tmp_path / 'w.pt')!r})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=600)
    said = done.stderr.strip().splitlines()[-1]
    assert said.startswith("vsrlib.common.errors.UserError: The weights file") and "w.pt was refused" in said


@pytest.mark.jittor
@pytest.mark.slow
def test_jittor_and_this_project_read_each_others_files(tmp_path: Path) -> None:
    """With the real one, in a process of its own."""
    values = {name: VALUES[name] for name in ("a.weight", "a.bias")}
    weights_file.write(tmp_path / "ours.pkl", values)
    program = (
        "from vsrlib.kernels import jittor_env; jt = jittor_env.import_jittor();"
        f"ours = jt.load({str(tmp_path / 'ours.pkl')!r});"
        f"jt.save(ours, {str(tmp_path / 'arrays.pkl')!r});"
        f"jt.save({{n: jt.array(v) for n, v in ours.items()}}, {str(tmp_path / 'vars.pkl')!r});"
        f"jt.save({{n: jt.array(v) for n, v in ours.items()}}, {str(tmp_path / 'vars.pt')!r})"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=600)
    for name in ("arrays.pkl", "vars.pkl", "vars.pt"):
        assert same(weights_file.read(tmp_path / name), values), name


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda v: {
            "state_dict": v,
            "epoch": 3,
            "optimizer": {"state": {0: {"step": 1}}, "param_groups": [{"lr": 1e-4}]},
        },
        lambda v: {"model": v, "best": None},
        lambda v: {f"module.{name}": value for name, value in v.items()},
        lambda v: {"state_dict": {f"module.{name}": value for name, value in v.items()}},
    ],
)
@pytest.mark.parametrize("ending", [".pth.tar", ".pkl"])
def test_what_training_programs_put_round_weights_is_taken_off(tmp_path: Path, wrapped, ending: str) -> None:
    path = tmp_path / f"w{ending}"
    if ending == ".pkl":
        path.write_bytes(pickle.dumps(wrapped(VALUES)))
    else:
        torch.save(wrapped({name: torch.from_numpy(value.copy()) for name, value in VALUES.items()}), path)
    assert same(weights_file.read(path), VALUES)


def test_old_and_half_precision_files_of_torch_are_read(tmp_path: Path) -> None:
    tensors = {name: torch.from_numpy(value.copy()) for name, value in VALUES.items()}
    torch.save(tensors, tmp_path / "old.pytorch", _use_new_zipfile_serialization=False)  # as in 2018
    assert same(weights_file.read(tmp_path / "old.pytorch"), VALUES)
    torch.save({name: torch.nn.Parameter(value.bfloat16()) for name, value in tensors.items()}, tmp_path / "w.pt")
    assert weights_file.read(tmp_path / "w.pt")["a.weight"].dtype == np.float32
    assert np.array_equal(weights_file.read(tmp_path / "w.pt")["a.weight"], VALUES["a.weight"])


@pytest.mark.parametrize(
    "name, content, words",
    [
        ("none.pt", None, "does not exist"),
        ("w.onnx", b"x", "exported model"),
        ("w.tar", b"x", "end in"),
        ("w.ckpt", b"PK\x03\x04" + bytes(60), "end in"),
        ("w.bin", b"PK\x05\x06" + bytes(18), "end in"),
        ("w.safetensors", b"x", "refused"),
        ("w.pt", b"not a checkpoint", "refused"),
        ("w.pt", b"", "refused"),
        ("w.pt", b"Kx", "refused"),
        ("w.pkl", b"", "refused"),
        ("w.pkl", b"\x80\x04N.", "no state dictionary"),
        ("w.npz", b"x", "refused"),
        ("w.npz", b"\x93NUMPY", "refused"),
        ("w.npz", b"", "refused"),
    ],
)
def test_unreadable_files_are_named(tmp_path: Path, name: str, content: bytes | None, words: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=words) as caught:
        weights_file.read(tmp_path / name)
    assert name in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content, words",
    [
        ({}, "no state dictionary"),
        ({"a": 3}, "a int under 'a'"),
        ({"a": np.arange(3)}, "int64 under 'a'"),
        ({"a\ud800": np.zeros(2, np.float32)}, "under"),
        ({"state_dict": [1]}, "a list under 'state_dict'"),
    ],
)
def test_files_without_weights_are_refused(tmp_path: Path, content: dict, words: str) -> None:
    torch.save(
        {name: torch.from_numpy(value) if isinstance(value, np.ndarray) else value for name, value in content.items()},
        tmp_path / "w.pt",
    )
    with pytest.raises(UserError, match=words):
        weights_file.read(tmp_path / "w.pt")


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda v: v.pop("a.bias"), "missing"),
        (lambda v: v.update(b=v["a.bias"]), "unknown"),
        (lambda v: v.update({"a.weight": v["a.weight"].T}), "shape"),
        (lambda v: v.update({"a.bias": np.array([np.nan, 0, 0], np.float32)}), "NaN"),
    ],
)
def test_weights_that_do_not_fit_are_refused(change, words: str) -> None:
    values = {name: value.copy() for name, value in VALUES.items()}
    change(values)
    with pytest.raises(UserError, match=words):
        weights_file.checked(values, SHAPES, "a test")
    assert weights_file.checked(dict(reversed(VALUES.items())), SHAPES, "a test").keys() == SHAPES.keys()


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str) -> None:
    path = tmp_path / f"w{ending}"
    weights_file.write(path, VALUES)

    def full(*_) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("vsrlib.common.files.os.fsync", full)
    with pytest.raises(OSError):
        weights_file.write(path, {"other": np.zeros(3, np.float32)})
    assert same(weights_file.read(path), VALUES)
    assert list(tmp_path.iterdir()) == [path]


def test_notes_are_kept_by_safetensors_alone(tmp_path: Path) -> None:
    notes = {"preset": "study", "align_corners": "false"}
    path = tmp_path / "w.safetensors"
    weights_file.write(path, VALUES, notes)
    assert weights_file.metadata(path) == notes
    weights_file.convert(path, tmp_path / "v.safetensors")
    assert weights_file.metadata(tmp_path / "v.safetensors") == notes
    weights_file.convert(path, tmp_path / "v.pkl")
    assert weights_file.metadata(tmp_path / "v.pkl") == {} == weights_file.metadata(tmp_path / "none.safetensors")
    with pytest.raises(UserError, match="safetensors only"):
        weights_file.write(tmp_path / "w.npz", VALUES, notes)
    copies = [tmp_path / f"{i}.safetensors" for i in range(8)]
    for copy in copies:
        weights_file.write(copy, VALUES, notes)
    assert len({copy.read_bytes() for copy in copies}) == 1
    path.write_bytes(b"damaged")
    with pytest.raises(UserError, match="w.safetensors"):
        weights_file.metadata(path)
