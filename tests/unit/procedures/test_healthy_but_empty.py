"""Triage knows "healthy but empty": every route passes, and tables have lost their rows."""

import os
from pathlib import Path

import pytest

from rollback_lib.commands.psql import Postgres
from rollback_lib.facts import schema
from rollback_lib.facts.live import LiveHost
from rollback_lib.procedures.triage.diagnosis import Diagnosis, diagnose
from rollback_lib.secrets.redactor import Redactor
from rollback_lib.secrets.secret import Key
from tests.builders.recorded import Here
from tests.builders.triage import facts

DUMP = """CREATE TABLE public.agents (
    id integer
);
CREATE TABLE public."B c" (
    id integer
);
CREATE TABLE public.none (
    id integer
);
COPY public.agents (id) FROM stdin;
1
2
\\.
COPY public.none (id) FROM stdin;
\\.
INSERT INTO public."B c" VALUES (1);
INSERT INTO public."B c" VALUES (2);
"""


def emptied(*tables: str) -> Diagnosis:
    return diagnose(facts(schemas={"voice": {"emptied": tables}}))


def test_tables_without_their_rows_are_named_although_every_route_passes() -> None:
    found = emptied("agents", "calls")
    assert found.seen.healthy
    assert [one.procedure for one in found.fitting] == ["database"]
    assert "every route passes, every container runs, on every network; but" in found.reason
    assert "agents, calls" in found.reason
    assert found.data()["fits"] == ["database"]
    assert [row.name for row in found.rows if row.level == "amber"] == ["rows of voice"]


def test_a_single_table_may_be_meant_to_be_empty() -> None:
    found = emptied("events")
    assert found.fitting == []
    assert found.reason.startswith("healthy: ")
    (row,) = (row for row in found.rows if row.name == "rows of voice")
    assert "events" in row.found
    assert "rollback run database -p database=voice" in row.do


@pytest.mark.parametrize("name", ["voice.sql", "voice.sql.gz"])
def test_the_newest_backup_says_which_tables_have_rows(tmp_path: Path, name: str) -> None:
    plain = tmp_path / "voice.sql"
    plain.write_text(DUMP)
    if name.endswith(".gz"):
        os.system(f"gzip {plain}")
    old = tmp_path / "voice-old.sql"
    old.write_text(DUMP)
    os.utime(old, (1, 1))
    host = LiveHost(Here(), Redactor(), Key())
    newest, older = host.ask(schema.of_backups(f"{tmp_path}/voice*", Postgres("c", "u"))).result()
    assert newest.path.endswith(name)
    assert newest.filled == {"public.agents", 'public."B c"'}
    assert (older.filled, set(older.tables)) == (frozenset(), {"public.agents", 'public."B c"', "public.none"})
