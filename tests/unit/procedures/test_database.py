"""The database procedure: facts in, plan out."""

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollback_lib.commands.psql import Postgres
from rollback_lib.errors import ParameterError, Refused, TargetRefused
from rollback_lib.facts import backups, docker, postgres
from rollback_lib.facts.backups import Backup, Contents
from rollback_lib.facts.backups.header import Header, read
from rollback_lib.facts.restores import Restore
from rollback_lib.facts.tables import Content, Kind, Table
from rollback_lib.notebook.views import database as views
from rollback_lib.plan.step import When
from rollback_lib.procedures import database
from rollback_lib.procedures.database.kinds.postgres import knows_restrict
from rollback_lib.procedures.database.noted import After
from rollback_lib.procedures.database.state import beside
from rollback_lib.secrets.redactor import HIDDEN, Redactor
from rollback_lib.secrets.secret import Key, Secret
from tests.builders.recorded import Recorded
from tests.builders.stack import STACK
from tests.unit.procedures.test_image import container

NOW = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
VOICE = STACK.databases[0]
VOICE_SERVER = Postgres(VOICE.container, VOICE.user)


def live(**changes: object) -> postgres.Database:
    known = {
        "name": "dyniq", "oid": 16384, "owner": "dyniq", "encoding": "UTF8", "tablespace": "pg_default", "connections": -1,
        "locale": {"datcollate": "C.UTF-8", "datctype": "C.UTF-8", "datlocprovider": "c"}, "open": True,
        "size": 10_000_000, "comment": None, "settings": Secret("[]"), "grants": (), "sessions": (), "slots": (),
        "subscriptions": (), "prepared": 0,
    }  # fmt: skip
    return postgres.Database(**{**known, **changes})


def table(name: str, rows: int | None, newest: datetime | None = None, **more: object) -> Table:
    return Table(**{"name": name, "rows": rows, "exact": True, "columns": ("id", "at"), "newest": newest, "by": "at", **more})


def content(*tables: Table, extensions: tuple[str, ...] = ("plpgsql",)) -> Content:
    return Content({one.name: one for one in tables}, {}, extensions)


def backup(name: str, hours: int, **changes: object) -> Backup:
    known = {"format": backups.PLAIN, "version": "17.2", "by": "17.2", "database": "", "whole": True, "wrong": ""}
    return Backup(f"/backup/{name}", 1000, NOW - timedelta(hours=hours), **{**known, **changes})


def state(**changes: object) -> database.State:
    known = {
        "stack": STACK, "section": VOICE, "container": container(name="voice-postgres-1"),
        "server": postgres.Server(170002, True, {"dyniq": live()}), "content": content(table("public.calls", 20)), "client": "17.6",
        "free": 10**12, "processors": 2, "memory": 4 * 2**30, "restores": [],
        "backups": [backup("voice-2.sql", 1), backup("voice-1.sql", 25)],
        "clients": {"docker-agents-api-1": [container()]}, "defined": {}, "environments": {}, "lines": [], "key": Key(),
    }  # fmt: skip
    return database.State(**{**known, **changes})


def target(now: database.State, **contents: object) -> database.Target:
    read = Contents(**{"rows": {"public.calls": 12}, "bytes": 1000, "wrong": "", **contents})
    return database.examine(Recorded((now.engine.contents(database.choose(now, "")[0]), read)), now, "")


def looked(*, server: object, live: object, restored: object = None) -> Recorded:
    """A host with this server, and these contents of the live database and of the restored one."""
    return Recorded(
        (postgres.server(VOICE_SERVER, "postgres"), server),
        (postgres.content(VOICE_SERVER, "dyniq"), live),
        (postgres.content(VOICE_SERVER, "dyniq__restore_i1"), restored),
    )


