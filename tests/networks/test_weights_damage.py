"""Files of weights that someone has tampered with, or a disk: nothing in them runs, and each is one sentence."""

import builtins
import hashlib
import io
import pickle
import re
import signal
import sys
import types
import zipfile
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import torch

from vsrlib.common.errors import UserError
from vsrlib.networks.weights import pickles, weights_file
from vsrlib.networks.weights.formats import ENDINGS

RNG = np.random.default_rng(0)
VALUES = {f"layer.{i}.weight": RNG.standard_normal((4, 3, 3, 3)).astype(np.float32) for i in range(3)}


@pytest.fixture(autouse=True)
def no_endless_reading() -> Iterator[None]:
    """Ends a test that would compute for hours; each takes seconds. Of the process's own time, whatever else runs."""

    def give_up(*_) -> None:
        pytest.fail("it goes on and on")  # no Exception, so that nothing catches it on the way

    before = signal.signal(signal.SIGVTALRM, give_up)
    signal.setitimer(signal.ITIMER_VIRTUAL, 60)
    yield
    signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    signal.signal(signal.SIGVTALRM, before)


class Canary:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return Path.touch, (self.path,)


def put_canary(path: Path, canary: Canary) -> None:
    """A file of each format that runs the canary in a reader which trusts it."""
    if path.suffix in (".pkl", ".pdparams"):
        path.write_bytes(pickle.dumps({"a": canary}))
    elif path.suffix == ".npz":
        with open(path, "wb") as file:
            np.savez(file, a=np.array([canary, None], dtype=object))
    else:
        torch.save({"a": canary}, path)


def trusting(path: Path) -> None:
    """Such a reader."""
    if path.suffix in (".pkl", ".pdparams"):
        pickle.loads(path.read_bytes())
    elif path.suffix == ".npz":
        np.load(path, allow_pickle=True)["a"]
    else:
        torch.load(path, weights_only=False)


@pytest.mark.parametrize("ending", [ending for ending in ENDINGS if ending != ".safetensors"])
def test_code_in_a_file_does_not_run(tmp_path: Path, ending: str) -> None:
    path, ran = tmp_path / f"w{ending}", tmp_path / "ran"
    put_canary(path, Canary(ran))
    trusting(path)
    ran.unlink()  # the canary works,
    with pytest.raises(UserError, match="refused by") as caught:
        weights_file.read(path)
    assert path.name in str(caught.value) and str(caught.value).isprintable()
    assert "trust" not in str(caught.value)  # PyTorch's own words say how to run it all the same
    assert not ran.exists()  # and did not here


def text(words: str) -> bytes:
    """The instruction that puts a string on the stack."""
    return b"X" + len(words).to_bytes(4, "little") + words.encode()


WRITE = text("open('ran', 'w')")


@pytest.mark.filterwarnings("ignore::UserWarning")  # torch.load says that a protocol is unusual
@pytest.mark.parametrize(
    "program",
    [
        b"cbuiltins\neval\n(" + WRITE + b"tR.",  # the oldest way
        b"\x80\x04" + text("builtins") + text("eval") + b"\x93" + WRITE + b"\x85R.",
        b"(" + WRITE + b"ibuiltins\neval\n.",  # INST, which calls at once
        b"(cbuiltins\neval\n" + WRITE + b"o.",  # OBJ
        b"\x80\x02cbuiltins\ngetattr\ncnumpy\nndarray\n" + text("tofile") + b"\x86R.",
        b"\x80\x02cnumpy.core.multiarray\nfromfile\n" + text("ran") + b"\x85R.",
        b"\x80\x02cnumpy\nload\n" + text("ran") + b"\x85R.",
        b"\x80\x02cnumpy\ndtype\n" + text("O8") + b"\x85R.",  # objects
        b"\x80\x02\x82\x01.",
        b"\x80\x02" + text("ran") + b"Q.",
        b"\x80\x02Pran\n.",
    ],
)  # extensions, persistent ids
def test_other_ways_to_call_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: bytes) -> None:
    monkeypatch.chdir(tmp_path)

    def forbidden(*_) -> None:
        raise AssertionError("it ran")

    monkeypatch.setattr(builtins, "eval", forbidden)
    for name in ("w.pkl", "w.pt"):
        (tmp_path / name).write_bytes(program)
        with pytest.raises(UserError, match="refused by"):
            weights_file.read(tmp_path / name)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "name",
    [
        "builtins\neval",
        "builtins\ngetattr",
        "numpy\nload",
        "numpy.core.multiarray\nfromfile",
        "numpy dtype\nx",
        "jittor\nload",
        "os\nsystem",
        "collections\nCounter",
    ],
)
def test_only_names_on_the_list_are_taken(name: str) -> None:
    """Without calling them, which nothing but the list's would survive."""
    with pytest.raises(ValueError, match="not on the list"):
        pickles.load(b"\x80\x04}" + text("a") + b"c" + name.encode() + b"\ns.")
    allowed = pickles.load(b"\x80\x04}" + text("a") + b"cnumpy\nndarray\ns.")
    assert isinstance(allowed["a"], str)  # a name, not the thing


