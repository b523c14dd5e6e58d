"""The gate, with a host that only notes what it is told to run."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rollback_lib.commands.command import Command
from rollback_lib.errors import ConnectionRefused, Failed, NotConfirmed, NotStarted, Paused, Refused, TargetRefused
from rollback_lib.facts import docker
from rollback_lib.facts.account import Account
from rollback_lib.facts.fact import Fact
from rollback_lib.facts.host import Host as AskedHost
from rollback_lib.health.probe import Probe
from rollback_lib.host.connection import Result
from rollback_lib.host.ending import Ending
from rollback_lib.host.jobs import Job, JobState
from rollback_lib.notebook import panel
from rollback_lib.plan.effect import Effect
from rollback_lib.plan.plan import Plan
from rollback_lib.plan.step import Changes, Step, When
from rollback_lib.procedures import code
from rollback_lib.record import proof
from rollback_lib.record.audit import verify
from rollback_lib.record.folder import ROOT_VARIABLE, Folder
from rollback_lib.record.state import RunState
from rollback_lib.run import steps
from rollback_lib.run.console import Followed
from rollback_lib.run.incident import Incident
from rollback_lib.run.monitor import Monitor
from rollback_lib.run.run import Run
from rollback_lib.run.sealing import Seal
from rollback_lib.run.stages import Opening, Verification
from rollback_lib.secrets.redactor import HIDDEN, Redactor
from rollback_lib.secrets.secret import Key, Secret
from rollback_lib.stack.model import Stack
from tests.unit.recorded import OneByOne

ROOT = Account("root", state="/var/lib/rollback/dyniq-voice", closed="")


class Host(OneByOne):
    """`failing`: what a script has in it that fails; `says`: what the others print. Its lock is always free."""

    alias = "contabo"

    def __init__(self) -> None:
        self.ran: list[str] = []
        self.failing = "nothing of the kind"
        self.full = False
        self.says = ""

    def run(self, script: str, **_: object) -> Result:
        if "/lock" in script:
            return Result(Ending.exited(0), f"taken \n{'00' * 32}", "", 0, 0.0)
        self.ran.append(script)
        return Result(Ending.exited(1), "", "no", 0, 0.0) if self.failing in script else Result(Ending.exited(0), self.says, "", 0, 0.0)

    def run_once(self, script: str, **_: object) -> Result:
        return self.run(script)

    def run_job(self, job: Job, lease: int, on_output: object) -> Result:
        if self.full:
            raise NotStarted("the disk is full")
        return self.run(job.script)


class Person:
    """Presses a button only when the test says so."""

    def __init__(self) -> None:
        self.buttons: list[Callable[[], None]] = []
        self.lines: list[str] = []
        self.there = True

    def line(self, text: str) -> None:
        self.lines.append(text)

    def hide(self, redactor: Redactor) -> None: ...

    def show(self, thing: object) -> None: ...

    def gate(self, word: str, said: str, on_confirmed: Callable[[], None]) -> bool:
        self.buttons.append(on_confirmed)
        return self.there

    def follow(self, run: Followed) -> AbstractContextManager[None]:
        self.run = run
        return nullcontext()


def plan(target: str) -> Plan:
    step = Step("build", "Build", "why", (Command.of("echo", target),))
    return Plan("code", "i1", "dyniq-voice", "contabo", target, (step,), ())


@pytest.fixture
def person() -> Person:
    return Person()


@pytest.fixture
def host() -> Host:
    return Host()


def opened(root: Path, host: Host, person: Person) -> Incident:
    folder = Folder.create("code", root)
    opening = Opening(folder.id, "code", "dyniq-voice", "contabo", "me", "apply", "stop", "", {}, folder.path, 60.0, ())
    run = Run(Stack.load("production"), opening, folder, host, Key(), person, 0.0, ROOT)
    folder.event("facts")
    return Incident(run)


@pytest.fixture
def incident(tmp_path: Path, host: Host, person: Person, monkeypatch: pytest.MonkeyPatch) -> Incident:
    def as_planned(*_: object) -> list[Effect]:
        return []

    monkeypatch.setattr(code, "assumed", as_planned)
    return opened(tmp_path, host, person)


def test_two_incidents_in_one_process_share_neither_secrets_nor_hashes(tmp_path: Path, host: Host, person: Person) -> None:
    def reading(asked: AskedHost, value: str) -> Key:
        secret = Fact((Command.of("cat", "file"),), lambda _: Secret(value), hides=lambda found: [found.reveal().decode()])
        asked.ask(secret).result()
        return asked.key

    runs = [opened(tmp_path, host, person)._run for _ in range(2)]
    one, other = (reading(run.host(), value) for run, value in zip(runs, ("first-secret", "second-secret"), strict=True))
    for run in runs:
        run.folder.event("said", words="first-secret second-secret")
    said = [run.folder.events()[-1]["words"] for run in runs]
    assert said == [f"{HIDDEN} second-secret", f"first-secret {HIDDEN}"]
    mine, theirs = one.fingerprint(Secret("the same")), other.fingerprint(Secret("the same"))
    assert mine != theirs
    runs[0].lock.take(take_over=False)  # with the key that the host has of it
    assert (one.reveal(), other.fingerprint(Secret("the same"))) == (bytes(32), theirs)


def test_a_plan_is_confirmed_and_its_steps_done_once(incident: Incident, host: Host, person: Person) -> None:
    chosen = plan("aaa")
    incident.confirm(chosen)
    with pytest.raises(NotConfirmed):
        incident.apply(chosen.build)
    assert host.ran == []
    assert incident._run.folder.record()["verdict"] == "refused"
    person.buttons[0]()
    incident.apply(chosen.build)
    incident.apply(chosen.build)
    assert len(host.ran) == 1
    assert incident._run.folder.record()["verdict"] == "unknown"  # it goes on: who is killed now was not refused


def test_another_plan_needs_a_confirmation_of_its_own_and_its_steps_are_not_done(incident: Incident, host: Host, person: Person) -> None:
    first, second = plan("aaa"), plan("bbb")
    incident.confirm(first)
    person.buttons[0]()
    incident.apply(first.build)
    incident.confirm(second)
    with pytest.raises(NotConfirmed):
        incident.apply(second.build)
    person.buttons[0]()  # the button of the first plan, still on the screen
    with pytest.raises(NotConfirmed):
        incident.apply(second.build)
    person.buttons[1]()
    incident.apply(second.build)
    assert ["echo aaa" in host.ran[0], "echo bbb" in host.ran[1]] == [True, True]


def test_an_incident_that_was_closed_stays_closed(
    incident: Incident, host: Host, person: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rollback_lib.run.sealing.atexit.register", lambda _: None)
    host.close = lambda: None
    folder, chosen = incident._run.folder, plan("aaa")
    incident._run.seal = Seal(folder, tmp_path)
    incident.confirm(chosen)
    incident.close()
    kept = {file: file.read_bytes() for file in folder.path.rglob("*") if file.is_file()}
    for cell in (lambda: incident.apply(chosen.build), lambda: incident.confirm(chosen), incident.close, person.buttons[0]):
        with pytest.raises(Refused, match=f"{folder.id} is closed, and its record is sealed"):
            cell()
    assert host.ran == []
    assert {file: file.read_bytes() for file in folder.path.rglob("*") if file.is_file()} == kept
    assert (verify(tmp_path).sealed, verify(tmp_path).findings) == (1, ())


def test_a_run_that_another_has_gone_on_with_writes_nothing_more(
    incident: Incident, host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rollback_lib.run.sealing.atexit.register", lambda _: None)
    folder = incident._run.folder
    incident._run.seal = Seal(folder, tmp_path)
    Folder(folder.path).event("resumed", who="somebody else")
    events = folder.events()
    with pytest.raises(Refused, match=f"another run has gone on with {folder.id} since"):
        incident.confirm(plan("aaa"), "contabo")
    assert folder.events() == events


def test_closing_looks_at_the_routes_no_more(incident: Incident, person: Person) -> None:
    incident._run.monitor.open()
    incident._run.link.close = lambda: None
    incident.close()
    assert incident._run.monitor.close() == ()


def test_the_events_hold_the_hashes_of_plan_and_stack(
    incident: Incident, person: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    incident.confirm(plan("aaa"))
    planned = incident._run.folder
    assert planned.events()[-1]["sha256"] == planned.hashes("plan.json", "plan.sh", "undo.sh")

    def unreachable(*_: object) -> None:
        raise ConnectionRefused("contabo cannot be reached")

    root = tmp_path / "incidents"
    monkeypatch.setenv(ROOT_VARIABLE, str(root))
    monkeypatch.setattr("rollback_lib.run.incident.Link.to", unreachable)
    monkeypatch.setattr("rollback_lib.run.sealing.atexit.register", lambda _: None)
    with pytest.raises(ConnectionRefused):
        Incident.open("code", "production", console=person)
    opened = Folder(next(root.glob("*/*/*/*")))
    assert opened.events()[0]["sha256"] == opened.hashes("stack.json")
    proof.check(opened.path, root)
    assert (verify(root).sealed, verify(root).findings) == (1, ())


def taken_up(incident: Incident, host: Host, person: Person, jobs: dict[str, tuple[JobState, int | None]]) -> Incident:
    """The incident, opened again by another process; the host knows these jobs of it."""
    before = incident._run
    host.jobs = lambda *_: jobs
    run = Run(before.stack, replace(before.opening, resumed=True), Folder(before.folder.path), host, Key(), person, 0.0, ROOT)
    run.folder.event("facts")
    return Incident(run)


def test_what_a_step_said_stays_when_it_is_run_again(incident: Incident, host: Host, person: Person) -> None:
    """Even where the host has forgotten the job, as after 30 days."""
    chosen = plan("aaa")
    incident.confirm(chosen, "contabo")
    host.says, host.failing = "first\n", "echo aaa"
    with pytest.raises(TargetRefused):
        incident.apply(chosen.build)
    output = incident._run.folder.path / "output"
    kept = {file.name: file.read_bytes() for file in output.iterdir()}
    host.failing = "nothing of the kind"
    again = taken_up(incident, host, person, {})
    again.confirm(again.saved_plan)
    again.apply(again.saved_plan.build)
    assert {file.name: file.read_bytes() for file in output.iterdir() if file.name in kept} == kept
    assert {file.name for file in output.iterdir()} == {"build.txt", "build.2.txt"}


def test_logs_that_were_kept_before_stay(incident: Incident, host: Host, person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    said = ["before"]
    monkeypatch.setattr(docker, "whole_log", lambda name, _: Fact((), lambda _: list(said)))
    step = Step("build", "Build", "why", (Command.of("echo", "x"),), changes=Changes.STACK)
    incident.confirm(Plan("code", "i1", "dyniq-voice", "contabo", "x", (step,), (), removes=("api",)))
    said[:] = ["after"]
    again = taken_up(incident, host, person, {})
    again.confirm(again.saved_plan)
    assert (incident._run.folder.path / "logs" / "api.txt").read_text() == "before\n"


def test_a_run_that_was_asked_to_stop_stops_before_its_next_step_and_goes_on_when_told_to(
    incident: Incident, host: Host, person: Person
) -> None:  # fmt: skip
    chosen = plan("aaa")
    incident.confirm(chosen, "contabo")
    incident._run.stop()
    with pytest.raises(Paused, match="stopped before step build, as you asked; nothing that serves on contabo was changed"):
        incident.apply(chosen.build)
    assert host.ran == []
    incident.apply(chosen.build)
    assert len(host.ran) == 1


def test_the_panel_tells_what_runs_against_budget_and_usual_time(incident: Incident, person: Person) -> None:
    chosen = plan("aaa")
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


def test_the_record_has_since_when_a_route_failed_and_how_long_by_the_rollback(
    incident: Incident, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """`api` fails from the look on, `page` since the first step that changes the stack, and that step fails."""
    run, began = incident._run, datetime.now(UTC)

    def seen(route: str, ok: bool, second: float) -> None:
        sent = (began + timedelta(seconds=second)).isoformat(timespec="milliseconds")
        run.folder.event("probe", sent=sent, route=route, ok=ok, status=500, ms=3, said="")

    monkeypatch.setattr(Monitor, "open", lambda _: [seen("api", False, 10), seen("page", False, 10), seen("page", True, 11.116)])
    seen("api", False, -5)
    seen("page", True, -5)
    steps = (
        Step("build", "Build", "why", (Command.of("true"),)),
        Step("swap", "Swap", "why", (Command.of("false"),), changes=Changes.STACK),
    )
    chosen = Plan("code", "i1", "dyniq-voice", "contabo", "x", steps, ())
    incident.confirm(chosen, "contabo")
    incident.apply(chosen.build)
    run.link.failing = "false"
    with pytest.raises(Failed):
        incident.apply(chosen.swap)
    record = run.folder.record()
    assert record["failing_since"] == (began - timedelta(seconds=5)).isoformat(timespec="milliseconds")
    assert record["outage_by_rollback_seconds"] == 1.116


def test_a_panel_that_cannot_be_drawn_stops_no_run(incident: Incident, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incident._run.folder, "events", lambda: 1 / 0)
    with panel.Panel(incident._run).shown():
        ran = True
    assert ran
    assert "cannot be shown (ZeroDivisionError" in str(panel.Panel(incident._run).picture())


@dataclass(frozen=True)
class Loss:
    name: str = "dyniq"
    hash: str = "1"
    restored: bool = True


def losing() -> Plan:
    """A plan with a step that loses something, does all or nothing, and can be told to be undone by what the host says."""
    swap = Step("swap", "Swap", "why", (Command.of("echo", "swap"),), changes=Changes.DATA)
    return Plan("code", "i1", "dyniq-voice", "contabo", "x", (swap,), (), cleanup=(Command.of("echo", "clean up"),))


def test_what_is_lost_has_to_be_accepted_for_this_plan(incident: Incident, host: Host, person: Person) -> None:
    plan = losing()
    incident.confirm(plan, "contabo")
    with pytest.raises(NotConfirmed, match="not accepted"):
        incident.apply(plan.swap)
    with pytest.raises(Refused, match="nothing is restored yet"):
        incident.accept(plan, Loss(restored=False), "true")
    incident.accept(plan, Loss(), "")
    with pytest.raises(NotConfirmed, match="not accepted"):
        incident.apply(plan.swap)
    assert host.ran == []
    person.buttons[-1]()
    incident.apply(plan.swap)
    assert "echo swap" in host.ran[0]


def test_where_nobody_can_accept_what_was_made_is_removed(incident: Incident, host: Host, person: Person) -> None:
    plan, person.there = losing(), False
    incident.confirm(plan, "contabo")
    with pytest.raises(NotConfirmed, match="accept_loss=true"):
        incident.accept(plan, Loss(), "false")
    assert "echo 'clean up'" in host.ran[-1]


def test_another_list_has_to_be_accepted_anew(incident: Incident, host: Host, person: Person) -> None:
    plan = losing()
    incident.confirm(plan, "contabo")
    incident.accept(plan, Loss(), "true")
    incident.accept(plan, Loss(hash="2"), "")
    with pytest.raises(NotConfirmed, match="not accepted"):
        incident.apply(plan.swap)
    assert host.ran == []


@pytest.mark.parametrize("made", [True, False])
def test_a_refusal_on_a_look_removes_what_was_made_and_only_that(incident: Incident, host: Host, made: bool) -> None:
    def refusing(_: object) -> None:
        raise TargetRefused("it is of another database")

    build = Step("build", "Build", "why", (Command.of("echo", "build"),))
    chosen = Plan("code", "i1", "dyniq-voice", "contabo", "x", (build,), (), cleanup=(Command.of("echo", "clean up"),))
    incident.confirm(chosen, "contabo")
    if made:
        incident.apply(chosen.build)
    with pytest.raises(TargetRefused, match="it is of another database"):
        incident.look(refusing)
    assert any("echo 'clean up'" in script for script in host.ran) is made


@pytest.mark.parametrize(("as_before", "restored"), [(True, True), (False, False)])
def test_a_step_that_does_all_or_nothing_tells_which(
    incident: Incident, host: Host, monkeypatch: pytest.MonkeyPatch, as_before: bool, restored: bool
) -> None:
    def undone(*_: object) -> list[Effect]:
        return [Effect("database", "old", "old" if as_before else "new")]

    monkeypatch.setattr(code, "undo_effects", undone)
    plan, host.failing = losing(), "echo swap"
    incident.confirm(plan, "contabo")
    incident.accept(plan, Loss(), True)
    with pytest.raises(Failed) as failed:
        incident.apply(plan.swap)
    assert failed.value.restored is restored
    assert ("echo 'clean up'" in host.ran[-1]) is restored


@pytest.mark.parametrize(("refusals", "restored"), [(2, True), (10**9, False)])
def test_a_host_that_cannot_be_asked_after_an_undo_is_asked_again_and_a_refusal_is_a_failure(
    incident: Incident, host: Host, monkeypatch: pytest.MonkeyPatch, refusals: int, restored: bool
) -> None:
    asked: list[bool] = []

    def undone(*_: object) -> list[Effect]:
        asked.append(True)
        if len(asked) <= refusals:
            raise Refused("docker does not answer")
        return [Effect("containers", "old", "old")]

    monkeypatch.setattr(code, "undo_effects", undone)
    monkeypatch.setattr("rollback_lib.run.monitor.LOOK_AGAIN", 0.0)
    monkeypatch.setattr(Monitor, "open", lambda _: None)
    run = incident._run
    monkeypatch.setattr(
        run.monitor, "_stack", run.stack.model_copy(update={"health": run.stack.health.model_copy(update={"deadline": 0.3})})
    )
    step, back = (Step(name, name, "why", (Command.of("echo", name),), changes=Changes.STACK) for name in ("recreate", "undo_recreate"))
    plan = Plan("code", "i1", "dyniq-voice", "contabo", "x", (step,), (back,))
    run.opening = replace(run.opening, on_failure="undo")
    host.failing = "echo recreate"
    incident.confirm(plan, "contabo")
    with pytest.raises(Failed, match="undone" if restored else "could not be seen: docker does not answer") as failed:
        incident.apply(plan.recreate)
    assert failed.value.restored is restored
    assert "echo undo_recreate" in host.ran[-1]


@pytest.mark.parametrize(("refusals", "restored"), [(2, None), (10**9, True)])
def test_a_host_that_cannot_be_asked_in_verify_is_asked_again_and_a_refusal_is_a_failure(
    incident: Incident, host: Host, monkeypatch: pytest.MonkeyPatch, refusals: int, restored: bool | None
) -> None:
    asked: list[bool] = []

    def effects(*_: object) -> list[Effect]:
        asked.append(True)
        if len(asked) <= refusals:
            raise Refused("docker does not answer")
        return [Effect("containers", "new", "new")]

    def undone(*_: object) -> list[Effect]:
        return [Effect("containers", "old", "old")]

    class Watching:
        def until_healthy(self, *_: object) -> bool:
            return True

    monkeypatch.setattr(code, "effects", effects)
    monkeypatch.setattr(code, "undo_effects", undone)
    monkeypatch.setattr("rollback_lib.run.monitor.LOOK_AGAIN", 0.0)
    monkeypatch.setattr(Monitor, "open", lambda _: Watching())
    run = incident._run
    monkeypatch.setattr(
        run.monitor, "_stack", run.stack.model_copy(update={"health": run.stack.health.model_copy(update={"deadline": 0.3})})
    )
    step, back = (Step(name, name, "why", (Command.of("echo", name),), changes=Changes.STACK) for name in ("recreate", "undo_recreate"))
    plan = Plan("code", "i1", "dyniq-voice", "contabo", "x", (step,), (back,))
    run.opening = replace(run.opening, on_failure="undo")
    incident.confirm(plan, "contabo")
    incident.apply(plan.recreate)
    if restored is None:
        assert incident.verify(plan).ok
        return
    with pytest.raises(Failed, match="could not be verified: docker does not answer; undone") as failed:
        incident.verify(plan)
    assert failed.value.restored is restored
    assert "echo undo_recreate" in host.ran[-1]


@pytest.mark.parametrize("restored", [True, False])
def test_a_run_that_has_ended_stays_as_it_ended_whatever_cell_is_run_then(
    incident: Incident, host: Host, monkeypatch: pytest.MonkeyPatch, restored: bool
) -> None:
    def undone(*_: object) -> list[Effect]:
        return [Effect("containers", "old", "old" if restored else "new")]

    monkeypatch.setattr(code, "undo_effects", undone)
    monkeypatch.setattr(Monitor, "open", lambda _: None)
    step, back = (Step(name, name, "why", (Command.of("echo", name),), changes=Changes.STACK) for name in ("recreate", "undo_recreate"))
    plan = Plan("code", "i1", "dyniq-voice", "contabo", "x", (step,), (back,))
    incident._run.opening = replace(incident._run.opening, on_failure="undo")
    host.failing = "echo recreate"
    incident.confirm(plan, "contabo")
    with pytest.raises(Failed):
        incident.apply(plan.recreate)
    ended = incident._run.folder.record()
    assert ended["verdict"] == ("failed-restored" if restored else "failed-partly")
    with pytest.raises(Refused, match="this run has ended as failed"):
        incident.apply(plan.recreate)
    now = incident._run.folder.record()
    assert (now["verdict"], now["reason"]) == (ended["verdict"], ended["reason"])


def test_a_clean_up_that_fails_is_said(incident: Incident, host: Host) -> None:
    chosen = Plan("code", "i1", "s", "contabo", "x", (Step("build", "Build", "why", (Command.of("false"),)),), (), (Command.of("false"),))
    host.failing = "false"
    incident.confirm(chosen, "contabo")
    with pytest.raises(TargetRefused, match="could not all be removed"):
        incident.apply(chosen.build)


@pytest.mark.parametrize("healthy", [True, False])
def test_a_step_for_what_does_not_recover_runs_only_then(
    incident: Incident, host: Host, person: Person, monkeypatch: pytest.MonkeyPatch, healthy: bool
) -> None:
    monkeypatch.setattr(Monitor, "healthy_soon", lambda _, __: healthy)
    monkeypatch.setattr(Monitor, "open", lambda _: None)
    step = Step("restart", "Restart", "why", (Command.of("echo", "restart"),), changes=Changes.STACK, when=When.UNHEALTHY)
    chosen = Plan("code", "i1", "dyniq-voice", "contabo", "x", (step,), (step,))
    incident.confirm(chosen, "contabo")
    incident.apply(chosen.restart)
    assert (host.ran == []) is healthy
    assert any("every route passes by itself" in line for line in person.lines) is healthy
    # By hand, it is left to who reads the script.
    assert "# echo restart" in chosen.undo_shell()


@pytest.mark.parametrize("later", [False, True])
def test_a_step_that_could_not_be_started_has_changed_nothing(
    incident: Incident, host: Host, monkeypatch: pytest.MonkeyPatch, later: bool
) -> None:
    monkeypatch.setattr(Monitor, "open", lambda _: None)
    steps = tuple(Step(name, name, "why", (Command.of("echo", name),), changes=Changes.STACK) for name in ("one", "two"))
    chosen = Plan("code", "i1", "s", "contabo", "x", steps, (), (Command.of("echo", "clean up"),))
    incident.confirm(chosen, "contabo")
    if later:
        incident.apply(chosen.one)
    host.full = True
    with pytest.raises(Failed if later else TargetRefused, match="the disk is full"):
        incident.apply(chosen.two if later else chosen.one)
    story = RunState.of(Folder(incident.opening.folder).events())
    assert (story.touched, "two" in story.begun, story.cleaned) == (later, False, not later)
    assert ("one" in story.begun) is later


def test_steps_run_in_their_order_and_the_outcome_is_entered_once_it_is_verified(
    incident: Incident, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.setattr(Monitor, "open", lambda _: None)
    names = {"keep": Changes.NOTHING, "recreate": Changes.STACK, "remember": Changes.NOTHING}
    steps = tuple(Step(name, name, "why", (Command.of("echo", name),), changes) for name, changes in names.items())
    chosen = Plan("code", "i1", "s", "contabo", "x", steps, ())
    incident.confirm(chosen, "contabo")
    with pytest.raises(Refused, match="'recreate' comes after keep"):
        incident.apply(chosen.recreate)
    assert host.ran == []
    incident.apply(chosen.keep)
    incident.apply(chosen.recreate)
    with pytest.raises(Refused, match="'remember' enters what was verified"):
        incident.apply(chosen.remember)
    assert len(host.ran) == 2


@pytest.mark.parametrize("guarded", [True, False])
def test_a_guard_that_refuses_leaves_a_step_not_begun(
    incident: Incident, host: Host, monkeypatch: pytest.MonkeyPatch, guarded: bool
) -> None:
    """The same failure is a step that failed in its midst when a command of the step itself says it."""
    monkeypatch.setattr(Monitor, "open", lambda _: None)
    look, put = Command.of("false", "look"), Command.of("false", "put")
    chosen = Plan("code", "i1", "s", "contabo", "x", (Step("put", "Put", "why", (put,), changes=Changes.STACK, guards=(look,)),), ())
    mark = "\x1e0\n" if guarded else "\x1e0\n\x1e1\n"

    def run_job(job: Job, lease: int, on_output: Callable[[bytes], None]) -> Result:
        on_output(f"{mark}somebody wrote to it\n".encode())
        return Result(Ending.exited(1), "", "", 0, 0.0)

    monkeypatch.setattr(host, "run_job", run_job)
    incident.confirm(chosen, "contabo")
    with pytest.raises(TargetRefused if guarded else Failed, match="somebody wrote to it"):
        incident.apply(chosen.put)
    story = RunState.of(Folder(incident.opening.folder).events())
    assert ("put" in story.begun) is not guarded


@pytest.mark.parametrize(
    ("agents", "ruben", "named"),
    [
        ("..", ".....", "agents-api"),  # it answers no more, and its last answers are older than all of the other
        ("x...", "..x", "ruben-api"),
        ("", "xx", "agents-api, ruben-api"),
    ],
)
def test_routes_that_did_not_pass_are_named_however_seldom_they_answer(incident: Incident, agents: str, ruben: str, named: str) -> None:
    begun = datetime.now(UTC)
    probes = [
        Probe(route, begun + timedelta(seconds=number + later), said == ".", 200, 0.01, "")
        for route, results, later in (("agents-api", agents, 0), ("ruben-api", ruben, 30))
        for number, said in enumerate(results)
    ]
    seen = Verification((), False, 3, tuple(probes), (), incident._run.outages(), applied=True)
    with pytest.raises(Failed, match=f"not verified: {named} did not pass 3 probes in a row in "):
        steps.not_verified(incident._run, plan("aaa"), seen)
