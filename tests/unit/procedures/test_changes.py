"""What was changed, and in which order it is shown."""

from datetime import timedelta

import pytest

from rollback_lib.procedures.common.change import Change, Level
from rollback_lib.procedures.triage import changes as module
from rollback_lib.procedures.triage.changes import changes
from tests.builders.containers import NOW
from tests.builders.triage import facts


def test_changes_of_the_same_second_come_in_the_order_in_which_they_lead_to_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Docker tells fractions of a second, git does not: a deploy seems to come before the start of the containers a moment before it."""
    start = Change(NOW + timedelta(milliseconds=700), Level.START, "restart", "api started again")
    deploy = Change(NOW, Level.TREE, "deploy", "1658e44")
    made = Change(NOW + timedelta(milliseconds=100), Level.CONTAINER, "container", "api was made")
    earlier = Change(NOW - timedelta(seconds=1), Level.CONTAINER, "container", "caddy was made")

    class Part:
        label = "code"

    class Triage:
        changes = staticmethod(lambda _: [start, earlier, deploy, made])

    monkeypatch.setattr(module, "of_triage", lambda _: [(Part, Triage)])
    assert changes(facts(looks={"code": object()})) == [made, deploy, start, earlier]