def test_the_newest_backup_that_nothing_speaks_against_is_chosen() -> None:
    assert database.choose(state(), "")[0].name == "voice-2.sql"
    cut = [
        backup("voice-3.sql", 0, whole=False, wrong="it is cut off"),
        backup("voice-2.sql", 1, version="18.0"),
        backup("voice-1.sql", 25),
    ]
    assert database.choose(state(backups=cut), "")[0].name == "voice-1.sql"
    for named in ("voice-1.sql", "/backup/voice-1.sql"):
        assert database.choose(state(), named)[0].name == "voice-1.sql"
    with pytest.raises(TargetRefused, match=r"made of a newer server, 18\.0, than the one here, 17\.2"):
        database.choose(state(backups=cut), "voice-2.sql")
    with pytest.raises(TargetRefused, match="none of the 1 backups"):
        database.choose(state(backups=cut[:1]), "")
    with pytest.raises(TargetRefused, match="there is no backup in /backup/voice-"):
        database.choose(state(backups=[]), "")


def test_a_restore_of_before_is_known_while_the_backup_is_the_same() -> None:
    was = Restore("/backup/voice-2.sql", 1000, int((NOW - timedelta(hours=1)).timestamp()), NOW, "i0")
    first, second = database.candidates(state(restores=[was]))
    assert (first.verdict, second.verdict) == ("restored here 2026-01-02 03:04 UTC", "")
    changed = Restore("/backup/voice-2.sql", 1001, was.changed, NOW, "i0")
    assert database.candidates(state(restores=[changed]))[0].verdict == ""


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"container": None}, "there is no container voice-postgres-1"),
        ({"server": None}, "does not let dyniq in without a password"),
        ({"server": postgres.Server(170002, False, {"dyniq": live()})}, "is not a superuser, so it cannot end sessions"),
        ({"server": postgres.Server(170002, True, {})}, "there is no database dyniq in voice-postgres-1"),
        ({"server": postgres.Server(170002, True, {"dyniq": live(open=False)})}, "lets nobody connect, perhaps since a run was cut off"),
        ({"server": postgres.Server(170002, True, {"dyniq": live(prepared=2)})}, "2 transactions of dyniq are prepared"),
        ({"server": postgres.Server(170002, True, {"dyniq": live(slots=("feed",))})}, r"feeds logical replication \(feed\)"),
        (
            {"server": postgres.Server(170002, True, {"dyniq": live(subscriptions=("feed",))})},
            r"gets rows by logical replication \(subscription feed\)",
        ),
        (
            {"content": content(extensions=("plpgsql", "timescaledb"))},
            "dyniq has the extension timescaledb, whose restore needs special calls",
        ),
        ({"free": 1000}, "MB free, and a restore beside the live database takes about"),
    ],
)
def test_what_could_not_end_well_is_refused(changes: dict[str, object], said: str) -> None:
    with pytest.raises(Refused, match=said):
        target(state(**changes))


def test_a_backup_of_another_database_is_refused() -> None:
    with pytest.raises(TargetRefused, match="none of the tables of dyniq"):
        target(state(), rows={"public.workflows": 3})
    # One that does not tell, and a database that has no table left, are weighed once it is restored.
    assert target(state(), rows={}).backup.name == "voice-2.sql"
    assert target(state(content=content())).backup.name == "voice-2.sql"


def test_the_plan_touches_nothing_before_the_swap_and_names_both_databases() -> None:
    now = state()
    plan = database.plan(now, target(now), incident="i1")
    assert [step.name for step in plan.steps if step.touches] == ["swap", "reconnect"]
    assert (plan.swap.atomic, plan.swap.loses, plan.reconnect.when is When.UNHEALTHY) == (True, True, True)
    swap = str(plan.swap.commands[1])
    assert swap.index('ALTER DATABASE "dyniq" RENAME TO "dyniq__before_i1"') < swap.index('"dyniq__restore_i1" RENAME TO "dyniq"')
    assert "PGPASSWORD" not in plan.shell()
    assert 'DROP DATABASE IF EXISTS "dyniq__restore_i1"' in str(plan.cleanup[0])
    assert "public.calls: 20 rows now, 12 rows in the backup" in plan.loses
    # Nothing but what is meant to reads the script that a shell reads from its input.
    for line in plan.undo_shell().splitlines():
        assert "docker exec -i" not in line.split("||")[-1] or "<<" in line


