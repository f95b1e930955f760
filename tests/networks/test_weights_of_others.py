"""Weights as the training programs of others leave them: averages, wrappers, old pickles, and settings beside them."""

import argparse
import datetime
import pickle
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import safetensors.torch
import torch

from vsrlib.cli import main
from vsrlib.common.errors import UserError
from vsrlib.networks.weights import weights_file

RNG = np.random.default_rng(0)
VALUES = {f"layer.{i}.weight": RNG.standard_normal((4, 3, 3, 3)).astype(np.float32) for i in range(3)}
TENSORS = {name: torch.from_numpy(value.copy()) for name, value in VALUES.items()}
OTHERS = {name: value + 1 for name, value in TENSORS.items()}


def same(read: weights_file.Values) -> bool:
    return weights_file.digest(read) == weights_file.digest(VALUES)


def named(*prefixes: str) -> dict[str, torch.Tensor]:
    return {"".join(prefixes) + name: value for name, value in TENSORS.items()}


def test_bfloat16_in_safetensors_is_what_torch_makes_of_it(tmp_path: Path) -> None:
    halves = {name: value.bfloat16() for name, value in TENSORS.items()}
    safetensors.torch.save_file(halves, tmp_path / "w.safetensors")
    read = weights_file.read(tmp_path / "w.safetensors")
    assert all(np.array_equal(read[name], value.float().numpy()) for name, value in halves.items())
    assert {value.dtype for value in read.values()} == {np.dtype(np.float32)}


def test_a_type_of_safetensors_that_numpy_lacks_is_named(tmp_path: Path) -> None:
    eighths = {name: value.to(torch.float8_e4m3fn) for name, value in TENSORS.items()}
    safetensors.torch.save_file(eighths, tmp_path / "w.safetensors")
    with pytest.raises(UserError, match="F8_E4M3") as caught:
        weights_file.read(tmp_path / "w.safetensors")
    assert "damaged" not in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        {"model_state_dict": TENSORS, "optimizer_state_dict": {"state": {0: {"step": torch.tensor(1.0)}}}},
        {"params": TENSORS},
        {"state_dict": TENSORS, "ema": {"decay": 0.999}},  # an average of which only settings are there
        named("_orig_mod."),
        named("model."),
        named("module.", "_orig_mod."),
        {"state_dict": named("model.")},
        {"n_averaged": torch.tensor(3), **named("module.")},
        {"state_dict": {"n_averaged": torch.tensor(3), **named("module.", "model.")}},
        {"state_dict": TENSORS, "best": np.float64(31.5), "step": np.int64(7), "lr": torch.tensor(2)},
        {"state_dict": TENSORS, "args": argparse.Namespace(lr=1e-4, out=Path("runs"), names=["a"])},
        {"state_dict": TENSORS, "date": datetime.datetime(2024, 8, 20), "hp": SimpleNamespace(width=64)},
        {"state_dict": TENSORS, "rng": np.random.default_rng(0).integers(0, 9, 5), "torch": torch.get_rng_state()},
    ],
)
@pytest.mark.parametrize("zipped", [True, False])
def test_what_stands_round_weights_is_passed_over(tmp_path: Path, content: dict, zipped: bool) -> None:
    torch.save(content, tmp_path / "w.pth", _use_new_zipfile_serialization=zipped)
    assert same(weights_file.read(tmp_path / "w.pth"))


@pytest.mark.parametrize("protocol", range(6))
def test_pickles_of_every_protocol_are_read_with_settings_beside_the_weights(tmp_path: Path, protocol: int) -> None:
    content = {
        "state_dict": {"n_averaged": np.array(3), **{f"module.{name}": value for name, value in VALUES.items()}},
        "args": argparse.Namespace(lr=1e-4, out=Path("runs"), flags=[True, None, {"a": (1, 2.5)}]),
        "best": np.float64(31.5),
        "empty": b"",
        "long": 2**70,
    }
    (tmp_path / "w.pkl").write_bytes(pickle.dumps(content, protocol=protocol))
    assert same(weights_file.read(tmp_path / "w.pkl"))


