"""Parameters of tests of which every run of the slow tests tries some, and `make test-all` the others too."""

from typing import Any

import pytest
from _pytest.mark import ParameterSet


def parameter(values: tuple[Any, ...], name: str, usual: bool) -> ParameterSet:
    """A parameter with its id; one that is not usual is exhaustive."""
    return pytest.param(*values, id=name, marks=() if usual else pytest.mark.exhaustive)