def test_archives_are_restored_in_parallel_and_nothing_of_them_stays() -> None:
    now = state(backups=[backup("voice.dump", 1, format=backups.CUSTOM)], processors=64)
    plan = database.plan(now, target(now), incident="i1")
    assert str(plan.create.commands[-1]) == "docker cp /backup/voice.dump voice-postgres-1:/tmp/rollback-i1"
    assert "--jobs 8" in str(plan.restore.commands[0])
    assert str(plan.prepare.commands[-1]) == "docker exec voice-postgres-1 rm -rf /tmp/rollback-i1"
    assert plan.prepare.commands[-1] in plan.cleanup


@pytest.mark.parametrize(
    ("memory", "processors", "options"),
    [
        (0, 2, ""),  # not known
        (4 * 2**30, 2, ""),  # 64 MB each, which is the default
        (24 * 2**30, 2, "env 'PGOPTIONS=-c maintenance_work_mem=384MB' "),
        (24 * 2**30 - 4096, 2, "env 'PGOPTIONS=-c maintenance_work_mem=320MB' "),
        (2**40, 2, "env 'PGOPTIONS=-c maintenance_work_mem=1024MB' "),
    ],
)
def test_an_archive_is_restored_with_memory_for_its_indexes(memory: int, processors: int, options: str) -> None:
    now = state(backups=[backup("voice.dump", 1, format=backups.CUSTOM)], memory=memory, processors=processors)
    plan = database.plan(now, target(now), incident="i1")
    assert str(plan.restore.commands[0]).startswith(f"docker exec voice-postgres-1 {options}pg_restore ")


@pytest.mark.parametrize(
    ("version", "knows"), [("17.6", True), ("17.5", False), ("16.10", True), ("15.2", False), ("18.0", True), ("0", False)]
)
def test_a_psql_that_does_not_know_restrict_is_not_given_it(version: str, knows: bool) -> None:
    assert knows_restrict(version) is knows
    now = state(client=version)
    assert ("unrestrict" in str(database.plan(now, target(now), incident="i1").restore.commands[0])) is not knows


@given(st.text(min_size=1).filter(lambda name: name.isprintable() and len(name.encode()) <= 63))
def test_a_name_beside_another_is_never_cut_by_postgres(name: str) -> None:
    made = beside(name, "restore", "abc123")
    assert len(made.encode()) <= 63
    assert made.endswith("__restore_abc123")


def test_what_is_lost_is_weighed_table_by_table() -> None:
    now = state()
    chosen = target(now)
    plan = database.plan(now, chosen, incident="i1")
    old = content(table("public.calls", 20, NOW), table("public.same", 3), table("public.gone", 1))
    new = content(table("public.calls", 12, NOW - timedelta(hours=1)), table("public.same", 3), table("public.back", 2))
    server = postgres.Server(170002, True, {"dyniq": live(), "dyniq__restore_i1": live(name="dyniq__restore_i1")})
    found = database.losses(looked(server=server, live=old, restored=new), now, chosen, plan)
    assert (found.restored, found.name) == (True, "dyniq")
    assert [one.words for one in found.differ] == [
        "public.back: not there now, 2 rows in the backup",
        "public.calls: 20 rows now, 12 rows in the backup",
        "public.gone: 1 rows now, not there in the backup",
    ]
    # Nothing was restored yet: what the backup itself says.
    planned = database.losses(looked(server=now.server, live=old), now, chosen, plan)
    assert (planned.restored, planned.tables[0].words) == (False, "public.calls: 20 rows now, 12 rows in the backup")
    # It did not come out as it is written.
    for short in (content(table("public.calls", 11)), content(table("public.other", 12))):
        with pytest.raises(TargetRefused, match=r"has 12 rows of public\.calls, and (11 rows|no table) came back"):
            database.losses(looked(server=server, live=old, restored=short), now, chosen, plan)


def test_what_is_restored_is_kept_when_nobody_can_say_what_is_lost() -> None:
    """A TargetRefused would drop it."""
    now = state()
    chosen = target(now)
    plan = database.plan(now, chosen, incident="i1")
    server = postgres.Server(170002, True, {"dyniq": live(), "dyniq__restore_i1": live(name="dyniq__restore_i1")})
    both = content(table("public.calls", 12))
    for answers in ({"live": None, "restored": both}, {"live": both, "restored": None}, {"live": both, "server": None}):
        for ask, words in ((database.losses, (now, chosen, plan)), (database.weigh, (STACK, plan))):
            with pytest.raises(Refused, match=r"what was restored stays as dyniq__restore_i1.*`rollback resume i1`") as refused:
                ask(looked(**{"server": server, **answers}), *words)
            assert not isinstance(refused.value, TargetRefused)


