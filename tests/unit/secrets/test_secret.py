"""A secret is never formatted; two of the same value have the same short hash within one run."""

import copy
import json
from datetime import UTC, datetime

from rollback_lib.facts.files import File
from rollback_lib.procedures.env.plan import masked
from rollback_lib.record.folder import _plain
from rollback_lib.secrets.secret import HIDDEN, Key, Secret


def test_it_hides_wherever_it_is_printed() -> None:
    secret = Secret("hunter2")
    assert f"{secret} {secret!r} {[secret]} { ({'k': secret}) }" == f"{HIDDEN} {HIDDEN} [{HIDDEN}] {{'k': {HIDDEN}}}"
    assert "hunter2" not in json.dumps({"a": secret}, default=str)
    assert copy.copy(secret) == secret


def test_it_hides_in_events_that_hold_whole_facts() -> None:
    file = File("/a", "/a", "regular file", "600", 0, 0, 1, datetime.now(UTC), Secret("hunter2"))
    assert "hunter2" not in json.dumps(_plain({"file": file, "list": [file]}), default=str)


def test_it_is_compared_by_value_and_shown_by_length_and_hash() -> None:
    assert Secret("a") == Secret(b"a") != Secret("b")
    key = Key()
    assert key.fingerprint(Secret("a")) == key.fingerprint(Secret(b"a")) != key.fingerprint(Secret("b"))
    assert masked(key, Secret("hunter2")) == f"7 bytes, #{key.fingerprint(Secret('hunter2'))}"
    assert masked(key, None) == "not set"


def test_an_environment_is_the_same_in_any_order() -> None:
    one = {"A": Secret("1"), "B": Secret("2")}
    key = Key()
    assert key.of_environment(one) == key.of_environment(dict(reversed(one.items())))
    assert key.of_environment(one) != key.of_environment({"A": Secret("2"), "B": Secret("1")})


def test_runs_have_no_hash_in_common_unless_one_adopts_the_key_of_the_other() -> None:
    one, other, value = Key(), Key(), Secret("hunter2")
    before = other.fingerprint(value)
    assert one.fingerprint(value) != before
    one.adopt(Secret(other.reveal()))
    assert one.fingerprint(value) == other.fingerprint(value) == before
    assert other.reveal().hex() not in f"{one} {one!r} {[one]}"
