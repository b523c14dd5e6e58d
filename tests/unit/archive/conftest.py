"""Fixtures: a real S3 server, an archive in a bucket of its own for each test, and folders of records that are sent there."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rollback_lib.archive import address
from tests.builders.s3 import S3

_numbers = itertools.count()


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    server = S3(tmp_path_factory.mktemp("s3") / "data")
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def bucket(s3: S3, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """The name of a new bucket with object lock, in which ROLLBACK_ARCHIVE names a folder."""
    name = f"archive-{next(_numbers)}"
    s3.call("create_bucket", Bucket=name, ObjectLockEnabledForBucket=True)
    for variable, value in {**s3.environment, address.VARIABLE: f"s3://{name}/records", "XDG_CACHE_HOME": str(tmp_path / "cache")}.items():
        monkeypatch.setenv(variable, value)
    return name


@pytest.fixture
def where(bucket: str) -> str:
    """The address of the archive in that bucket."""
    return f"s3://{bucket}/records"


@pytest.fixture
def folder(tmp_path: Path) -> Callable[[str], Path]:
    """Makes folders of records, which nobody sends unless the test does."""

    def made(name: str) -> Path:
        (tmp_path / name).mkdir()
        return tmp_path / name

    return made


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """No process of its own sends records while a test looks at them."""
    monkeypatch.setattr("rollback_lib.archive.background.start", lambda *_: None)
