"""The examples in the docstrings of the public functions are true."""

import doctest
from types import ModuleType

import pytest

from vsrlib.data import blur_kernels, degradation, degrade, frames
from vsrlib.restoration import metrics


@pytest.mark.parametrize("module", [metrics, degrade, degradation, blur_kernels, frames])
def test_examples(module: ModuleType) -> None:
    failed, tried = doctest.testmod(module)
    assert tried >= 2 and not failed
