"""State: devices, seeds, files, shared memory, and what a call has done when it returns."""

import copy
import pickle
import random
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from porting.frameworks import Framework, Numbers, outcome

_CALLED: list[str] = []


def call_me(word: str) -> str:
    """What a file that runs code calls here."""
    _CALLED.append(word)
    return word


class _Calls:
    def __reduce__(self) -> tuple[Any, ...]:
        return call_me, ("called",)


def device_of_a_tensor(f: Framework) -> Numbers:
    """Whether a tensor says on which device it is"""
    return hasattr(f.tensor([1.0]), "device")


def _same(draw: Any, seed: Any) -> bool:
    found = []
    for _ in range(2):
        seed(7)
        found.append(draw())
    return found[0] == found[1]


def seed_of_framework(f: Framework) -> Numbers:
    """Whether the seed makes the framework's own random numbers the same"""
    return _same(lambda: f.numbers(f.module.rand(4)), f.seed)


def seed_of_numpy(f: Framework) -> Numbers:
    """Whether the seed makes numpy's random numbers the same, too"""
    return _same(lambda: np.random.random(4).tolist(), f.seed)


def seed_of_python(f: Framework) -> Numbers:
    """Whether the seed makes Python's random numbers the same, too"""
    return _same(random.random, f.seed)


def first_random_number(f: Framework) -> Numbers:
    """The first uniform number of seed 1"""
    f.seed(1)
    return f.numbers(f.module.rand(1))[0]


def seeds_related(f: Framework) -> Numbers:
    """How the uniform numbers of seeds 1 and 2 correlate"""
    return _correlation(f, lambda: f.numbers(f.module.rand(20_000)))


def weights_of_seeds(f: Framework) -> Numbers:
    """How the weights of two new Conv2d(64, 64, 3) correlate, made after the seeds 1 and 2"""
    return _correlation(f, lambda: f.numbers(f.layers.Conv2d(64, 64, 3).weight))


def _correlation(f: Framework, draw: Any) -> float:
    found = []
    for seed in (1, 2):
        f.seed(seed)
        found.append(np.ravel(draw()))
    return round(float(np.corrcoef(*found)[0, 1]), 1) + 0.0


def seed_of_shuffle(f: Framework) -> Numbers:
    """Whether another seed shuffles a data set in another order"""
    orders = []
    for seed in (1, 2):
        f.seed(seed)
        orders.append(_order(f))
    return orders[0] != orders[1]


def _order(f: Framework) -> list[int]:
    if f.name == "torch":
        loader = f.module.utils.data.DataLoader(list(range(50)), batch_size=50, shuffle=True)
        return next(iter(loader)).tolist()

    class Fifty(f.module.dataset.Dataset):  # type: ignore[misc, name-defined]
        def __getitem__(self, index: int) -> int:
            return index

    data = Fifty(batch_size=50, shuffle=True, keep_numpy_array=True)
    data.set_attrs(total_len=50)
    return [int(value) for value in next(iter(data))]


def batch_size_default(f: Framework) -> Numbers:
    """How many samples a batch has where nothing is said"""
    if f.name == "torch":
        return f.module.utils.data.DataLoader([0]).batch_size
    return f.module.dataset.Dataset().batch_size


def _saved(f: Framework, name: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        f.module.save({"x": f.tensor([1.0])}, str(path))
        begin = path.read_bytes()[:2]
    return {b"PK": "a zip file", b"\x80\x04": "a pickle"}.get(begin, repr(begin))


def batches_of_data(f: Framework) -> Numbers:
    """len() of what 20 samples are drawn from in batches of 10"""
    if f.name == "torch":
        return len(f.module.utils.data.DataLoader(list(range(20)), batch_size=10))
    return len(f.module.dataset.Dataset(batch_size=10).set_attrs(total_len=20))


def saved_file(f: Framework) -> Numbers:
    """What `save({...}, "weights.pkl")` writes"""
    return _saved(f, "weights.pkl")


def saved_pt(f: Framework) -> Numbers:
    """What `save({...}, "weights.pt")` writes"""
    return _saved(f, "weights.pt")


def file_that_runs_code(f: Framework) -> Numbers:
    """Loading a file that asks for a function to be called"""
    _CALLED.clear()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "weights.pkl")
        path.write_bytes(pickle.dumps(_Calls(), 4))
        found = outcome(lambda: f.module.load(str(path)))
    return "calls it" if _CALLED else found


