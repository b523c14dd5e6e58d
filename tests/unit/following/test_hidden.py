"""Output that is followed is freed of what is secret on the host, as far as that can be read; else it is not shown."""

from collections.abc import Sequence
from typing import Any

import pytest

from rollback_lib.errors import Refused
from rollback_lib.facts.fact import Fact
from rollback_lib.facts.host import Host
from rollback_lib.following import hidden
from rollback_lib.following.events import Event, Run, event
from rollback_lib.following.hidden import Hidden
from rollback_lib.host.following import Seen
from rollback_lib.host.lock import Owner
from rollback_lib.procedures.common import known_secrets
from rollback_lib.secrets.redactor import HIDDEN, Redactor
from rollback_lib.secrets.secret import Key
from tests.builders.stack import STACK
from tests.builders.stories import ID, PLAN

KNOWN = {"step": "build", "job": "build", "plan": PLAN.hash}
OWNER = Owner(ID, "code", "me", "", "2026-11-24T03:12:04+00:00")


class There(Host):
    """A host on which these values are secret, or on which what is secret cannot be read."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__(Key())
        self.redactor = redactor
        self.secrets: list[str] = []
        self.closed = ""
        self.asked = 0

    def round(self, facts: Sequence[Fact[Any]]) -> list[Any]:
        self.asked += 1
        self.redactor.protect(self.secrets)
        return [Refused(self.closed) if self.closed else [] for _ in facts]


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> There:
    monkeypatch.setattr(known_secrets, "known", lambda *_: {})
    return There(Redactor())


@pytest.fixture
def run() -> Run:
    return Run(Seen(0.0, 60, ID, ID, OWNER), PLAN)


@pytest.fixture
def one(there: There, run: Run) -> Hidden:
    made = Hidden(there, STACK, there.redactor)
    made.begin(run)
    return made


def output(*lines: str) -> list[Event]:
    return [event("output", **KNOWN, line=line, dropped=0) for line in lines]


def shown(one: Hidden, run: Run, *lines: str) -> list[str]:
    return [each.get("line", each["event"]) for each in one.shown(output(*lines), run)]


def test_what_is_secret_by_the_time_it_is_printed_is_hidden(there: There, one: Hidden, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    there.secrets = ["of-the-old-file"]
    monkeypatch.setattr(hidden, "AGAIN", 0.0)
    assert shown(one, run, "it is of-the-old-file") == [f"it is {HIDDEN}"]
    there.secrets = ["of-the-new-file"]
    assert shown(one, run, "of-the-new-file and of-the-old-file") == [f"{HIDDEN} and {HIDDEN}"]
    assert shown(one, run, "password=anything") == [f"password={HIDDEN}"]


def test_it_is_not_read_again_for_each_line_but_when_a_step_begins_or_ends(there: There, one: Hidden, run: Run) -> None:
    asked = there.asked
    for _ in range(10):
        shown(one, run, "a line")
    assert there.asked == asked
    list(one.shown([event("step-begin", **KNOWN), *output("a line")], run))
    assert there.asked == asked + 1
    list(one.shown([event("step-begin", **KNOWN)], run))
    assert there.asked == asked + 1, "nothing was printed"


def test_what_cannot_be_read_holds_the_output_back_and_nothing_else(there: There, one: Hidden, run: Run) -> None:
    there.closed, there.secrets = "deploy may not read .env", ["tell-nobody"]
    first = list(one.shown([event("step-begin", **KNOWN), *output("tell-nobody", "two")], run))
    assert [each["event"] for each in first] == ["step-begin", "withheld"]
    assert first[1]["why"] == "deploy may not read .env"
    assert shown(one, run, "three") == []
    there.closed = ""
    assert shown(one, run, "four") == [HIDDEN, "two", "three", "four"], "once it can be read, what was held back comes first"


def test_a_private_key_is_hidden_also_if_its_beginning_was_left_out(one: Hidden, run: Run) -> None:
    rest = ["x" * 64, "y" * 64, "-----END PRIVATE KEY-----", "after"]
    left_out = event("output-left-out", **KNOWN, bytes=9)
    told = [each.get("line", each["event"]) for each in one.shown([left_out, *output(*rest)], run)]
    assert told[0] == "output-left-out"
    assert told[-1] == "after"
    assert "xxx" not in str(told)
    begins = shown(one, run, "-----BEGIN PRIVATE KEY-----", "z" * 64)
    assert "zzz" not in str(begins)
    assert shown(one, run, "z" * 64, "-----END PRIVATE KEY-----", "after") == ["after"]


def test_long_lines_are_cut_after_secrets_are_hidden(there: There, one: Hidden, run: Run) -> None:
    (event_,) = one.shown(output("a" * 9000), run)
    assert (len(event_["line"]), event_["left_out"], "dropped" in event_) == (8192, 808, False)


def test_what_others_wrote_is_freed_of_secrets_too(there: There, one: Hidden, run: Run) -> None:
    there.secrets = ["tell-nobody"]
    one.begin(run)
    (told,) = one.shown([event("ended", reason="it was tell-nobody", status=5)], run)
    assert (told["reason"], told["status"]) == (f"it was {HIDDEN}", 5)
    there.secrets = ["lapsed", "build", "2026"]
    one.begin(run)
    (told,) = one.shown([event("ended", reason="build lapsed", how="lapsed", step="build")], run)
    assert (told["how"], told["step"], told["reason"]) == ("lapsed", "build", f"{HIDDEN} {HIDDEN}"), "words of ours are no secrets"
    assert told["at"].startswith("20")
