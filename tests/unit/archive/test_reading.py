"""An archive that is read as a folder of records is: listed, searched, shown, reported and verified by the command line."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from rollback_lib.archive import address, sending
from rollback_lib.archive.errors import Gone, Unusable
from rollback_lib.archive.reading import Archive
from rollback_lib.cli import main
from rollback_lib.errors import ParameterError
from rollback_lib.record.chain import OPENED, Chain
from rollback_lib.record.folder import ROOT_VARIABLE
from rollback_lib.run.sealing import seal
from tests.builders.s3 import S3
from tests.builders.sealed import record

Folder = Callable[[str], Path]


@pytest.fixture
def away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine that has never sent anything."""
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path / "nowhere"))
    return tmp_path / "nowhere"


def test_records_of_several_writers_are_listed_searched_and_shown_elsewhere(
    where: str, folder: Folder, away: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    one, other = folder("one"), folder("other")
    first = record(one)
    second = record(other, procedure="env", because="a mistyped address")
    sending.send(one)
    sending.send(other)
    assert main(["incidents", "list", "--archive", where]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert len(listed) == 3
    assert all(any(one.id in line for line in listed) for one in (first, second))
    assert main(["incidents", "search", "MISTYPED", "--archive", where, "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["incident"], found["procedure"], found["verdict"]) == (second.id, "env", "succeeded")
    assert found["writer"] == sending.writer(Chain(other).log.lines())
    assert not {"manifest", "last", "bundle", "version"} & found.keys()
    assert main(["incidents", "show", second.id, "--archive", where, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == second.record()
    assert main(["incidents", "report", first.id, "--archive", where, "-o", str(tmp_path / "report.html")]) == 0
    assert "slow answers" in (tmp_path / "report.html").read_text()
    capsys.readouterr()
    assert main(["incidents", "stats", "--archive", where, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["records"] == 2
    assert main(["incidents", "diff", first.id, second.id, "--archive", where]) == 0
    assert "  ● procedure\n    - code\n    + env\n" in capsys.readouterr().out
    assert main(["incidents", "postmortem", second.id, "--archive", where, "-o", str(tmp_path / "draft.md")]) == 0
    draft = (tmp_path / "draft.md").read_text()
    assert f"| {first.id} | code |" in draft, "the run of another writer at the same outage"
    assert where.replace("://", "\\://") in draft
    capsys.readouterr()
    assert main(["incidents", "verify", "--archive", where]) == 0
    assert f"2 records in {where}: 2 sealed" in capsys.readouterr().out


def test_what_is_sent_later_is_read_later_and_a_record_as_it_was_sealed_last(where: str, folder: Folder) -> None:
    root = folder("incidents")
    first = record(root)
    sending.send(root)
    assert [one["incident"] for one in Archive(where).incidents()] == [first.id]
    assert json.loads((Archive(where).folder_of(first.id) / "record.json").read_text()) == first.record()
    Chain(root).enter(OPENED, first.path, first.record())
    first.event("resumed", who="me")
    first.write_record({**first.record(), "verdict": "failed-partly"})
    seal(first, root)
    second = record(root)
    sending.send(root)
    archive = Archive(where)
    assert [(one["incident"], one["verdict"]) for one in archive.incidents()] == [
        (second.id, "succeeded"), (first.id, "failed-partly"),
    ]  # fmt: skip
    for one in (first, second):
        fetched = archive.folder_of(one.path.name)
        assert sorted(file.name for file in fetched.iterdir()) == sorted(file.name for file in one.path.iterdir())
        assert all((fetched / file.name).read_bytes() == file.read_bytes() for file in one.path.iterdir())


def test_the_index_is_made_again_and_serves_while_the_archive_is_away(
    s3: S3, where: str, folder: Folder, tmp_path: Path, away: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = folder("incidents")
    one = record(root)
    sending.send(root)
    known = Archive(where).incidents()
    shutil.rmtree(tmp_path / "cache")
    assert Archive(where).incidents() == known
    (index,) = (tmp_path / "cache").rglob("index.sqlite")
    index.write_bytes(b"no database")
    assert Archive(where).incidents() == known
    s3.stop()
    try:
        assert main(["incidents", "list", "--archive", where]) == 0
        said = capsys.readouterr()
        assert one.id in said.out
        assert "cannot be reached" in said.err
        shutil.rmtree(tmp_path / "cache")
        with pytest.raises(Unusable):
            Archive(where)
    finally:
        s3.start()


def test_an_archive_is_named_by_its_address_or_by_its_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(address.VARIABLE, "s3://of-the-environment/x")
    assert address.named("s3://bucket/records/") == "s3://bucket/records"
    assert address.named("drill") == "s3://of-the-environment/x"
    monkeypatch.delenv(address.VARIABLE)
    with pytest.raises(ParameterError, match="the stack drill has no archive"):
        address.named("drill")
    with pytest.raises(ParameterError, match="--archive: an address such as"):
        address.named("s3://me:secret@bucket")


def test_a_record_that_is_not_there_is_refused(where: str, folder: Folder) -> None:
    root = folder("incidents")
    record(root)
    sending.send(root)
    for wrong in ("", "none", "../..", "*", "%", "a/b"):
        with pytest.raises(ParameterError, match="there is no one record"):
            Archive(where).folder_of(wrong)


def test_a_record_that_was_removed_from_its_archive_is_told_in_a_sentence(
    folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "archive").mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv(address.VARIABLE, f"file://{tmp_path}/archive")
    root = folder("incidents")
    one = record(root)
    sending.send(root)
    archive = Archive(f"file://{tmp_path}/archive")
    next((tmp_path / "archive").rglob("*.tar.gz")).unlink()
    with pytest.raises(Gone, match="any more"):
        archive.folder_of(one.id)
