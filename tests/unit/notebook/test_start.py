"""What the start page says of the past: its charts, and the records that wait for their archive."""

from pathlib import Path

import pytest

from rollback_lib.archive import address, background, sending
from rollback_lib.notebook import start
from rollback_lib.record.folder import ROOT_VARIABLE
from rollback_lib.record.manifest import seal
from tests.builders.sealed import begin, record
from tests.builders.stack import STACK_FILE


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path / "incidents"))
    monkeypatch.setenv(address.VARIABLE, f"file://{tmp_path}/archive")
    monkeypatch.setattr("rollback_lib.archive.background.start", lambda *_: None)
    (tmp_path / "incidents").mkdir()
    return tmp_path / "incidents"


def shown() -> str:
    return str(start.latest(str(STACK_FILE)))


def test_records_that_wait_for_their_archive_are_told_with_the_reason(root: Path) -> None:
    assert "archive" not in shown()
    record(root)
    assert "● 1 record waits for its archive: it is sent after the next run" in shown()
    record(root)
    assert "● 2 records wait for their archive: they are sent" in shown()
    background.send(root)
    assert "▲ Records of " in shown()
    assert "is not there; make its bucket or folder first" in shown()
    assert "`rollback incidents archive` sends them." in shown()
    (root.parent / "archive").mkdir()
    background.send(root)
    assert (sending.queue(root), "archive" in shown()) == ({}, False)


def test_a_wrong_address_is_told(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record(root)
    monkeypatch.setenv(address.VARIABLE, "s3://me:secret@bucket")
    assert "▲ Records are not archived: ROLLBACK_ARCHIVE: an address such as" in shown()
    assert "secret" not in shown()


def test_without_an_archive_nothing_is_told_of_one(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record(root)
    monkeypatch.delenv(address.VARIABLE)
    assert "archive" not in shown()


def test_without_records_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path))
    shown = start.history(str(STACK_FILE))
    assert "No rollback was needed yet." in str(shown)
    assert "Nothing was practised yet: no readiness run, and no drill." in str(shown)
    assert "<svg" not in shown._repr_html_()


def test_it_draws_what_is_of_the_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path))
    for procedure, stack, more in (("env", "dyniq-voice", {}), ("image", "other", {}), ("code", "dyniq-voice", {"practice": True})):
        folder = begin(tmp_path, procedure=procedure, stack=stack)
        folder.write_record({**folder.record(), "verdict": "succeeded", "changed": True, "healthy_seconds": 4.0, "practice": False, **more})
        seal(folder.path, tmp_path, folder.record())
    shown = start.history(str(STACK_FILE))
    assert shown._repr_html_().count("<svg") == 3
    assert 'aria-label="how often each procedure was needed: env 1"' in shown._repr_html_()
    assert "Last practised on" in str(shown)
