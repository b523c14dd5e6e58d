"""What a verdict is based on: the state of the stack after the last change, observed until the end; all of it is in the record."""

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from rollback_lib.errors import Failed, LinkLost
from rollback_lib.health.probe import Probe
from rollback_lib.health.watch import Watch
from rollback_lib.plan.effect import Effect
from rollback_lib.record.folder import Folder
from rollback_lib.record.state import RunState
from rollback_lib.record.verdict import Verdict
from rollback_lib.run import outcome
from rollback_lib.run.incident import Incident
from rollback_lib.run.monitor import Monitor
from tests.builders.events import NOT_OK, begin, end, verified
from tests.builders.looks import Looks
from tests.builders.plans import changing, plan
from tests.builders.routes import Routes
from tests.builders.runs import Host
from tests.builders.stack import HOST, with_health


@pytest.mark.parametrize("looked", [{"applied": False}, {"applied": True}], ids=["before anything was changed", "of a plan before"])
def test_what_was_verified_counts_until_the_stack_is_changed_again(looked: dict[str, bool]) -> None:
    state = RunState.of([verified(**looked), begin("swap"), end("swap", NOT_OK)])
    assert outcome.judge("apply", plan(changing("swap")), state)[0] is Verdict.PARTLY
    assert outcome.verdict_of(KeyboardInterrupt(), state) is Verdict.PARTLY


def test_a_step_that_fails_is_no_success_because_the_host_was_healthy_before_it(
    incident: Incident, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In JupyterLab the cells can be run in any order."""
    monkeypatch.setattr(Monitor, "open", lambda _: None)
    monkeypatch.setattr(Monitor, "healthy", lambda _: True)
    chosen, host.failing = plan(changing("swap")), "echo swap"
    incident.confirm(chosen, HOST)
    assert incident.verify(chosen).ok
    with pytest.raises(Failed, match="changed in part"):
        incident.apply(chosen.swap)


def test_a_run_with_nothing_to_do_has_rolled_nothing_back(incident: Incident, host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Monitor, "await_effects", lambda *_: (True, ()))
    monkeypatch.setattr(Monitor, "open", lambda _: None)
    chosen = plan(nothing_to_do=True)
    incident.confirm(chosen)
    incident.verify(chosen)

    def stopped() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(incident._run.monitor, "close", stopped)
    with pytest.raises(KeyboardInterrupt):
        incident.close()
    assert incident._run.state.verdict is not Verdict.SUCCEEDED
    assert "is rolled back" not in incident._run.left()


def test_no_step_is_said_to_run_where_every_end_was_heard(incident: Incident, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(*_: object) -> None:
        raise LinkLost("the connection is lost")

    monkeypatch.setattr(Monitor, "open", lambda _: None)
    monkeypatch.setattr(Monitor, "await_effects", lost)
    chosen = plan(changing("swap"))
    incident.confirm(chosen, HOST)
    incident.apply(chosen.swap)
    assert incident._run.state.unheard == ()
    with pytest.raises(LinkLost):
        incident.verify(chosen)
    assert "may be running" not in incident._run.folder.record()["reason"]


def test_a_route_that_fails_while_effects_settle_is_not_healthy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As of a container that starts again and again: it answers a few times, and falls."""
    routes = Routes().instead_of_real_ones(monkeypatch)
    starting, running = (Effect("state", "running", found, settles=True) for found in ("restarting", "running"))
    falls, fallen = threading.Event(), threading.Event()
    failed: list[str] = []

    def answered(name: str, answer: Callable[[str], Probe] = routes.answer) -> Probe:
        if not falls.is_set() or name != "agents-api":
            return answer(name)
        failed.append(name)
        if len(failed) > 1:  # and the first one is known of
            fallen.set()
        return replace(answer(name), ok=False, status=502)

    def once_fallen() -> list[Effect]:
        falls.set()
        assert fallen.wait(20)
        return [running]

    monkeypatch.setattr(routes, "answer", answered)
    looks = Looks([starting], once_fallen)  # the first look is while the routes are asked, the second when they have passed
    stack = with_health(passes=3, every=0.001, deadline=2.0)
    one = Monitor(stack, SimpleNamespace(effects=looks), lambda: None, Folder.create("code", tmp_path))
    healthy, _ = one.await_effects(plan(changing("swap")))
    assert healthy is [probe.ok for probe in one.close() if probe.route == "agents-api"][-1]


def test_every_probe_that_counts_is_in_the_record_before(monkeypatch: pytest.MonkeyPatch) -> None:
    Routes().instead_of_real_ones(monkeypatch)
    noted: list[Probe] = []
    early: list[Probe] = []

    def note(probe: Probe) -> None:
        if probe in watch.probes:
            early.append(probe)
        noted.append(probe)

    stack = with_health(passes=3, every=0.001)
    watch = Watch(stack.routes, stack.health, note)
    watch.start()
    assert watch.until_looked()
    watch.stop()
    assert early == []
    assert [one for one in watch.probes if one.said != "no answer yet" and one not in noted] == []
