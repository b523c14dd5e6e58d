"""The panel of a run that goes on."""

import json
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from rollback_lib.notebook import panel
from rollback_lib.run.incident import Incident
from tests.builders.plans import echoing
from tests.builders.runs import Person


def test_the_panel_tells_what_runs_against_budget_and_usual_time(incident: Incident, person: Person) -> None:
    chosen = echoing("aaa")
    incident.confirm(chosen, "contabo")
    run, now = incident._run, datetime.now(UTC)
    run.opening = replace(run.opening, usual=(10.0, 30.0, 20.0))
    run.started = time.monotonic() - 70
    run.folder.event("step-begin", step="build", job="build", plan=chosen.hash, touches=False, commands=["echo aaa"])
    run.folder.event("probe", route="<api>", ok=False, status=500, ms=3, said="no")
    shown = panel.picture(run, ("a line",), now + timedelta(seconds=5), going=True)
    for said in ("▲ over the budget: 70 s of the budget of 60 s; usually 20 s", "▶  Build  runs", "s so far", "<api> ✘ fails", "a line"):
        assert said in str(shown)
    assert "<api>" not in shown._repr_html_()
    run.folder.event("step-end", step="build", job="build", plan=chosen.hash, status=0, last_lines=[])
    assert "✔  Build  done" in str(panel.picture(run, (), now, going=True))
    assert "Build" not in str(panel.picture(run, (), now, going=False))


def test_a_panel_that_cannot_be_drawn_stops_no_run(incident: Incident, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incident._run, "events", lambda: 1 / 0)
    with panel.Panel(incident._run).shown():
        ran = True
    assert ran
    assert "cannot be shown (ZeroDivisionError" in str(panel.Panel(incident._run).picture())


def test_a_look_reads_only_what_is_new(incident: Incident, monkeypatch: pytest.MonkeyPatch) -> None:
    run, read = incident._run, []
    before = len(run.events())
    monkeypatch.setattr("rollback_lib.record.log.parsed", lambda line: read.append(line) or json.loads(line))
    assert len(run.events()) == before
    run.folder.event("probe", route="api", ok=True, status=200, ms=3, said="")
    assert [event["event"] for event in run.events()[before:]] == ["probe"]
    assert [b'"probe"' in line for line in read] == [True]
