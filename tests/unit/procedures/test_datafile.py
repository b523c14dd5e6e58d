"""The data file procedure: facts in, plan out."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from rollback_lib.errors import ParameterError, Refused, TargetRefused
from rollback_lib.facts.backups import GZIP, PLAIN, Backup
from rollback_lib.facts.datafiles import Content, Mount, Opener, Part, Place, Server
from rollback_lib.facts.datafiles.listing import header_bytes
from rollback_lib.notebook.views import datafile as views
from rollback_lib.plan.plan import Plan
from rollback_lib.procedures import datafile
from rollback_lib.procedures.common.finding import Finding
from rollback_lib.procedures.common.symptoms import Symptoms
from rollback_lib.procedures.datafile import triage
from rollback_lib.procedures.datafile.look import Look
from rollback_lib.procedures.datafile.losses import compare
from rollback_lib.procedures.datafile.noted import After, Before
from rollback_lib.procedures.datafile.state import usable
from rollback_lib.stack.model import Stack
from tests.builders.containers import container
from tests.builders.stack import STACK, content

NOW = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
HOST = "/srv/volumes/notes/_data"
NOTES = {"name": "notes", "kind": "sqlite", "service": "notes", "file": "/data/notes.db", "backups": "/backup/notes-*"}
CACHE = {"name": "cache", "kind": "redis", "service": "cache", "file": "/data/dump.rdb", "backups": "/backup/cache-*"}
WITH = STACK.model_copy(update={"datafiles": Stack.load(content(datafiles=[NOTES, CACHE])).datafiles})
REDIS = Server("7.0.15", {"db0": 2}, False, False, False, 2)


def backup(name: str = "notes-1.db", **changes: object) -> Backup:
    known = {"changed": NOW - timedelta(hours=2), "format": PLAIN, "version": "", "by": "", "database": "", "whole": None, "wrong": ""}
    return Backup(f"/backup/{name}", 8192, **{**known, "identity": "1 8192", **changes})  # type: ignore[arg-type]


def place(name: str = "notes.db", **changes: object) -> Place:
    path = f"{HOST}/{name}"
    known = {"writable": True, "system": "ext2/ext3", "free": 10**9, "parts": (Part(path, "regular file", 8192, 7, 0, "640 1000:1000"),)}
    return Place(path, **{**known, **changes})  # type: ignore[arg-type]


def state(name: str = "notes", **changes: object) -> datafile.State:
    service, sidecar = container(name), container(f"{name}-copies")
    known = {
        "stack": WITH, "section": datafile.section(WITH, name), "containers": [service],
        "mount": Mount(service.name, HOST, "/data", "local", True, True), "users": [service, sidecar],
        "place": place() if name == "notes" else place("dump.rdb"),
        "content": Content("", {"notes": 3, "tags": 1}) if name == "notes" else None, "server": REDIS if name == "cache" else None,
        "backups": [backup()], "restores": [], "lines": [], "images": ("sha256:1",),
    }  # fmt: skip
    return datafile.State(**{**known, **changes})  # type: ignore[arg-type]


def target(rows: dict[str, int] | None, one: Backup | None = None) -> datafile.Target:
    return datafile.Target(one or backup(), "why", Content("", rows, "PRAGMA integrity_check", "5a" * 32, 8192), 9000)


def planned(now: datafile.State | None = None, rows: dict[str, int] | None = None) -> Plan:
    return datafile.plan(now or state(), target(rows or {"notes": 10, "tags": 1}), incident="ab12cd")


def test_the_plan_stops_all_that_have_it_and_starts_the_same() -> None:
    made = planned()
    assert [step.name for step in made.steps] == ["fetch", "stop", "put", "start", "remember"]
    assert [one.argv[-1] for one in made.stop.commands] == ["docker-notes-copies-1", "docker-notes-1"]
    assert [one.argv[-1] for one in made.start.commands] == ["docker-notes-1", "docker-notes-copies-1"]
    assert made.loses == ("notes: 3 rows now, 10 rows in the backup",)
    # All parts go, the WAL before the file: a new file is never beside an old WAL.
    assert After.read(made.after).parts == ("notes.db-wal", "notes.db-shm", "notes.db-journal", "notes.db")
    assert not made.fetch.touches
    assert made.costs_data
    assert Before.read(made.before).inode == 7


def test_who_does_not_run_is_not_started_but_for_the_service_itself() -> None:
    idle, down = replace(container("notes-copies"), state="exited", exit=1), replace(container("notes"), state="exited", exit=1)
    made = planned(state(users=[down, idle], containers=[down]))
    assert made.stop.skip == "no container that has the file mounted runs"
    assert [one.argv[-1] for one in made.start.commands] == ["docker-notes-1"]
    assert "docker-notes-copies-1: has the file mounted and does not run; left as it is." in made.notes
    assert [one.argv[:2] for one in made.undo[2].commands] == [("rm", "-rf")], "an undo leaves it stopped, as it was"


def test_a_redis_with_a_log_of_changes_gets_one_that_begins_with_the_backup() -> None:
    plain, logged = (
        planned(state("cache"), {"keys": 300}),
        planned(state("cache", place=place("dump.rdb", append_only="aof", log="my.aof"))),
    )
    assert "manifest" not in str(plain.fetch.commands[-1])
    assert "my.aof" in logged.fetch.commands[-1].argv
    assert After.read(logged.after).parts == ("aof", "dump.rdb")
    assert any("Redis loads its log of changes, aof" in note for note in logged.notes)
    assert "-t" in plain.stop.commands[-1].argv, "it has time to save"
    # It is said to be on, and its folder is not there yet.
    on = planned(state("cache", server=replace(REDIS, append_only=True)), {"keys": 300})
    assert After.read(on.after).parts == ("appendonlydir", "dump.rdb")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"containers": []}, "has no container of the service notes"),
        ({"mount": None, "place": None}, "is in no volume and no mounted folder of docker-notes-1"),
        ({"mount": Mount("docker-notes-1", f"{HOST}/notes.db", "/data/notes.db", "", True, True)}, "has the file /data/notes.db itself"),
        ({"mount": Mount("docker-notes-1", HOST, "/data", "local", False, True)}, "mounted read-only"),
        ({"mount": Mount("docker-notes-1", HOST, "/data", "rclone", True, True)}, "a volume of the driver rclone"),
        ({"place": place(system="nfs")}, "a disk of the kind nfs"),
        ({"place": place(closed=True)}, "may not look into the folder"),
        ({"place": place(writable=False)}, "may not write into the folder"),
        ({"place": place(openers=(Opener(4, "sqlite3", ""),))}, "is open in sqlite3 (process 4)"),
        ({"place": place(parts=(Part(f"{HOST}/notes.db", "directory", 1, 1, 0, ""),))}, "is no file but a directory"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_replaced_is_refused_in_a_sentence(changes: dict[str, object], said: str) -> None:
    with pytest.raises(Refused) as refused:
        usable(state(**changes))
    assert said in str(refused.value)


def test_a_container_that_has_it_open_is_no_stranger() -> None:
    usable(state(place=place(openers=(Opener(4, "python3", "notes"),))))


def test_the_newest_backup_that_nothing_speaks_against_is_chosen() -> None:
    now = state(backups=[backup("notes-2.db", wrong="it is empty"), backup("notes-1.db.gz", format=GZIP)])
    assert datafile.choose(now, "")[0].name == "notes-1.db.gz"
    for named, said in (("notes-2.db", "it is empty"), ("notes-3.db", "no backup 'notes-3.db'")):
        with pytest.raises(TargetRefused) as refused:
            datafile.choose(now, named)
        assert said in str(refused.value)


@pytest.mark.parametrize(
    ("given", "said"),
    [({"datafile": ""}, "one of notes, cache is expected"), ({"datafile": "x"}, "one of notes, cache is expected"),
     ({"datafile": "notes", "accept_loss": "yes"}, "true or false is expected"), ({"datafile": "notes", "target": "a b"}, "a backup")],
)  # fmt: skip
def test_parameters_are_checked_first(given: dict[str, str], said: str) -> None:
    with pytest.raises(ParameterError) as refused:
        datafile.check(WITH, **given)
    assert said in str(refused.value)


def test_what_is_lost_is_told_as_far_as_it_is_known() -> None:
    assert [one.words for one in compare(state(), {"notes": 3, "old": 1}) if not one.same] == [
        "old: not there now, 1 row in the backup", "tags: 1 row now, not there in the backup",
    ]  # fmt: skip
    assert compare(state(), None) == ()
    assert compare(state(content=Content("SQLite says of it: malformed")), {"notes": 1}) == ()
    unknown = datafile.Losses("notes", "notes-1.db", (), "the backup could not be counted", True)
    assert unknown.lines == ("what is lost is not known: the backup could not be counted",)
    assert "not known" in str(views.losses(unknown))


def test_people_see_the_file_and_its_backups() -> None:
    seen = str(views.state(state(place=place(kept=((f"{HOST}/notes.db__before_ab12cd", 8192),)))))
    assert "2 tables, 4 rows" in seen
    assert "notes.db__before_ab12cd" in seen
    assert "2 (db0: 2) keys, Redis 7.0.15" in str(views.state(state("cache")))
    listed = str(views.candidates(datafile.candidates(state(backups=[backup("notes-2.db", wrong="it is empty"), backup()]))))
    assert "it is empty" in listed
    assert "Read to its end: PRAGMA integrity_check" in str(views.target(target({"notes": 10})))


def test_triage_tells_a_file_that_is_gone_damaged_or_emptied() -> None:
    def weighed(now: datafile.State, newest: Content | None = None) -> Finding:
        found = Finding("datafile", "")
        triage.weigh(found, Look(now, newest), None, Symptoms((), (), (), (), (), ()))  # type: ignore[arg-type]
        return found

    assert weighed(state()).points < 0
    assert weighed(state(place=place(parts=()), content=None)).fit == "fits"
    assert weighed(state(content=Content("SQLite says of it: malformed"))).fit == "fits"
    emptied = state(content=Content("", {"notes": 0, "tags": 1}))
    assert weighed(emptied, Content("", {"notes": 10, "tags": 1})).fit == "fits"
    assert weighed(emptied, Content("", {"notes": 10, "tags": 1, "a": 1, "b": 1})).fit == "fits"
    lines = ["# Short read or OOM loading DB. Unrecoverable error, aborting now."]
    assert weighed(state("cache", server=None, lines=lines)).fit == "fits"


def test_the_header_of_a_database_says_how_long_it_is() -> None:
    head = bytearray(100)
    head[16:18], head[24:28], head[28:32], head[92:96] = b"\x10\x00", b"\0\0\0\7", b"\0\0\0\3", b"\0\0\0\7"
    assert header_bytes(bytes(head)) == 3 * 4096
    head[92] = 1  # written by a version that knew nothing of the number of pages
    assert header_bytes(bytes(head)) == 0
