"""Tensors inside tuples, lists and dictionaries, as networks pass them between their parts."""

from collections.abc import Callable
from typing import Any


def replace(tree: Any, change: Callable[[Any], Any], wanted: Callable[[Any], bool]) -> Any:
    """The same structure with every wanted leaf changed; called on the leaves in order."""
    if wanted(tree):
        return change(tree)
    if isinstance(tree, dict):
        return {key: replace(value, change, wanted) for key, value in tree.items()}
    if isinstance(tree, (tuple, list)):
        return type(tree)(replace(value, change, wanted) for value in tree)
    return tree


def leaves(tree: Any, wanted: Callable[[Any], bool]) -> list[Any]:
    """Every wanted leaf, in order."""
    found: list[Any] = []
    replace(tree, lambda leaf: found.append(leaf), wanted)
    return found


def constants(tree: Any, wanted: Callable[[Any], bool]) -> list[str]:
    """What else stands in the arguments of a call: sizes, flags, axes; names of keyword arguments included."""
    if wanted(tree):
        return []
    if isinstance(tree, dict):
        return [f"{key}={text}" for key, value in tree.items() for text in constants(value, wanted)]
    if isinstance(tree, (tuple, list)):
        return [text for value in tree for text in constants(value, wanted)]
    return [repr(tree)] if isinstance(tree, (bool, int, float, str, type(None))) else []
