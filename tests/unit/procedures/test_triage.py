"""What triage reads and weighs, without a host."""

from datetime import UTC, datetime, timedelta

import pytest

from rollback_lib.commands.psql import Postgres
from rollback_lib.facts import caddy, schema
from rollback_lib.facts.inside_container import Answer
from rollback_lib.health.probe import Probe
from rollback_lib.notebook.views.triage import _answer
from rollback_lib.procedures.common.rows import AMBER, GREEN, RED, of_certificates
from rollback_lib.procedures.triage.envfile import host_of
from rollback_lib.procedures.triage.finding import FITS, MAY, NO, Finding
from rollback_lib.procedures.triage.state import asked_for, migration
from rollback_lib.procedures.triage.symptoms import Symptoms

DUMP = """
CREATE TABLE public.agents (
    id integer NOT NULL,
    "Odd ""name" text,
    voice character varying(10) DEFAULT 'x; y'::text,
    CONSTRAINT agents_voice CHECK ((voice <> ''::text))
);
CREATE TABLE public."Big One" (
    n numeric
);
CREATE UNLOGGED TABLE public.part PARTITION OF public.whole FOR VALUES IN (1);
"""


def test_the_tables_of_a_dump_are_read_from_its_definitions() -> None:
    assert schema.tables(DUMP) == {
        "public.agents": {"id", 'Odd "name', "voice"}, 'public."Big One"': {"n"}, "public.part": frozenset(),
    }  # fmt: skip
    gap = schema.difference({"a": frozenset("xy"), "b": frozenset()}, {"a": frozenset("xz"), "c": frozenset("q")})
    assert (gap.gone, gap.new, bool(gap)) == (("b", "a.y"), ("c", "a.z"), True)
    assert not schema.difference({"a": frozenset("x")}, {"a": frozenset("x")})


def test_backups_without_definitions_say_nothing() -> None:
    assert schema.of_backups("/backup/x*", Postgres("c", "u")).read("/backup/x\t1700000000\t\n") == []


def test_where_caddy_sends_requests() -> None:
    config = """{"apps": {"http": {"servers": {"srv0": {"routes": [
        {"match": [{"host": ["a.example"]}],
         "handle": [{"handler": "subroute", "routes": [{"handle": [{"upstreams": [{"dial": "a:1"}]}]}]}]},
        {"match": [{"host": ["b.example", "c.example"]}], "handle": [{"upstreams": [{"dial": "b:2"}, {"dial": "b2:2"}]}]},
        {"handle": []}]}}}}}"""
    assert caddy.upstreams("caddy").read(config) == {"a.example": ("a:1",), "b.example": ("b:2", "b2:2"), "c.example": ("b:2", "b2:2")}
    assert caddy.upstreams("caddy").read("null") == {}


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ('+    os.environ["STREAM_URL"]', ("STREAM_URL",)),
        ("+  url = os.environ.get('A_KEY', '')", ("A_KEY",)),
        ('+x = os.getenv("TOKEN_2")', ("TOKEN_2",)),
        ("+const u = process.env.API_URL;", ("API_URL",)),
        ("+ENV.fetch('RAILS_KEY')", ("RAILS_KEY",)),
        ('-    os.environ["GONE"]', ()),
        ("+++ b/environ.py", ()),
        ("     os.environ['CONTEXT']", ()),
    ],
)
def test_variables_that_a_patch_asks_for(line: str, names: tuple[str, ...]) -> None:
    assert asked_for(line) == names


@pytest.mark.parametrize(
    ("value", "host"),
    [
        ("postgresql://dyniq:pa55@voice-postgre-1/dyniq", "voice-postgre-1"),
        ("redis://cache:6379/0", "cache"),
        ("amqp://user:p@ss@queue:5672", "queue"),
        ("postgresql://user:p/ss@db/x", ""),  # where the password ends nobody knows
        ("https://api.example.com/v1", ""),
        ("http://10/", ""),
        ("http://127.0.0.1:80", ""),
        ("sk-no-address", ""),
        ("see http://one and http://two", "one"),
    ],
)
def test_only_the_host_of_an_address_is_ever_taken_out_of_a_value(value: str, host: str) -> None:
    assert host_of(value) == host


@pytest.mark.parametrize(
    ("path", "is_one"),
    [("db/migrations/0042_add.py", True), ("alembic/versions/x.py", True), ("schema.sql", True), ("src/migrate/x.go", True),
     ("api/migration_notes.md", False), ("server.py", False)],
)  # fmt: skip
def test_paths_that_change_a_schema(path: str, is_one: bool) -> None:
    assert migration(path) is is_one


@pytest.mark.parametrize(
    ("good_for", "whole", "level"),
    [(80, 90, GREEN), (20, 90, AMBER), (5, 90, RED), (-1, 90, RED), (0.3, 0.5, GREEN), (0.1, 0.5, AMBER), (0.01, 0.5, RED)],
)
def test_what_is_left_of_a_certificate_is_seen_against_its_whole_time(good_for: float, whole: float, level: str) -> None:
    now = datetime.now(UTC)
    end = now + timedelta(days=good_for)
    probe = Probe("api", now, True, 200, 0.1, "", (end - timedelta(days=whole), end))
    (row,) = of_certificates([probe, Probe("plain", now, True, 200, 0.1, "")])
    assert (row.level, bool(row.do)) == (level, level != GREEN)


def test_a_row_fits_by_the_sum_of_what_speaks_for_and_against_it() -> None:
    one = Finding("env", "Bad env change")
    assert one.fit == NO
    one.add(1, "a hint")
    assert one.fit == MAY
    one.add(4, "a proof", sure=True)
    one.add(-1, "a doubt")
    assert (one.fit, one.points, one.sure) == (FITS, 4, True)
    assert (one.speaks_for, one.speaks_against) == (["a proof", "a hint"], ["a doubt"])


@pytest.mark.parametrize("before", range(100, 170, 7))
def test_no_half_of_a_secret_is_left_where_a_line_is_cut(before: int) -> None:
    said = f"OperationalError {'x' * before} postgresql://app:Tr0ub4dor-and-3-more@db/x"
    found = Symptoms((), (), (), (), (), (said,))
    answer = _answer(Answer((8000,), 500, said))
    assert [part for part in ("Tr0u", "app:") if part in str(found.errors) + answer] == []
    assert found.refused
