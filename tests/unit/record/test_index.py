"""The index of records: always as the chain has them, whatever became of its file."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from rollback_lib.record import chain
from rollback_lib.record.chain import OPENED, SEALED, Chain
from rollback_lib.record.history import INDEX, incidents, indexed
from tests.builders.sealed import begin, record


def ids(root: Path, **asked: str) -> list[str]:
    return [one["incident"] for one in incidents(root, **asked)]  # type: ignore[arg-type]


def test_only_new_lines_of_the_chain_are_read(tmp_path: Path) -> None:
    first, second = begin(tmp_path), begin(tmp_path)
    assert ids(tmp_path, verdict="open") == [second.id, first.id]
    with (tmp_path / chain.FILE).open("r+") as file:
        file.write("X")  # in the first line, which is not read again
    assert ids(tmp_path) == [second.id, first.id]
    third = record(tmp_path)
    Chain(tmp_path).enter(OPENED, first.path, {"verdict": "planned"})
    assert ids(tmp_path) == [third.id, second.id, first.id]
    assert ids(tmp_path, verdict="planned", text="SLOW") == [first.id], "what only its first line has stays"


def test_a_line_that_is_not_whole_is_read_once_it_is(tmp_path: Path) -> None:
    first = begin(tmp_path)
    whole = (tmp_path / chain.FILE).read_bytes()
    second = begin(tmp_path)
    both = (tmp_path / chain.FILE).read_bytes()
    (tmp_path / chain.FILE).write_bytes(both[:-20])
    assert ids(tmp_path) == [first.id]
    assert both.startswith(whole)
    (tmp_path / chain.FILE).write_bytes(both)
    assert ids(tmp_path) == [second.id, first.id]


def test_another_chain_makes_another_index(tmp_path: Path) -> None:
    begin(tmp_path)
    record(tmp_path)
    assert len(ids(tmp_path)) == 2
    (tmp_path / chain.FILE).unlink()
    assert ids(tmp_path) == []
    other = record(tmp_path)
    assert ids(tmp_path) == [other.id]


@pytest.mark.parametrize("damage", [lambda whole: b"no database", lambda whole: b"", lambda whole: whole[:4096] + b"x" * len(whole[4096:])])
def test_a_damaged_index_is_made_again(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    one = record(tmp_path)
    assert ids(tmp_path) == [one.id]
    (tmp_path / INDEX).write_bytes(damage((tmp_path / INDEX).read_bytes()))
    assert ids(tmp_path) == [one.id]
    assert (tmp_path / INDEX).stat().st_mode & 0o777 == 0o600


def test_an_index_of_another_shape_is_made_again(tmp_path: Path) -> None:
    one = record(tmp_path)
    with sqlite3.connect(tmp_path / INDEX) as base:
        base.execute("CREATE TABLE records (another TEXT)")
        base.execute("PRAGMA user_version = 99")
    base.close()
    assert ids(tmp_path) == [one.id]


def test_where_no_index_can_be_kept_records_are_listed_all_the_same(tmp_path: Path) -> None:
    one = record(tmp_path)
    (tmp_path / INDEX).mkdir()
    (tmp_path / INDEX / "in-the-way").touch()
    assert ids(tmp_path) == [one.id]
    assert ids(tmp_path / "none") == []


def test_values_of_other_types_stop_nobody_from_listing(tmp_path: Path) -> None:
    """As in the bundle of somebody else that an archive has."""
    odd = begin(tmp_path)
    strange = {"procedure": ["code"], "stack": {"a": 1}, "verdict": ["x"], "practice": [], "changed": [1], "healthy_seconds": "soon"}
    Chain(tmp_path).enter(SEALED, odd.path, strange, manifest="m")
    one = record(tmp_path)
    assert set(ids(tmp_path)) == {one.id, odd.id}
    read = {row.incident: row for row in indexed(tmp_path).ran()}
    assert (read[odd.id].healthy, read[odd.id].practice, read[odd.id].changed) == (None, False, True)
