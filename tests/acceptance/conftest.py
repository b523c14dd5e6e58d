"""Practice hosts that are broken in a way that several test files use."""

import pytest

from tests.machine import Machine


@pytest.fixture
def migrated(clean: Machine) -> Machine:
    """The practice host after a bad migration of the voice database; agents-api answers 500."""
    clean.host.break_("database")
    return clean
