"""NaN and infinity in weights, in a training and in a restoration: each is caught, with a sentence.

python tests/reliability/wrong_numbers.py OUTPUT --count 40 --seed 1
"""

import functools
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from common import main
from training_fixture import make_clips, run

from vsrlib.common.errors import UserError
from vsrlib.networks import load_network
from vsrlib.networks.weights import weights_file
from vsrlib.networks.weights.weights_file import path_of
from vsrlib.restoration import infer
from vsrlib.restoration.options import InferOptions
from vsrlib.training import train

_BAD = (float("nan"), float("inf"), float("-inf"))
_WORDS = {"load": "NaN or infinite", "training": "not finite", "inference": "NaN or infinite"}


def check(folder: Path, count: int, seed: int, load: Callable[[Path], Any] | None = None) -> dict[str, Any]:
    """Put a wrong number at a random place `count` times before loading, and each kind once before the other two."""
    rng = random.Random(seed)
    whole = weights_file.read(path_of("study-gaussian"))
    caught = dict.fromkeys(_WORDS, 0)
    tried = dict.fromkeys(_WORDS, 0)
    broken: list[str] = []

    def attempt(name: str, what: str, task: Callable[[], Any]) -> None:
        tried[name] += 1
        try:
            with np.errstate(all="ignore"):  # infinity times zero warns, which is no answer
                task()
            broken.append(f"{name}: {what} passed")
        except UserError as error:
            caught[name] += _WORDS[name] in str(error)
            if _WORDS[name] not in str(error):
                broken.append(f"{name}: {what} was called: {error}")

    loader = load or (lambda path: load_network("torch", path, "study", "cpu"))
    for number in range(count):
        values, place = _poisoned(whole, rng.choice(sorted(whole)), _BAD[number % 3], rng)
        weights_file.write(folder / "w.safetensors", values)
        attempt("load", f"{_BAD[number % 3]} in {place}", lambda: loader(folder / "w.safetensors"))
    clips = make_clips(folder / "clips")
    for bad in _BAD:
        # After loading, as an update that went wrong would leave them: what is read from files never gets this far.
        poisoned = _after_loading("recons_net.0.conv1.weight", bad, rng)
        shutil.rmtree(folder / "train", ignore_errors=True)
        with mock.patch.object(train, "load_network", poisoned):
            attempt("training", str(bad), lambda: run("torch", clips, folder / "train", validate_every=0))
        options = InferOptions(device="cpu", weights="study-gaussian")
        source = next((clips / "validation").iterdir())
        with mock.patch.object(infer, "load_restorer", poisoned):
            job = functools.partial(infer.infer, source, folder / "infer", None, options, progress=False)
            attempt("inference", str(bad), job)
        left = [path.name for path in (folder / "infer").glob("*")] if (folder / "infer").exists() else []
        broken += [f"inference: {bad} left {name}" for name in left]
    return {"tried": tried, "caught": caught, "broken": broken[:10]}


def _poisoned(values: dict[str, np.ndarray], name: str, bad: float, rng: random.Random) -> tuple[dict, str]:
    changed = values[name].copy()
    index = rng.randrange(changed.size)
    changed.reshape(-1)[index] = bad
    return {**values, name: changed}, f"{name}[{index}]"


def _after_loading(name: str, bad: float, rng: random.Random) -> Callable[..., Any]:
    def load(*arguments: Any, **named: Any) -> Any:
        network = load_network(*arguments, **named)
        network.load(_poisoned(network.state(), name, bad, rng)[0])
        return network

    return load


if __name__ == "__main__":
    main("wrong_numbers", check, 40)
