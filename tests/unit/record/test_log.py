"""Logs that only grow: what was done to them shows, and a crash is told from a hand."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rollback_lib.record.log import Fault, Log, Tail, line_hash


@pytest.fixture
def log(tmp_path: Path) -> Log:
    log = Log(tmp_path / "log.jsonl")
    for number in range(5):
        log.append({"number": number, "text": "é\x1e\n"})
    return log


def test_what_was_appended_is_there_in_order(log: Log) -> None:
    assert [entry["number"] for entry in log.entries()] == [0, 1, 2, 3, 4]
    assert log.faults() == []
    assert Log(log.path.with_name("none")).faults() == []


def test_a_log_can_be_followed(log: Log) -> None:
    """A line that is not whole yet comes once it is; one that a crash cut short never does."""
    tail = Tail(log.path)
    assert [entry["number"] for entry in tail.new()] == [0, 1, 2, 3, 4]
    assert tail.new() == []
    log.append({"number": 5})
    whole = log.path.read_bytes()
    log.path.write_bytes(whole[:-3])
    assert tail.new() == []
    log.path.write_bytes(whole)
    assert [entry["number"] for entry in tail.new()] == [5]
    with log.path.open("ab") as file:
        file.write(b'{"number": 6, "te')
    log.append({"number": 7})
    assert [entry["number"] for entry in tail.new()] == [7]
    assert Tail(log.path.with_name("none")).new() == []


@pytest.mark.parametrize("cut", [0, 1, 7])
def test_the_end_and_lines_with_a_word_are_those_of_all_lines(log: Log, cut: int) -> None:
    """Also where a crash took the end of the last."""
    log.path.write_bytes(log.path.read_bytes()[: -cut or None])
    lines = log.lines()
    assert log.end == (5, line_hash(lines[-1]))
    for word in (b'"number"', b'"number": 3', b"number", b"\xc3\xa9", b"none"):
        assert log.having(word) == {number: line for number, line in enumerate(lines, 1) if word in line}
    none = Log(log.path.with_name("none"))
    assert (none.end, none.lines(), none.having(b"number")) == ((0, ""), [], {})


@pytest.mark.parametrize("line", range(1, 5))
def test_only_faults_since_a_line_are_asked_for(log: Log, line: int) -> None:
    whole = log.path.read_text().splitlines(keepends=True)
    log.path.write_text("".join([*whole[: line - 1], whole[line - 1].replace('"number"', '"another"'), *whole[line:]]))
    assert log.faults() == [Fault(line + 1, False)]
    assert log.faults(since=line) == [Fault(line + 1, False)]
    assert log.faults(since=line + 1) == []


@pytest.mark.parametrize("line", range(4))
def test_a_changed_line_a_removed_one_and_one_put_in_are_found(log: Log, line: int) -> None:
    whole = log.path.read_text().splitlines(keepends=True)
    changed = [*whole[:line], whole[line].replace(f'"number": {line}', '"number": 9'), *whole[line + 1 :]]
    removed = [*whole[:line], *whole[line + 1 :]]
    put_in = [*whole[:line], json.dumps({"number": 7, "after": ""}) + "\n", *whole[line:]]
    for lines in (changed, removed, put_in):
        log.path.write_text("".join(lines))
        assert log.faults()
        assert not any(fault.crash for fault in log.faults())


def test_a_crash_is_no_tampering_before_and_after_the_log_goes_on(log: Log) -> None:
    log.path.write_bytes(log.path.read_bytes()[:-7])
    assert log.faults() == [Fault(5, True)]
    log.append({"number": 5})
    assert log.faults() == [Fault(5, True)]
    assert [entry["number"] for entry in log.entries()] == [0, 1, 2, 3, 5]


def test_a_scar_that_somebody_changes_is_tampering(log: Log) -> None:
    log.path.write_bytes(log.path.read_bytes()[:-7])
    log.append({"number": 5})
    log.path.write_bytes(log.path.read_bytes().replace(b'{"number": 4', b'{"number": 8'))
    assert [fault.crash for fault in log.faults()] == [False, False]


def test_a_line_longer_than_a_block_is_found_again(log: Log) -> None:
    log.append({"text": "x" * 300_000})
    log.append({"number": 6})
    assert log.faults() == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(st.integers(min_value=0), st.binary(min_size=1, max_size=3))
def test_no_byte_can_be_changed_unseen(tmp_path: Path, at: int, bytes_: bytes) -> None:
    """But for those of the last line, which the next one holds."""
    log = Log(tmp_path / "any.jsonl")
    log.path.unlink(missing_ok=True)
    for number in range(4):
        log.append({"number": number})
    whole = log.path.read_bytes()
    end = whole.rindex(b"\n", 0, -1) + 1
    place = at % (end - len(bytes_))
    changed = whole[:place] + bytes_ + whole[place + len(bytes_) :]
    log.path.write_bytes(changed)
    assert bool(log.faults()) is (changed != whole)