def test_an_estimate_is_never_taken_for_a_count() -> None:
    now = state()
    chosen = target(now)
    plan = database.plan(now, chosen, incident="i1")
    server = postgres.Server(170002, True, {"dyniq": live(), "dyniq__restore_i1": live(name="dyniq__restore_i1")})
    # Fewer rows than the backup has, as far as Postgres guesses; and as many on both sides.
    old = content(table("public.calls", 20, exact=False), table("public.log", 5, exact=False), table("public.new", None, exact=False))
    new = content(table("public.calls", 11, exact=False), table("public.log", 5), table("public.new", 0))
    found = database.losses(looked(server=server, live=old, restored=new), now, chosen, plan)
    assert found.differ == ()
    assert [one.words for one in found.estimated] == [
        "public.calls: ≈ 20 rows now, ≈ 11 rows in the backup",
        "public.log: ≈ 5 rows now, 5 rows in the backup",
        "public.new: rows that were not counted now, 0 rows in the backup",
    ]
    shown = str(views.losses(found))
    assert "3 could not be counted in time" in shown
    assert "The same on both sides" not in shown


def test_what_holds_rows_and_is_no_plain_table_is_among_the_losses() -> None:
    foreign = table("public.there", None, kind=Kind.FOREIGN)
    now = state(
        content=content(
            table("public.calls", 20), table("public.report", 9, kind=Kind.VIEW), foreign,
            table("large objects", 3, columns=(), kind=Kind.LARGE_OBJECTS),
            table("public.parts", 5, kind=Kind.PARTITIONED), table("public.part1", 5, parent="public.parts"),
        )
    )  # fmt: skip
    rows = {"public.calls": 12, "large objects": 2, "public.parts": 5, "public.part1": 0}
    others = {"public.report": Kind.VIEW, "public.there": Kind.FOREIGN, "public.other": Kind.FOREIGN}
    plan = database.plan(now, target(now, rows=rows, others=others), incident="i1")
    # A backup through the root of a partitioned table has all its rows there, and nothing of it is lost.
    assert plan.loses == (
        "large objects: 3 now, 2 in the backup",
        "public.calls: 20 rows now, 12 rows in the backup",
        "public.other: not there now, rows that lie elsewhere in the backup",
    )
    assert "The rows of foreign tables lie elsewhere and are not touched: public.other, public.there." in plan.notes
    assert "large objects" not in After.read(plan.after).tables
    leaves = database.plan(now, target(now, rows=rows | {"public.parts": 0, "public.part1": 5}, others=others), incident="i1")
    assert leaves.loses == plan.loses


def test_a_dump_by_a_newer_pg_dump_is_read_by_the_server_it_is_of() -> None:
    newer = state(backups=[backup("voice.sql", 1, by="18.1")], server=postgres.Server(150018, True, {"dyniq": live()}), client="15.18")
    newer = replace(newer, backups=[replace(newer.backups[0], version="15.18")])
    assert "SET transaction_timeout" in str(database.plan(newer, target(newer), incident="i1").restore.commands[0])
    same = state(backups=[backup("voice.sql", 1, by="17.6")])
    assert "transaction_timeout" not in str(database.plan(same, target(same), incident="i1").restore.commands[0])
    archive = replace(newer, backups=[replace(newer.backups[0], format=backups.CUSTOM)])
    assert database.candidates(archive)[0].wrong == (
        "it was written by pg_dump 18.1, and pg_restore 15.18 in voice-postgres-1 cannot read it"
    )


def test_what_a_run_that_was_cut_off_restored_is_dropped_before_it_is_made_anew() -> None:
    create = database.plan(state(), target(state()), incident="i1").create
    dropped, made = (str(command) for command in create.commands[1:3])
    assert 'DROP DATABASE IF EXISTS "dyniq__restore_i1" WITH (FORCE)' in dropped
    assert 'CREATE DATABASE "dyniq__restore_i1"' in made


