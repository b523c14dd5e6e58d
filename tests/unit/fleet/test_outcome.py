"""What came of a stack, told by the outcome of its run."""

import json

import pytest

from rollback_lib.fleet.outcome import Outcome
from tests.builders.fleet import ENDS, outcome


@pytest.mark.parametrize("kind", ENDS)
def test_every_end_is_told_apart(kind: str) -> None:
    assert outcome(kind).kind == kind
    assert outcome(kind).failed == (ENDS[kind]["status"] != 0)


@pytest.mark.parametrize("kind", ENDS)
def test_it_travels_as_json(kind: str) -> None:
    assert Outcome.of(json.loads(json.dumps(outcome(kind).plain()))) == outcome(kind)


def test_what_a_newer_rollback_says_besides_is_left_out() -> None:
    assert outcome("done", another="key") == outcome("done")


def test_only_what_differs_by_nature_is_left_out_of_comparisons() -> None:
    built = "docker tag sha256:{} rollback/{}/api:before-{}; git checkout {}"
    one = outcome("planned", "a", shell=built.format("1" * 64, "shop-a", "00000a", "abc"))
    same = outcome("planned", "b", shell=built.format("2" * 64, "shop-b", "00000b", "abc"))
    other = outcome("planned", "c", shell=built.format("2" * 64, "shop-c", "00000c", "abd"))
    assert one.comparable == same.comparable
    assert one.comparable != other.comparable
