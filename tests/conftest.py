"""Fixtures with practice hosts. The tests have their own, beside any that a person has started. If they cannot start, the tests fail."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from hypothesis import settings

from lab.practice_host import PracticeHost
from tests.hosts import Hosts
from tests.machine import Machine
from tests.quiet import Quiet
from tests.wheel import Installed, build

# Hypothesis tries the same examples each time, so that only a change of the code changes a result. `--hypothesis-profile=default` looks for
# new examples.
settings.load_profile("ci")

# The programs under test keep compiled modules, as they do on people's machines: without, each of them would compile the library again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


@pytest.fixture(scope="session")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    pool = Hosts(Quiet(tmp_path_factory.getbasetemp().parent))
    yield pool
    pool.down()


def place(quiet: Quiet, request: pytest.FixtureRequest) -> AbstractContextManager[None]:
    """What a test holds as long as it runs: the machine alone if it is marked `quiet`, else its share."""
    return quiet.alone() if request.node.get_closest_marker("quiet") else quiet.shared()


@pytest.fixture
def practice_host(hosts: Hosts, request: pytest.FixtureRequest) -> Iterator[PracticeHost]:
    """A practice host that other tests may have used, but none to which it was given as a clean one. It may be down."""
    host = hosts.spare()
    with place(hosts.quiet, request):
        yield host


@pytest.fixture
def host(practice_host: PracticeHost) -> PracticeHost:
    """Such a practice host, started if it was down."""
    if not practice_host.running():
        practice_host.up()
    return practice_host


@pytest.fixture
def clean(hosts: Hosts, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Machine]:
    """A practice host in its clean state: everything is healthy, and no run has left anything on it."""
    host = hosts.clean()
    with place(hosts.quiet, request):
        yield Machine(host, tmp_path / "incidents")


@pytest.fixture
def broken(clean: Machine) -> Machine:
    """The practice host with a bad commit deployed; every health check of agents-api answers 500."""
    clean.host.break_("code")
    assert clean.health()[0] == 500
    return clean


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that is made from this clone."""
    return build(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """An environment outside of the clone, in which the wheel is installed."""
    return Installed.from_wheel(wheel, tmp_path_factory.mktemp("installed"))
