"""Backups as files: told apart, read to their end, and refused where they would lead out of the database."""

import subprocess
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollback_lib.facts import backups
from rollback_lib.facts.backups import Backup, Contents
from rollback_lib.facts.live import LiveHost
from rollback_lib.facts.tables import Kind
from rollback_lib.secrets.redactor import Redactor
from rollback_lib.secrets.secret import Key
from tests.builders.recorded import Here

NOW = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)


def read(path: object, kind: str = backups.PLAIN) -> Contents:
    backup = Backup(str(path), 1, NOW, kind, "17", "17", "", True, "")
    return LiveHost(Here(), Redactor(), Key()).ask(backups.contents(backup, None)).result()


END = "-- PostgreSQL database dump complete\n"
rows = st.lists(st.text(st.characters(exclude_characters="\n\r\0\\\x1e", exclude_categories=("Cs",)), max_size=40), max_size=8)


@given(rows)
def test_rows_are_counted_whatever_they_are(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> None:
    file = tmp_path_factory.mktemp("dump") / "dump.sql"
    data = "".join(f"{line}\n" for line in lines)
    file.write_text(f'CREATE TABLE public.a (\n);\nCREATE TABLE public."B c" (\n);\nCOPY public."B c" (x) FROM stdin;\n{data}\\.\n{END}')
    assert read(file) == Contents({"public.a": 0, 'public."B c"': len(lines)}, len(file.read_bytes()), "")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("SELECT 1;\n", "its last line is not there"),
        (f"\\connect other\n{END}", "line 1 of it, \\connect, would lead out of the database"),
        (f"\\! touch x\n{END}", "line 1 of it, \\!, would lead out"),
        (f"DROP DATABASE dyniq;\n{END}", "line 1 of it, DROP DATABASE, would lead out"),
        (f"-- PostgreSQL database cluster dump\n{END}", "a dump of a whole server"),
        (f"SELECT 1; \\! touch x\n{END}", "line 1 of it, \\!, would lead out"),
        (f"SELECT 'it''s'; SELECT E'\\'' \\connect x\n{END}", "line 1 of it, \\connect, would lead out"),
        (f"SELECT 1 /* ' */ \\copy a to program 'x'\n{END}", "line 1 of it, \\copy, would lead out"),
        (f"SELECT a$b$ \\gexec\n{END}", "line 1 of it, \\gexec, would lead out"),
        (f"SELECT $1$$ $$ \\gexec\n{END}", "line 1 of it, \\gexec, would lead out"),
        (f"SELECT 'a\nb' \\o |sh\n{END}", "line 2 of it, \\o, would lead out"),
        (f"SELECT 'a\n{END}", "what begins in line 1 of it, a string, a name or a comment, does not end"),
        (f"SELECT 'a \\! b', E'\\\\!', \"\\!\", $$ \\! ' $$, $x$ $$ \\! $x$ -- \\!\n/* \\! /* ' */ \\! */ SELECT \\; 1;\n{END}", ""),
        (f"CREATE FUNCTION f() AS $_$\nCOPY public.a FROM stdin;\n\\connect x\n$_$;\n{END}", ""),
        (f"SET standard_conforming_strings = off;\nSELECT 'it\\'s \\! ';\n{END}", ""),
        (f"COPY public.a (x) FROM stdin;\r\n\\N\r\n\\.\r\n{END}", ""),
        (f"CREATE EXTENSION IF NOT EXISTS timescaledb WITH SCHEMA public;\n{END}", "it has the extension timescaledb"),
        (f"CREATE EXTENSION IF NOT EXISTS timescaledb_toolkit WITH SCHEMA public;\n{END}", ""),
        (f"CREATE SUBSCRIPTION s CONNECTION 'host=x' PUBLICATION p WITH (connect = false);\n{END}", "it makes a subscription"),
        (f"CREATE FOREIGN TABLE public.a (\n);\nCOPY public.a (x) FROM stdin;\n1\n\\.\n{END}", "has rows of the foreign table public.a"),
        (f"\\restrict abc\nCOPY public.a (x) FROM stdin;\n\\\\connect\n\\.\n{END}\\unrestrict abc\n", ""),
    ],
)
def test_what_would_lead_out_of_the_database_is_found(tmp_path: object, text: str, said: str) -> None:
    file = tmp_path / "dump.sql"
    file.write_text(text)
    found = read(file).wrong
    assert (found == "") if not said else (said in found)


def test_large_objects_views_and_foreign_tables_of_a_backup_are_known(tmp_path: object) -> None:
    file = tmp_path / "dump.sql"
    file.write_text(f"""CREATE MATERIALIZED VIEW public.m AS
CREATE FOREIGN TABLE public."F t" (
SELECT pg_catalog.lo_create('16420');
SELECT pg_catalog.lo_create('16421');
{END}""")
    found = read(file)
    assert (found.rows, found.others) == ({"large objects": 2}, {"public.m": Kind.VIEW, 'public."F t"': Kind.FOREIGN})


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ("CREATE EXTENSION IF NOT EXISTS timescaledb WITH SCHEMA public;", "it has the extension timescaledb"),
        ("CREATE SUBSCRIPTION s CONNECTION 'host=x' PUBLICATION p;", "it makes a subscription"),
        ("SELECT 'CREATE SUBSCRIPTION s';", ""),
    ],
)
def test_what_a_directory_makes_is_read_from_its_table_of_contents(tmp_path: object, made: str, said: str) -> None:
    (tmp_path / "toc.dat").write_bytes(b"PGDMP\x01\x10\x00" + b"\x00" + len(made).to_bytes(4, "little") + made.encode() + b"\x00\x01")
    found = read(tmp_path, backups.DIRECTORY).wrong
    assert (found == "") if not said else (said in found)


def test_the_list_tells_formats_apart_by_their_content(tmp_path: object) -> None:
    head = (
        "--\n-- PostgreSQL database dump\n--\n\\restrict x\n"
        "-- Dumped from database version 17.2 (Debian)\n-- Dumped by pg_dump version 17.5\n"
    )
    (tmp_path / "b-plain.sql").write_text(head + END)
    (tmp_path / "b-cut.sql").write_text(head)
    (tmp_path / "b-empty.sql").write_text("")
    (tmp_path / "b-notes.txt").write_text("hello\n")
    (tmp_path / "b-named.sql").write_bytes(subprocess.run(["gzip", "-c"], input=(head + END).encode(), capture_output=True).stdout)
    (tmp_path / "b-half.gz").write_bytes((tmp_path / "b-named.sql").read_bytes()[:60])
    (tmp_path / "other.sql").write_text(head + END)

    found = {one.name: one for one in LiveHost(Here(), Redactor(), Key()).ask(backups.listing(f"{tmp_path}/b-*")).result()}
    assert set(found) == {"b-plain.sql", "b-cut.sql", "b-empty.sql", "b-notes.txt", "b-named.sql", "b-half.gz"}
    assert {name: (one.format, one.whole, one.version, one.by) for name, one in found.items() if not one.wrong} == {
        "b-plain.sql": ("plain", True, "17.2", "17.5"), "b-named.sql": ("gzip", True, "17.2", "17.5"),
    }  # fmt: skip
    assert "cut off" in found["b-cut.sql"].wrong
    assert "cannot be unpacked" in found["b-half.gz"].wrong
