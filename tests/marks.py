"""Marks of tests."""

import pytest


def whole(*values: object) -> list[object]:
    """Values of a parameter that `make test` leaves out."""
    return [pytest.param(one, marks=pytest.mark.whole) for one in values]