def test_a_database_has_the_provider_of_its_locale_whatever_that_of_the_server_is() -> None:
    assert "LOCALE_PROVIDER libc" in str(database.plan(state(), target(state()), incident="i1").create.commands[2])


def test_parameters_are_checked() -> None:
    database.check(STACK, target="voice-20260101.sql", database="n8n", accept_loss=True)
    for wrong in ({"database": ""}, {"database": "dyniq"}, {"database": "n8n", "accept_loss": "yes"}, {"database": "n8n", "target": "a b"}):
        with pytest.raises(ParameterError):
            database.check(STACK, **wrong)
    with pytest.raises(ParameterError, match="has no section 'databases'"):
        database.check(STACK.model_copy(update={"databases": []}), database="voice")
    database.check(STACK.model_copy(update={"databases": [VOICE]}))


def test_settings_of_the_applications_own_are_hidden_and_those_of_postgres_are_not() -> None:
    settings = [["", ["app.jwt_secret=of-app-4711-x", "search_path=public_schema"]], ["reader", None]]
    raw = {"row": {"datname": "dyniq", "oid": 1, "datconnlimit": -1, "datallowconn": True}, "settings": settings}
    rest = dict.fromkeys(("owner", "encoding", "tablespace", "size", "comment", "grants", "sessions", "slots", "subscriptions", "prepared"))
    fact = postgres.server(VOICE_SERVER, "postgres")
    found = fact.read(json.dumps({"version": 170002, "superuser": True, "databases": [{**rest, **raw}]}))
    redactor = Redactor()
    redactor.protect(fact.hides(found))
    assert redactor.clean("of-app-4711-x public_schema") == f"{HIDDEN} public_schema"


def test_a_container_of_no_compose_project_has_no_labels() -> None:
    raw = {
        "Id": "c", "Name": "/alone", "Image": "i", "Created": "2026-01-02T03:04:05.6Z", "RestartCount": 0, "Mounts": [],
        "State": {"StartedAt": "2026-01-02T03:04:05.6Z", "Status": "running", "ExitCode": 0}, "Config": {"Image": "x", "Labels": None},
    }  # fmt: skip
    found = docker.named("alone").read(json.dumps(raw))
    assert (found.name, found.service) == ("alone", "")


def test_mounts_have_an_order_of_their_own() -> None:
    """Docker names them in another one each time; a plan made of them has to stay the same, and its hash."""
    mounts = [
        {"Type": "volume", "Name": "b", "Source": "/v/b", "Destination": "/data"},
        {"Type": "bind", "Source": "/f", "Destination": "/etc/f"},
        {"Type": "volume", "Name": "a", "Source": "/v/a", "Destination": "/config"},
    ]  # fmt: skip
    raw = {
        "Id": "c", "Name": "/c", "Image": "i", "Created": "2026-01-02T03:04:05.6Z", "RestartCount": 0,
        "State": {"StartedAt": "2026-01-02T03:04:05.6Z", "Status": "running", "ExitCode": 0}, "Config": {"Image": "x", "Labels": None},
    }  # fmt: skip
    for named in (mounts, mounts[::-1]):
        found = docker.named("c").read(json.dumps({**raw, "Mounts": named}))
        assert [one.source for one in (*found.volumes, *found.mounts)] == ["a", "b", "/f"]


def test_the_header_of_an_archive() -> None:
    """As pg_dump 17.12 wrote it; what is no archive, or is cut off, has none."""
    header = base64.b64decode(
        "UEdETVABEAAECAEBABEAAAAAGQAAAAANAAAAABcAAAAACgAAAAB+AAAAAAAAAAAABQAAAGR5bmlxAB4AAAAxNy4xMiAoRGViaWFuIDE3LjEyLTArZGViMTN1MSkAHgAAAD"
        "E3LjEyIChEZWJpYW4gMTcuMTItMCtk"
    )
    assert read(backups.CUSTOM, header) == Header("17.12", "17.12", "dyniq")
    for other in (header[:20], b"", b"x" * 200):
        assert read(backups.CUSTOM, other) == Header(wrong="it is not an archive of pg_dump")