def load_missing_name(f: Framework) -> Numbers:
    """Linear(1, 1): load_state_dict with the weight alone, which is 5; the weight afterwards"""

    def work() -> Numbers:
        layer = f.layers.Linear(1, 1)
        layer.load_state_dict({"weight": f.tensor([[5.0]])})
        return f.numbers(layer.weight)[0][0]

    return outcome(work)


def load_unknown_name(f: Framework) -> Numbers:
    """Linear(1, 1): load_state_dict with a misspelt name besides"""

    def work() -> Numbers:
        layer = f.layers.Linear(1, 1)
        values = {"weight": f.tensor([[5.0]]), "bias": f.tensor([0.0]), "wieght": f.tensor([[5.0]])}
        layer.load_state_dict(values)
        return "goes on"

    return outcome(work)


def load_wrong_shape(f: Framework) -> Numbers:
    """Linear(1, 1): load_state_dict with a weight of another shape"""

    def work() -> Numbers:
        layer = f.layers.Linear(1, 1)
        layer.load_state_dict({"weight": f.tensor([[5.0, 5.0]]), "bias": f.tensor([0.0])})
        return "goes on, weight as it was" if list(layer.weight.shape) == [1, 1] else "goes on"

    return outcome(work)


def deep_copy(f: Framework) -> Numbers:
    """copy.deepcopy of a layer, the first takes a step: has the copy stayed as it was?"""

    def work() -> Numbers:
        layer = f.layers.Linear(1, 1)
        other = copy.deepcopy(layer)
        before = f.numbers(other.weight)
        f.step(f.optimiser("SGD", list(layer.parameters()), lr=1), layer(f.tensor([[1.0]])).sum())
        return f.numbers(other.weight) == before != f.numbers(layer.weight)

    return outcome(work)


def slice_shares(f: Framework) -> Numbers:
    """y = x[0]; y[0] = 5: has x changed?"""
    x = f.tensor([[1.0, 2.0]])
    y = x[0]
    y[0] = 5.0
    return f.numbers(x)[0][0] == 5.0


def add_in_place(f: Framework) -> Numbers:
    """y = x; y += 1: has x changed?"""
    x = f.tensor([1.0])
    y = x
    y += 1
    return f.numbers(x)[0] == 2.0


def tensor_data(f: Framework) -> Numbers:
    """What `x.data` is"""
    return "a numpy array" if isinstance(f.tensor([1.0]).data, np.ndarray) else "a tensor"


def numpy_shares(f: Framework) -> Numbers:
    """The array of `x.numpy()` is written to: has x changed?"""
    x = f.tensor([1.0])
    array = x.numpy()
    array[0] = 5.0
    return f.numbers(x)[0] == 5.0


def state_dict_shares(f: Framework) -> Numbers:
    """A state_dict is kept, the layer takes a step: has the kept one changed?"""
    layer = f.layers.Linear(1, 1)
    kept = layer.state_dict()
    before = f.numbers(kept["weight"])
    f.step(f.optimiser("SGD", list(layer.parameters()), lr=1), layer(f.tensor([[1.0]])).sum())
    return f.numbers(kept["weight"]) != before


def thrown_away(f: Framework) -> Numbers:
    """Operations that `exp(x)` runs: result thrown away as in a warm-up, and result kept"""
    x = f.tensor([1.0])
    if f.name == "torch":
        with f.module.profiler.profile() as profile:
            x.exp()
        ran = sum(event.name == "aten::exp" for event in profile.events())
        return [ran, ran]
    counts = []
    for keep in (False, True):
        f.module.sync_all(True)
        with f.module.profile_scope() as report:
            y = x.exp() if keep else x.exp() is None
            f.module.sync_all(True)
        counts.append(len(report) - 1)  # the first line is the table's head
        del y
    return counts


def progress_bars(f: Framework) -> Numbers:
    """Whether the package asks for tqdm, which draws bars over any loop"""
    return any(one.split()[0].startswith("tqdm") for one in metadata.requires(f.name) or [])


def numpy_after_import(f: Framework) -> Numbers:
    """In the same process numpy keeps numbers below the smallest normal one, such as 1e-40"""
    return bool(np.float32(1e-30) * np.float32(1e-10) > 0)
