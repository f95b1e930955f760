"""PaddlePaddle is imported in one place, which leaves the process's environment as it was."""

import importlib.util
import json
import os
import subprocess
import sys
import tomllib

import pytest
from conftest import PADDLE_FAULT

from vsrlib.common.errors import UserError
from vsrlib.common.provenance import PROJECT_ROOT
from vsrlib.kernels import paddle_env
from vsrlib.networks import load_network

PROGRAM = """
import json, os, sys
from pathlib import Path
from vsrlib.kernels.paddle_env import import_paddle
before = dict(os.environ)  # OpenCV has changed it by now
paddle = import_paddle()
same = before == dict(os.environ)
from vsrlib.networks.backend import backend_of
def spent():
    stats = {one.name: (one / "stat").read_text().rsplit(")", 1)[1] for one in Path("/proc/self/task").iterdir()}
    return {thread: sum(map(int, stat.split()[11:13])) for thread, stat in stats.items()}
x = paddle.ones([1200, 1200])
start = spent()
for _ in range(40):
    paddle.matmul(x, x)
worked = sum(ticks - start.get(one, 0) > 0 for one, ticks in spent().items())
told = backend_of("paddle").threads()
print(json.dumps([same, os.environ.get("OMP_NUM_THREADS"), told, worked, "torch" in sys.modules]))
"""


@pytest.mark.paddle
@pytest.mark.slow
@pytest.mark.skipif(PADDLE_FAULT is not None, reason=f"PaddlePaddle is unusable here because {PADDLE_FAULT}")
@pytest.mark.parametrize("threads", ["1", "2", None])
def test_the_environment_is_left_and_its_number_of_threads_is_taken(threads: str | None) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    if threads is not None:
        environment["OMP_NUM_THREADS"] = threads
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0 and done.stderr == "", done.stderr
    same, left, told, worked, with_torch = json.loads(done.stdout)
    count = len(os.sched_getaffinity(0)) if threads is None else int(threads)
    assert same and left == threads and not with_torch
    assert told == count and worked <= count and (worked > 1) == (count > 1)


def test_where_it_is_not_installed_one_sentence_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "paddle" else find_spec(name))
    monkeypatch.delitem(sys.modules, "paddle", raising=False)
    for name in [name for name in sys.modules if name.startswith("vsrlib.") and "paddle_" in name]:
        if name != "vsrlib.kernels.paddle_env":
            monkeypatch.delitem(sys.modules, name)
    with pytest.raises(UserError, match=r"PaddlePaddle cannot be used .* is not installed; install it: .* pip install"):
        load_network("paddle", preset="study")


def test_the_remedy_is_what_the_extra_asks_for() -> None:
    project = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["optional-dependencies"]["paddle"] == [paddle_env.REQUIREMENT]
