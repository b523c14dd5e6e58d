"""Backups on the practice host: every format, every way in which one can be bad, and content that takes long to count."""

import time

import pytest

from rollback_lib.commands.psql import Postgres
from rollback_lib.errors import TargetRefused
from rollback_lib.facts import postgres
from rollback_lib.facts.live import LiveHost
from rollback_lib.host.link import Link
from rollback_lib.procedures import database
from rollback_lib.secrets.redactor import Redactor
from rollback_lib.secrets.secret import Key
from rollback_lib.stack.model import Stack
from tests.acceptance.databases import content, databases, run, sql
from tests.machine import Machine


def examine(machine: Machine, name: str) -> database.Target:
    """The target that the procedure makes from a backup. This changes nothing."""
    link = Link.to(Stack.load(machine.stack))
    try:
        host = LiveHost(link, Redactor(), Key())
        return database.examine(host, database.document(host, Stack.load(machine.stack), "voice"), name)
    finally:
        link.close()


def test_every_format_is_restored_and_every_bad_backup_refused(migrated: Machine) -> None:
    day = migrated.backup_day()
    sql(migrated, "CREATE DATABASE good", "postgres")
    migrated.ssh(f"""cd /backup
        docker exec -i voice-postgres-1 psql -X -q -U dyniq -d good -o /dev/null <voice-{day}.sql
        dumped() {{ docker exec voice-postgres-1 pg_dump -U dyniq "$@" good; }}
        gzip -k voice-{day}.sql; zstd -q voice-{day}.sql; dumped -Fc >voice-custom.dump; dumped --inserts >voice-inserts.sql
        docker exec voice-postgres-1 pg_dump -U dyniq -Fd -j 2 -f /tmp/folder good
        docker cp -q voice-postgres-1:/tmp/folder voice-folder; docker exec voice-postgres-1 rm -r /tmp/folder
        docker exec voice-postgres-1 dropdb -U dyniq good
        # and what must be refused
        : >voice-empty.sql; head -n 300 voice-{day}.sql >voice-truncated.sql; head -c 15000 voice-{day}.sql.gz >voice-cut.sql.gz
        head -c 15000 voice-{day}.sql.zst >voice-cut.sql.zst; head -c 15000 voice-custom.dump >voice-cut.dump
        cp -r voice-folder voice-cut-folder; rm "$(ls voice-cut-folder/*.dat.gz | head -n 1)"
        cp n8n-{day}.sql voice-wrong.sql; sed 's/^\\(-- Dumped from database version\\) 17/\\1 18/' voice-{day}.sql >voice-newer.sql
        docker exec voice-postgres-1 pg_dump -U dyniq -C dyniq >voice-create.sql
        docker exec voice-postgres-1 pg_dumpall -U dyniq >voice-all.sql
        sed 's/^-- PostgreSQL database dump complete/SELECT 1; \\\\! touch \\/tmp\\/seen\\n&/' voice-{day}.sql >voice-midline.sql
        sed '0,/^CREATE TABLE/s//CREATE EXTENSION IF NOT EXISTS timescaledb WITH SCHEMA public;\\n&/' voice-{day}.sql >voice-timescale.sql
        sed '/^COPY public.calls/s/seconds/second/' voice-{day}.sql >voice-fails.sql
        echo hello >voice-notes.txt""")
    was, before = content(migrated), databases(migrated)

    for name, said in {
        "voice-empty.sql": "it is empty", "voice-truncated.sql": "its last line is not there",
        "voice-cut.sql.gz": "it cannot be unpacked to its end", "voice-cut.sql.zst": "it cannot be unpacked to its end",
        "voice-cut.dump": "it cannot be read to its end", "voice-cut-folder": "is missing", "voice-newer.sql": "of a newer server, 18.",
        "voice-midline.sql": "\\!, would lead out", "voice-timescale.sql": "it has the extension timescaledb",
        "voice-wrong.sql": "none of the tables of dyniq", "voice-create.sql": "would lead out of the database",
        "voice-all.sql": "a dump of a whole server", "voice-notes.txt": "not a dump of pg_dump", "voice-nothing.sql": "no backup",
    }.items():  # fmt: skip
        with pytest.raises(TargetRefused) as refused:
            examine(migrated, name)
        assert said in str(refused.value), f"{name}: {refused.value}"
    # As a whole run: refused by what the backup is, and by what becomes of it in the database beside the live one.
    for name, said in {"voice-wrong.sql": "none of the tables", "voice-fails.sql": 'column "second" of relation "calls"'}.items():
        done = run(migrated, "-p", f"target={name}")
        assert (done.status, done.record["verdict"]) == (3, "refused"), f"{name}: {done.out}"
        assert said in done.record["reason"], f"{name}: {done.record['reason']}"
    assert (databases(migrated), content(migrated)) == (before, was)

    for name in (f"voice-{day}.sql.gz", f"voice-{day}.sql.zst", "voice-custom.dump", "voice-inserts.sql", "voice-folder"):
        done = run(migrated, "-p", f"target={name}")
        assert done.status == 0, f"{name}: {done.out}{done.err}"
        assert sql(migrated, "SELECT (SELECT count(*) FROM agents), (SELECT count(*) FROM calls)") == "12|2300", name
        assert migrated.ssh("docker exec voice-postgres-1 ls /tmp") == ""
    parallel = (done.folder / "plan.sh").read_text()
    assert "pg_restore --exit-on-error --jobs" in parallel


def test_counting_ends_within_its_budget_whatever_is_large_or_locked(clean: Machine) -> None:
    """Twelve tables that somebody holds for himself, and one that is counted for longer than there is time."""
    sql(
        clean,
        """CREATE TABLE huge AS SELECT n, repeat('x', 20) AS text FROM generate_series(1, 3000000) n; ANALYZE huge;
        DO $$ BEGIN FOR n IN 1..12 LOOP EXECUTE format('CREATE TABLE held%s AS SELECT 1 AS n', n); END LOOP; END $$; ANALYZE""",
    )
    held = ", ".join(f"held{n}" for n in range(1, 13))
    clean.ssh(f"""docker exec -d voice-postgres-1 psql -U dyniq -d dyniq -c 'BEGIN; LOCK TABLE {held}; SELECT pg_sleep(600)'
        until docker top voice-postgres-1 -eo pid,args | grep -q 'dyniq dyniq.*SELECT'; do sleep 0.1; done""")
    link = Link.to(Stack.load(clean.stack))
    try:
        for within in (1.0, 20.0):
            server = Postgres("voice-postgres-1", "dyniq")
            began = time.monotonic()
            found = LiveHost(link, Redactor(), Key()).ask(postgres.content(server, "dyniq", within=within)).result()
            took = time.monotonic() - began
            assert found is not None
            assert took < within + 5
            tables = found.tables
            assert {tables[f"public.held{n}"].words for n in range(1, 13)} == {"≈ 1 rows"}
            assert (tables["public.calls"].exact, tables["public.huge"].exact) == (within > 1, within > 1)
            assert abs((tables["public.huge"].rows or 0) - 3_000_000) < 100_000
    finally:
        link.close()