@pytest.mark.parametrize("first", [True, False])
def test_an_average_is_preferred_and_said(tmp_path: Path, first: bool, capsys: pytest.CaptureFixture) -> None:
    both = {"params_ema": TENSORS, "params": OTHERS} if first else {"params": OTHERS, "params_ema": TENSORS}
    torch.save(both, tmp_path / "w.pth")
    assert same(weights_file.read(tmp_path / "w.pth"))
    assert "the average (params_ema) is taken" in capsys.readouterr().err
    torch.save({"params_ema": TENSORS}, tmp_path / "w.pth")
    assert same(weights_file.read(tmp_path / "w.pth"))
    assert capsys.readouterr().err == ""  # there was no choice


def test_a_process_with_jittor_says_it_as_well(tmp_path: Path) -> None:
    torch.save({"params": OTHERS, "params_ema": TENSORS}, tmp_path / "w.pth")
    program = (
        "import sys, types; sys.modules['jittor'] = types.ModuleType('jittor');"
        "from vsrlib.networks.weights import weights_file;"
        f"print(weights_file.digest(weights_file.read({str(tmp_path / 'w.pth')!r})))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=600)
    assert done.stdout.strip() == weights_file.digest(VALUES), done.stderr
    assert "the average (params_ema) is taken" in done.stderr


def test_stand_ins_keep_nothing_and_give_no_weights(tmp_path: Path) -> None:
    """An object where a tensor belongs is refused, whatever it was filled with."""
    for name, dump in (("w.pt", torch.save), ("w.pkl", lambda value, path: path.write_bytes(pickle.dumps(value)))):
        dump({"a.weight": argparse.Namespace(shape=(1,), dtype="f4")}, tmp_path / name)
        with pytest.raises(UserError, match="an object under 'a.weight'"):
            weights_file.read(tmp_path / name)


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning", "ignore:.*torch.jit:FutureWarning")
def test_whole_files_that_are_not_taken_are_not_called_damaged(tmp_path: Path) -> None:
    torch.save(torch.nn.Linear(2, 2), tmp_path / "module.pth")
    torch.jit.script(torch.nn.Linear(2, 2)).save(str(tmp_path / "script.pt"))
    (tmp_path / "module.pkl").write_bytes(pickle.dumps({"state_dict": VALUES, "colour": pickle.Pickler}))
    (tmp_path / "pointer.safetensors").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    (tmp_path / "page.pth").write_bytes(b"\n<!DOCTYPE html><title>Sign in</title>")
    reasons = {
        "module.pth": "torch.nn.modules.linear.Linear",
        "script.pt": "TorchScript",
        "module.pkl": "_pickle.Pickler",
        "pointer.safetensors": "git lfs pull",
        "page.pth": "web page",
    }
    for name, reason in reasons.items():
        with pytest.raises(UserError) as caught:
            weights_file.read(tmp_path / name)
        assert reason in str(caught.value) and "damaged" not in str(caught.value)


def test_one_text_that_is_encoded_again_and_again_takes_no_memory(tmp_path: Path) -> None:
    text = b"X" + (1000).to_bytes(4, "little") + b"a" * 1000
    arguments = text + b"X\x06\x00\x00\x00latin1\x86q\x01"
    program = b"\x80\x02(c_codecs\nencode\nq\x00" + arguments + b"R" + b"h\x00h\x01R" * 1000 + b"l."
    (tmp_path / "w.pkl").write_bytes(program)
    with pytest.raises(UserError, match="more values than it holds"):
        weights_file.read(tmp_path / "w.pkl")


def test_a_name_that_is_nearly_right_gets_the_right_one(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["infer", str(tmp_path), str(tmp_path / "out"), "--weights", "study-realstic"]) == 2
    assert "did you mean study-realistic?" in capsys.readouterr().err  # before a clip is looked for
    assert main(["convert", "study-gausian"]) == 2
    assert "did you mean study-gaussian?" in capsys.readouterr().err


def test_whoever_gives_no_weights_is_told_which_there_are(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["infer", str(tmp_path), str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert all(name in said for name in weights_file.NAMES) and len(weights_file.NAMES) == 6
