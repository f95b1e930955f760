"""Answers all probes in one framework: `python -m porting.worker TASK`, see `vsrlib.common.processes`."""

import inspect
import sys
import time
from collections.abc import Callable
from importlib import metadata
from types import ModuleType
from typing import Any

from porting import arithmetic, frameworks, gradients, layers, optimisers, schedules, state
from vsrlib.common.processes import answer

THEMES = (optimisers, schedules, gradients, arithmetic, layers, state)


def probes() -> dict[str, Callable[[frameworks.Framework], frameworks.Numbers]]:
    """All probes by the name of their row: `adam_epsilon` measures the row `adam-epsilon`."""
    return {name.replace("_", "-"): probe for theme in THEMES for name, probe in of_theme(theme).items()}


def of_theme(theme: ModuleType) -> dict[str, Callable[[frameworks.Framework], frameworks.Numbers]]:
    """A file's public functions that take a framework, in the order in which they stand."""
    found = inspect.getmembers(theme, inspect.isfunction)
    own = [
        (name, one)
        for name, one in found
        if one.__module__ == theme.__name__ and list(inspect.signature(one).parameters) == ["f"]
    ]
    return {name: one for name, one in sorted(own, key=lambda pair: pair[1].__code__.co_firstlineno) if name[0] != "_"}


def measure(task: dict[str, Any]) -> dict[str, Any]:
    """All answers in the framework of the task, as the page shows them, and its version."""
    framework = {"torch": frameworks.Torch, "jittor": frameworks.Jittor, "paddle": frameworks.Paddle}[
        task["framework"]
    ]()
    answers = {}
    for name, probe in probes().items():
        start = time.perf_counter()
        answers[name] = frameworks.outcome(lambda probe=probe: probe(framework))
        print(f"{name}: {time.perf_counter() - start:.1f} s", file=sys.stderr)
    return {
        "version": metadata.version({"paddle": "paddlepaddle"}.get(task["framework"], task["framework"])),
        "cells": {k: shown(v) for k, v in answers.items()},
    }


def shown(value: frameworks.Numbers) -> str:
    """An answer as a cell of the table."""
    if isinstance(value, list):
        return ", ".join(f"({shown(one)})" if isinstance(one, list) else shown(one) for one in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)


if __name__ == "__main__":
    answer(measure)
