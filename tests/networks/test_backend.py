"""Both frameworks offer what the protocol says, by the same signatures, and nothing beside it."""

import ast
import inspect
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import FRAMEWORKS

from vsrlib.common.errors import UserError
from vsrlib.common.names import TRAINERS
from vsrlib.networks import backend, load_network
from vsrlib.networks.backend import Adam, Backend, backend_of

ATTRIBUTES = {"ops", "call", "functions", "Optimiser"}


def public(one: type) -> set[str]:
    return {name for name in dir(one) if not name.startswith("_")}


def parameters(function) -> list[tuple]:
    return [(one.name, one.kind, one.default) for one in inspect.signature(function).parameters.values()]


def faults(owed: type, offered: type) -> list[str]:
    """What a class does otherwise than the protocol asks."""
    found = [f"{name} is missing" for name in offered.__abstractmethods__]
    found += [f"{name} is not in the protocol" for name in public(offered) - public(owed) - ATTRIBUTES]
    methods = [*filter(lambda name: callable(getattr(owed, name)), public(owed)), "__init__"]
    return found + [
        f"{name} has another signature"
        for name in methods
        if parameters(getattr(owed, name)) != parameters(getattr(offered, name))
    ]


def test_memory_of_a_gpu_is_told_of_a_gpu_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda: 5)
    monkeypatch.setattr(torch.cuda, "max_memory_reserved", lambda: 7)
    offered = backend_of("torch")
    assert [offered.peak_device_memory(device) for device in ("cuda", "cpu")] == [5, None]
    assert [offered.own_memory(device) for device in ("cuda", "cpu")] == [7, None]


def test_blocks_are_kept_on_the_cpu_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vsrlib.common.memory.keep_blocks", lambda largest_mib: largest_mib)
    assert [backend_of("torch").keep_memory(device, 64) for device in ("cuda", "cpu")] == [0, 64]


def test_a_network_is_built_without_tf32_and_compared_without_onednn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Either would be a difference between the frameworks, and between processors."""
    import torch

    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    network = load_network("torch", preset="study", device="cpu")
    assert not torch.backends.cuda.matmul.allow_tf32 and not torch.backends.cudnn.allow_tf32
    seen = []
    monkeypatch.setattr(Backend, "losses_and_gradients", lambda *_: seen.append(torch.backends.mkldnn.enabled))
    before = torch.backends.mkldnn.enabled
    network.backend.losses_and_gradients(network.module, None)
    assert seen == [False] and torch.backends.mkldnn.enabled == before


def test_offers_what_the_protocol_says(framework: str) -> None:
    offered = type(backend_of(framework))
    assert faults(Backend, offered) == [] and faults(Adam, offered.Optimiser) == []
    assert all(hasattr(offered, name) for name in ATTRIBUTES)


def test_every_method_is_described() -> None:
    for owed in (Backend, Adam):
        undescribed = [name for name in public(owed) if not (getattr(owed, name).__doc__ or "").strip()]
        assert undescribed == []


def test_the_operations_have_the_same_names_and_parameters() -> None:
    """Read off the sources, so that no process imports two frameworks."""
    folder = Path(backend.__file__).parent
    found = [
        {
            part.name: [one.arg for one in part.args.args]
            for part in ast.parse((folder / f"{framework}_ops.py").read_text(encoding="utf-8")).body
            if isinstance(part, ast.FunctionDef) and not part.name.startswith("_")
        }
        for framework in TRAINERS
    ]
    assert len(found[0]) > 15 and found[0] == found[1] == found[2]


def test_a_departure_from_the_protocol_is_found() -> None:
    class Other(type(backend_of("torch"))):
        def tensor(self, values, where="cpu"):
            return values

        def seconds(self):
            return 0

    assert faults(Backend, Other) == ["seconds is not in the protocol", "tensor has another signature"]
    incomplete = type("Incomplete", (Backend,), {})
    assert "array is missing" in faults(Backend, incomplete)


def test_gradients_of_a_product_and_of_what_has_no_way_there(framework: str) -> None:
    made = backend_of(framework)
    x, y, z = (made.leaf(made.tensor(np.array(values))) for values in ([1.0, 2.0], [3.0, 5.0], [7.0, 7.0]))
    product, weight = x * y, made.tensor(np.array([10.0, 100.0]))
    found = [made.array(value).tolist() for value in made.vjp([product, x], [weight, weight], [x, y, z])]
    assert found == [[40, 600], [10, 200], [0, 0]]
    loss = (x * x).sum()
    once = [made.array(made.gradients(loss, [x], again=True)[0]).tolist() for _ in range(2)]
    assert once == [[2, 4], [2, 4]]
    assert made.array(made.gradients(made.detached(loss) * 1, [x])[0]).tolist() == [0, 0]


def test_tensors_and_arrays(framework: str) -> None:
    made = backend_of(framework)
    fixed = np.arange(6).reshape(2, 3)
    fixed.flags.writeable = False
    tensor = made.tensor(fixed)
    assert made.is_tensor(tensor) and not made.is_tensor(fixed) and not made.is_tensor(3.0)
    np.testing.assert_array_equal(made.array(tensor), fixed)
    assert made.array(tensor).dtype == np.float32
    total = made.copied(tensor.sum())
    assert total.shape == (1,) and total[0] == 15


def test_float64_is_pytorchs_alone(framework: str) -> None:
    if framework == "torch":
        made = backend_of("torch", double=True)
        assert made.array(made.tensor(np.ones(2, np.float32))).dtype == np.float64
    else:
        with pytest.raises(UserError, match="no float64"):
            backend_of(framework, double=True)


@pytest.fixture(params=FRAMEWORKS[1:])
def on_cpu(request: pytest.FixtureRequest) -> Backend:
    """A framework that computes on the CPU alone."""
    return backend_of(request.param)


@pytest.fixture(params=FRAMEWORKS[1:2])
def jittor(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[Backend, SimpleNamespace]:
    """Jittor's backend, and what stands in for the parts of Jittor by which it is told and asked what to do."""
    backend = backend_of(request.param)
    calls: list[bool] = []
    stand_in = SimpleNamespace(
        flags=SimpleNamespace(use_cuda=1),
        compile_extern=SimpleNamespace(mkl_ops=None),
        get_mem_info=lambda: SimpleNamespace(total_cpu_used=11),
        sync_all=lambda device_sync=False: calls.append(device_sync),
        calls=calls,
    )
    monkeypatch.setattr(inspect.getmodule(type(backend)), "jt", stand_in)
    return backend, stand_in


