"""Fixtures of several folders: an incident that has documented its facts, on a host that only notes what it is asked to run; and an
authority for timestamps."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from rollback_lib.procedures import registry
from rollback_lib.run.incident import Incident
from tests.builders.authority import Authority
from tests.builders.looks import Looks
from tests.builders.runs import Host, Person, opened


@pytest.fixture
def person() -> Person:
    return Person()


@pytest.fixture
def host() -> Host:
    return Host()


@pytest.fixture
def incident(tmp_path: Path, host: Host, person: Person, monkeypatch: pytest.MonkeyPatch) -> Incident:
    """An incident that finds everything as it was planned."""
    monkeypatch.setitem(registry._loaded, "code", replace(registry.procedure("code"), assumed=Looks([])))
    return opened(tmp_path, host, person)


@pytest.fixture(scope="module")
def real_authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authority]:
    made = Authority(tmp_path_factory.mktemp("tsa") / "authority")
    yield made
    made.close()
