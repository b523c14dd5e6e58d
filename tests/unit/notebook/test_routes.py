"""What the probes of all routes come to, in a sentence."""

from datetime import UTC, datetime

from rollback_lib.health.probe import Probe
from rollback_lib.notebook.views import common

AT = datetime(2026, 11, 24, tzinfo=UTC)
WELL, ILL, SILENT = (Probe(name, AT, status == 200, status, 0.1, "") for name, status in (("api", 200), ("web", 500), ("ws", None)))


def test_routes_that_all_pass_are_well() -> None:
    assert str(common.routes([WELL])) == "✔ Every route is healthy."
    assert str(common.routes([WELL], well="Every route passes.")) == "✔ Every route passes."


def test_routes_that_do_not_pass_are_named_with_what_to_do_then() -> None:
    assert str(common.routes([WELL, ILL, SILENT])) == "✘ Not healthy: web, ws."
    assert str(common.routes([ILL], then=" Begin with triage.")) == "✘ Not healthy: web. Begin with triage."


def test_a_route_answers_a_status_or_nothing() -> None:
    assert [common.answer(one) for one in (WELL, ILL, SILENT)] == ["✔ 200", "✘ 500", "✘ no answer"]