def test_other_devices_than_the_cpu_are_pytorchs_alone(on_cpu: Backend) -> None:
    assert [on_cpu.pick_device(device) for device in ("auto", "cpu")] == ["cpu", "cpu"]
    with pytest.raises(UserError, match="choose --device cpu"):
        on_cpu.pick_device("cuda")
    with pytest.raises(UserError, match="no device 'gpu'; choose auto or cpu"):
        on_cpu.pick_device("gpu")
    assert on_cpu.peak_device_memory("cpu") is None


def test_jittor_is_told_to_leave_a_gpu_alone(jittor: tuple[Backend, SimpleNamespace]) -> None:
    backend, stand_in = jittor
    with pytest.raises(UserError):
        backend.pick_device("cuda")
    assert stand_in.flags.use_cuda == 1
    backend.pick_device("auto")
    assert stand_in.flags.use_cuda == 0


def test_what_is_asked_of_jittor(jittor: tuple[Backend, SimpleNamespace], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether it has oneDNN, what its allocator holds, and to wait for the device too; its blocks it keeps unasked."""
    backend, stand_in = jittor
    assert backend.device_name("cpu") == "cpu, without oneDNN"
    stand_in.compile_extern.mkl_ops = object()
    assert backend.device_name("cpu") == "cpu, oneDNN"
    assert backend.own_memory("cpu") == 11 and backend.keep_memory("cpu", 64) == 0
    backend.synchronise("cpu")
    assert stand_in.calls == [True]
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert backend.threads() == 3


@pytest.mark.parametrize("there, auto", [(True, "cuda"), (False, "cpu")])
def test_pytorch_takes_the_gpu_where_there_is_one(there: bool, auto: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    backend = backend_of("torch")
    assert backend.pick_device("auto") == auto and backend.pick_device("cpu") == "cpu"
    if there:
        assert backend.pick_device("cuda") == "cuda"
    else:
        with pytest.raises(UserError, match="sees no CUDA device"):
            backend.pick_device("cuda")
    with pytest.raises(UserError, match="no device 'gpu'"):
        backend.pick_device("gpu")
