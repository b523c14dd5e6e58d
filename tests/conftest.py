"""A practice host of the tests' own, beside any that a person has up; the suite fails when it cannot start."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.practice_host import PracticeHost
from tests.machine import Machine


@pytest.fixture(scope="session")
def practice_host() -> Iterator[PracticeHost]:
    host = PracticeHost("test", 22122, 22543)
    host.up()
    yield host
    host.down()


@pytest.fixture
def clean(practice_host: PracticeHost, tmp_path: Path) -> Machine:
    """The practice host in its clean state: everything healthy, nothing of ours on it."""
    practice_host.reset()
    return Machine(practice_host, tmp_path / "incidents")


@pytest.fixture
def broken(clean: Machine) -> Machine:
    """The practice host with a bad commit deployed; every health check of agents-api answers 500."""
    clean.host.break_("code")
    assert clean.health()[0] == 500
    return clean