def nested_dictionaries(depth: int) -> bytes:
    """Dictionaries that hold the next one twice: 2**depth ways to the innermost."""
    inner: dict = {}
    for _ in range(depth):
        inner = {"a": inner, "b": inner}
    return pickle.dumps(inner)


@pytest.mark.parametrize(
    "program",
    [
        b"\x80\x04}Nr\xff\xff\xff\xff.",  # a memo of four thousand million places
        b"\x80\x04}" + b")" + b"\x85" * 200_000 + b"K\x01s.",  # a key of 200,000 tuples in each other
        b"\x80\x04" + b"N" * 2_000_000 + b".",
        b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7f.",  # bytes beyond any memory
        b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x7f}.",
        nested_dictionaries(100),
        pickle.dumps({str(i): VALUES["layer.0.weight"] for i in range(1000)}),
    ],
)  # one array, a thousand times
def test_pickles_that_would_take_memory_or_time_do_not(tmp_path: Path, program: bytes) -> None:
    (tmp_path / "w.pkl").write_bytes(program)
    with pytest.raises(UserError, match="w.pkl"):
        weights_file.read(tmp_path / "w.pkl")


def test_an_array_has_as_many_bytes_as_its_shape_says() -> None:
    good = pickle.dumps({"a": np.zeros((2, 3), np.float32)}, protocol=4)
    assert pickles.load(good)["a"].shape == (2, 3)
    for wrong in (b"K\x02K\x04\x86", b"K\x01K\x03\x86", b"J\xff\xff\xff\xffJ\xfa\xff\xff\xff\x86"):
        assert good.count(b"K\x02K\x03\x86") == 1
        with pytest.raises(ValueError, match="do not fill"):
            pickles.load(good.replace(b"K\x02K\x03\x86", wrong))


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("kind", ["<f2", "<f4", ">f4", "<f8"])
def test_pickles_of_all_kinds_of_floats_are_read(tmp_path: Path, protocol: int, order: str, kind: str) -> None:
    values = {"a": np.arange(6).reshape(2, 3).astype(kind, order=order), "b": np.array(0.5, kind)}
    (tmp_path / "w.pkl").write_bytes(pickle.dumps(values, protocol=protocol))
    read = weights_file.read(tmp_path / "w.pkl")
    assert all(np.array_equal(read[name], values[name]) and read[name].dtype == np.float32 for name in values)


@pytest.fixture
def jittor_file(tmp_path: Path) -> Path:
    """VALUES as jittor.save writes its own arrays, made without it."""

    class Var:
        def __init__(self, values: np.ndarray) -> None:
            self.values = values

        def __reduce__(self) -> tuple:
            return Var, (self.values,)

    Var.__module__, Var.__qualname__ = "jittor", "jittor_core.Var"
    stand_in = types.SimpleNamespace(jittor_core=types.SimpleNamespace(Var=Var))
    with mock.patch.dict(sys.modules, {"jittor": stand_in}):
        data = pickle.dumps({name: Var(value) for name, value in VALUES.items()}, protocol=4)
    (tmp_path / "w.pkl").write_bytes(data + hashlib.sha1(data).digest() + b"HCAJSLHD")
    return tmp_path / "w.pkl"


