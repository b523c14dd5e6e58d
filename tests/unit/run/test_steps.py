"""What happens if a step fails, or if its result cannot be seen."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from rollback_lib.commands.command import Command
from rollback_lib.errors import Failed, Refused, TargetRefused
from rollback_lib.health.probe import Probe
from rollback_lib.host.ending import Ending
from rollback_lib.plan.effect import Effect
from rollback_lib.plan.step import When
from rollback_lib.record.folder import Folder
from rollback_lib.record.state import RunState
from rollback_lib.run import steps
from rollback_lib.run.incident import Incident
from rollback_lib.run.monitor import Monitor
from rollback_lib.run.stages import Verification
from tests.builders.looks import Looks
from tests.builders.plans import Loss, changing, echo, losing, plan, step
from tests.builders.runs import Host, Person, finding
from tests.builders.stack import with_health

OLD, NEW = [Effect("containers", "old", "old")], [Effect("containers", "new", "new")]


@pytest.mark.parametrize("made", [True, False])
def test_a_refusal_on_a_look_removes_what_was_made_and_only_that(incident: Incident, host: Host, made: bool) -> None:
    chosen = plan(step("build"), cleanup=(echo("clean up"),))
    incident.confirm(chosen, "contabo")
    if made:
        incident.apply(chosen.build)
    with pytest.raises(TargetRefused, match="it is from another database"):
        incident.look(Looks(TargetRefused("it is from another database")))
    assert any("echo 'clean up'" in script for script in host.ran) is made


@pytest.mark.parametrize(("as_before", "restored"), [(True, True), (False, False)])
def test_a_step_that_does_all_or_nothing_tells_which(
    incident: Incident, host: Host, monkeypatch: pytest.MonkeyPatch, as_before: bool, restored: bool
) -> None:
    finding(incident, undo_effects=Looks([Effect("database", "old", "old" if as_before else "new")]))
    chosen, host.failing = losing(), "echo swap"
    incident.confirm(chosen, "contabo")
    incident.accept(chosen, Loss(), True)
    with pytest.raises(Failed) as failed:
        incident.apply(chosen.swap)
    assert failed.value.restored is restored
    assert ("echo 'clean up'" in host.ran[-1]) is restored


@pytest.mark.parametrize(("refusals", "restored"), [(2, True), (1, False)])
def test_a_host_that_cannot_be_asked_after_an_undo_is_asked_again_and_a_refusal_is_a_failure(
    incident: Incident, host: Host, monkeypatch: pytest.MonkeyPatch, refusals: int, restored: bool
) -> None:
    silent = [Refused("docker does not answer")] * refusals
    finding(incident, undo_effects=Looks(*silent, *([OLD] if restored else [])))
    monkeypatch.setattr("rollback_lib.run.monitor.LOOK_AGAIN", 0.0)
    monkeypatch.setattr(Monitor, "open", lambda _: None)
    run = incident._run
    monkeypatch.setattr(run.monitor, "_stack", with_health(deadline=0.3))
    chosen = plan(changing("recreate"), undo=(changing("undo_recreate"),))
    run.opening = replace(run.opening, on_failure="undo")
    host.failing = "echo recreate"
    incident.confirm(chosen, "contabo")
    with pytest.raises(Failed, match="undone" if restored else "could not be seen: docker does not answer") as failed:
        incident.apply(chosen.recreate)
    assert failed.value.restored is restored
    assert "echo undo_recreate" in host.ran[-1]


@pytest.mark.parametrize(("refusals", "restored"), [(2, None), (1, True)])
def test_a_host_that_cannot_be_asked_in_verify_is_asked_again_and_a_refusal_is_a_failure(
    incident: Incident, host: Host, monkeypatch: pytest.MonkeyPatch, refusals: int, restored: bool | None
) -> None:
    silent = [Refused("docker does not answer")] * refusals

    class Watching:
        def until_healthy(self, *_: object) -> bool:
            return True

    finding(incident, effects=Looks(*silent, *([] if restored else [NEW])), undo_effects=Looks(OLD))
    monkeypatch.setattr("rollback_lib.run.monitor.LOOK_AGAIN", 0.0)
    monkeypatch.setattr(Monitor, "open", lambda _: Watching())
    run = incident._run
    monkeypatch.setattr(run.monitor, "_stack", with_health(deadline=0.3))
    chosen = plan(changing("recreate"), undo=(changing("undo_recreate"),))
    run.opening = replace(run.opening, on_failure="undo")
    incident.confirm(chosen, "contabo")
    incident.apply(chosen.recreate)
    if restored is None:
        assert incident.verify(chosen).ok
        return
    with pytest.raises(Failed, match="could not be verified: docker does not answer; undone") as failed:
        incident.verify(chosen)
    assert failed.value.restored is restored
    assert "echo undo_recreate" in host.ran[-1]


@pytest.mark.parametrize("restored", [True, False])
def test_a_run_that_has_ended_stays_as_it_ended_whatever_cell_is_run_then(
    incident: Incident, host: Host, monkeypatch: pytest.MonkeyPatch, restored: bool
) -> None:
    finding(incident, undo_effects=Looks([Effect("containers", "old", "old" if restored else "new")]))
    monkeypatch.setattr(Monitor, "open", lambda _: None)
    chosen = plan(changing("recreate"), undo=(changing("undo_recreate"),))
    incident._run.opening = replace(incident._run.opening, on_failure="undo")
    host.failing = "echo recreate"
    incident.confirm(chosen, "contabo")
    with pytest.raises(Failed):
        incident.apply(chosen.recreate)
    ended = incident._run.folder.record()
    assert ended["verdict"] == ("failed-restored" if restored else "failed-partly")
    with pytest.raises(Refused, match="this run has ended as failed"):
        incident.apply(chosen.recreate)
    now = incident._run.folder.record()
    assert (now["verdict"], now["reason"]) == (ended["verdict"], ended["reason"])


def test_a_clean_up_that_fails_is_said(incident: Incident, host: Host) -> None:
    false = Command.of("false")
    chosen = plan(step("build", false), cleanup=(false,))
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
    restart = changing("restart", when=When.UNHEALTHY)
    chosen = plan(restart, undo=(restart,))
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
    chosen = plan(changing("one"), changing("two"), cleanup=(echo("clean up"),))
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
    chosen = plan(step("keep"), changing("recreate"), step("remember"))
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
    chosen = plan(changing("put", put, guards=(look,)))
    mark = "\x1e0\n" if guarded else "\x1e0\n\x1e1\n"
    host.output["put"] = f"{mark}somebody wrote to it\n".encode()
    host.ends["put"] = Ending.exited(1)
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
        steps.not_verified(incident._run, plan(), seen)
