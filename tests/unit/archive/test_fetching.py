"""Records of an archive on a machine that did not write them, to be undone or resumed there; and pages of a fleet beside them."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Self

import pytest

from rollback_lib.archive import sending, store
from rollback_lib.archive.errors import NotArchived
from rollback_lib.archive.fetching import fetch
from rollback_lib.archive.reading import Archive
from rollback_lib.cli import main
from rollback_lib.record import proof
from rollback_lib.record.chain import OPENED, Chain
from rollback_lib.record.contents import Manifest
from rollback_lib.record.folder import ROOT_VARIABLE, Folder
from rollback_lib.run.sealing import seal
from rollback_lib.text import times
from tests.builders.s3 import S3
from tests.builders.sealed import record

Made = Callable[[str], Path]


@pytest.fixture
def elsewhere(folder: Made, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Another machine, without records."""
    root = folder("elsewhere")
    monkeypatch.setenv(ROOT_VARIABLE, str(root))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "other-cache"))
    return root


class Stopped(datetime):
    """A clock that stands still."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        return cls(2026, 3, 1, 3, 12, tzinfo=tz)


def resumed(root: Path, path: Path, verdict: str) -> None:
    """What `rollback resume` does to a record."""
    known = Folder(path)
    known.event("resumed", who="another")
    Chain(root).enter(OPENED, path, known.record())
    known.write_record({**known.record(), "verdict": verdict})
    seal(known, root)


def test_a_record_is_fetched_resumed_and_archived_again_on_another_machine(
    where: str, folder: Made, elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = folder("incidents")
    known = record(root, verdict="unknown")
    sending.send(root)
    assert main(["incidents", "fetch", known.id, "--archive", where, "--since", str(times.today())]) == 0
    (fetched,) = elsewhere.glob("[0-9]*/*/*/*")
    assert fetched.relative_to(elsewhere) == known.path.relative_to(root)
    proof.check(fetched, elsewhere)  # raises unless the chain here vouches for it
    assert main(["incidents", "fetch", known.id]) == 0, "it is here"
    capsys.readouterr()
    assert main(["incidents", "verify"]) == 0
    assert f"it was fetched, so its seal stands on the chain of {sending.writer(Chain(root).log.lines())}" in capsys.readouterr().out
    assert sending.send(elsewhere).sent == (), "it is in the archive"

    resumed(elsewhere, fetched, "succeeded")
    assert len(sending.send(elsewhere).sent) == 1
    archive = Archive(where)
    assert json.loads((archive.folder_of(known.id) / "record.json").read_text())["verdict"] == "succeeded"
    assert {one["verdict"] for one in archive.incidents()} == {"unknown", "succeeded"}
    assert main(["incidents", "verify", "--archive", where]) == 0


def test_of_two_seals_in_one_second_the_later_is_read(where: str, folder: Made, elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the writers are called: here the one that resumed the record is listed last."""
    monkeypatch.setenv("LOGNAME", "somebody")
    monkeypatch.setattr("rollback_lib.record.chain.datetime", Stopped)
    root = folder("incidents")
    known = record(root, verdict="unknown")
    sending.send(root)
    resumed(elsewhere, fetch(Archive(where), known.id, elsewhere), "succeeded")
    sending.send(elsewhere)
    assert Folder(Archive(where).folder_of(known.id)).record()["verdict"] == "succeeded"


def test_two_machines_that_begin_with_the_same_record_are_two_writers(where: str, folder: Made) -> None:
    root = folder("incidents")
    known = record(root)
    sending.send(root)
    machines = [folder("one"), folder("two")]
    for machine in machines:
        fetch(Archive(where), known.id, machine)
        record(machine)
        assert len(sending.send(machine).sent) == 1
    assert len({sending.writer(Chain(one).log.lines()) for one in (root, *machines)}) == 3


def test_a_fetch_that_was_killed_is_made_again(where: str, folder: Made, elsewhere: Path) -> None:
    """Its folder is there, and not in the chain."""
    root = folder("incidents")
    known = record(root)
    sending.send(root)
    half = elsewhere / known.path.relative_to(root)
    half.mkdir(parents=True)
    (half / "record.json").write_text("{}")
    assert main(["incidents", "fetch", known.id, "--archive", where]) == 0
    proof.check(half, elsewhere)
    assert Folder(half).record() == known.record()


def test_what_is_not_as_it_was_sealed_is_not_fetched(where: str, folder: Made, elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = folder("incidents")
    known = record(root)
    with monkeypatch.context() as careless:
        careless.setattr("rollback_lib.archive.bundle.contents.read", lambda _: Manifest({}, ()))  # so that none of its files are sent
        sending.send(root)
    with pytest.raises(NotArchived, match="not what was sealed"):
        fetch(Archive(where), known.id, elsewhere)
    assert not list(elsewhere.glob("[0-9]*/*/*/*"))


def test_a_record_that_nobody_has_is_refused(where: str, elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["incidents", "fetch", "3f2a9c"]) == 2
    assert "name the archive that has it with --archive" in capsys.readouterr().err
    assert main(["incidents", "fetch", "3f2a9c", "--archive", where]) == 2
    assert "there is no one record '3f2a9c' in s3://" in capsys.readouterr().err


def test_a_machine_that_has_read_nothing_reads_no_more_than_it_is_asked_for(where: str, folder: Made) -> None:
    root = folder("incidents")
    known = record(root)
    sending.send(root)
    later = times.today() + timedelta(days=4)
    assert Archive(where, later).incidents() == []
    assert [one["incident"] for one in Archive(where, times.today()).incidents()] == [known.id]
    assert [one["incident"] for one in Archive(where).incidents()] == [known.id]


def test_a_page_of_a_fleet_is_locked_and_no_stranger(
    s3: S3, bucket: str, where: str, tmp_path: Path, elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "fleet_code-run-plan.html"
    page.write_text("<p>3 planned")
    assert main(["incidents", "archive", "--page", str(page), "--archive", where]) == 0
    sent = capsys.readouterr().out.strip()
    assert sent.startswith(f"{where}/{times.day_folder(times.today())}/fleet/")
    assert sent.endswith("Z-fleet_code-run-plan.html")
    opened = store.opened(where)
    (one,) = opened.stored()
    assert opened.get(one) == page.read_bytes()
    assert opened.locked_until(one) is not None
    assert main(["incidents", "verify", "--archive", where]) == 0
    assert main(["incidents", "list", "--archive", where]) == 0

    s3.call("put_object", Bucket=bucket, Key=sent.removeprefix(f"s3://{bucket}/"), Body=b"<p>all is well")
    capsys.readouterr()
    assert main(["incidents", "verify", "--archive", where]) == 5
    assert "it was rewritten" in capsys.readouterr().out


def test_a_page_needs_an_archive_and_a_name(where: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["incidents", "archive", "--page", "x.html"]) == 2
    assert "name it with --archive" in capsys.readouterr().err
    assert main(["incidents", "archive", "--page", str(tmp_path / "a b.html"), "--archive", where]) == 2
    assert main(["incidents", "archive", "--page", str(tmp_path / "no.html"), "--archive", where]) == 2