def test_arrays_of_jittor_are_read_without_it(jittor_file: Path) -> None:
    assert weights_file.digest(weights_file.read(jittor_file)) == weights_file.digest(VALUES)
    assert "jittor" not in sys.modules


def test_one_changed_bit_of_a_jittor_file_is_noticed(jittor_file: Path) -> None:
    data = bytearray(jittor_file.read_bytes())
    place = data.index(VALUES["layer.1.weight"].tobytes()) + 17
    data[place] ^= 1
    jittor_file.write_bytes(data)
    with pytest.raises(UserError, match="checksum"):
        weights_file.read(jittor_file)


def test_tensors_larger_than_their_file_are_refused(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(1).expand(10_000_000_000_000)}, tmp_path / "w.pt")
    with pytest.raises(UserError, match="more values than it holds"):
        weights_file.read(tmp_path / "w.pt")


@pytest.mark.parametrize("name", ["w.npz", "w.pt"])
def test_archives_that_unpack_to_much_are_refused(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / name, "w", zipfile.ZIP_DEFLATED) as archive:
        stream = io.BytesIO()
        np.save(stream, np.zeros(3_000_000, np.float32))
        archive.writestr("a.npy", stream.getvalue())
    with pytest.raises(UserError, match="unpacks to far more"):
        weights_file.read(tmp_path / name)


def test_compressed_npz_is_read(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "w.npz", **VALUES)
    assert weights_file.digest(weights_file.read(tmp_path / "w.npz")) == weights_file.digest(VALUES)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is empty"),
        (b"hello\n", "its content makes no sense"),  # of which PyTorch says the KeyError 101,
        (b"epoch 12: 28.3 dB\n", "its content makes no sense"),  # or 112
        (b"this is a text\n", "its content makes no sense"),  # "pop from empty list",
    ],
)
def test_why_a_text_is_no_weights_file_is_said_in_words(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "weights.pt"
    path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        weights_file.read(path)
    assert f"was refused by PyTorch's weights-only loader ({reason}); it is damaged" in str(caught.value)


def damaged(data: bytes, rng: np.random.Generator) -> bytes:
    """Some bytes changed, a stretch cut out, or the end lost."""
    match rng.integers(4):
        case 0:
            return data[: rng.integers(len(data))]
        case 1:
            start = int(rng.integers(len(data)))
            return data[:start] + data[start + int(rng.integers(1, 64)) :]
        case kind:
            changed = bytearray(data)
            # half of them in the last or first part, where headers and indices are
            reach = len(data) if kind == 2 else min(len(data), 300)
            for _ in range(rng.integers(1, 5)):
                place = int(rng.integers(reach))
                changed[place if rng.integers(2) else len(data) - 1 - place] ^= int(rng.integers(1, 256))
            return bytes(changed)


CHECKSUMS = (".pt", ".pth", ".pkl", ".npz")


@pytest.mark.parametrize("ending", [*ENDINGS, "old.pytorch", "plain.pkl"])
def test_damage_is_one_sentence(tmp_path: Path, ending: str) -> None:
    """600 damaged files: each is refused by a sentence, or is read as arrays of finite size."""
    path = tmp_path / f"w{ending}"
    if ending == "old.pytorch":
        torch.save(
            {name: torch.from_numpy(value) for name, value in VALUES.items()},
            path,
            _use_new_zipfile_serialization=False,
        )
    elif ending == "plain.pkl":
        path.write_bytes(pickle.dumps(VALUES))
    else:
        weights_file.write(path, VALUES)
    whole, rng, refused = path.read_bytes(), np.random.default_rng(7), 0
    for _ in range(600):
        path.write_bytes(damaged(whole, rng))
        try:
            read = weights_file.read(path)
        except UserError as error:
            refused += 1
            assert path.name in str(error) and str(error).isprintable()
            assert not re.search(r"refused by [^(]*\((\d+|\w+Error)\)", str(error)), error  # a reason is words
        else:
            assert sum(value.nbytes for value in read.values()) <= 2 * len(whole)
            if ending in CHECKSUMS:  # what is still read lay beside the values, in padding or in a date
                assert weights_file.digest(read) == weights_file.digest(VALUES)
    assert refused > 200
