"""A secret is never formatted; two of the same value have the same short hash within one run."""

import copy
import json
from datetime import UTC, datetime

from rollback_lib.facts.files import File
from rollback_lib.procedures.env.plan import masked
from rollback_lib.record.folder import _plain
from rollback_lib.secret import HIDDEN, Secret, fingerprint


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
    assert Secret("a").fingerprint == Secret(b"a").fingerprint != Secret("b").fingerprint
    assert masked(Secret("hunter2")) == f"7 bytes, #{Secret('hunter2').fingerprint}"
    assert masked(None) == "not set"


def test_an_environment_is_the_same_in_any_order() -> None:
    one = {"A": Secret("1"), "B": Secret("2")}
    assert fingerprint(one) == fingerprint(dict(reversed(one.items()))) != fingerprint({"A": Secret("2"), "B": Secret("1")})
