"""Incident: one run of one procedure, from opening to its verdict: open → document → confirm → apply → verify → close.

It may be opened again after its process has ended: what is done stays done, what runs on the host is attached to.
"""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from rollback_lib.errors import NotConfirmed, Refused, TargetRefused
from rollback_lib.facts.account import usable
from rollback_lib.facts.host import Host
from rollback_lib.facts.live import Heard
from rollback_lib.health.probe import Probe
from rollback_lib.plan.plan import Loss, Plan
from rollback_lib.plan.step import Step, When
from rollback_lib.procedures import readiness, triage
from rollback_lib.procedures.common import permissions, retention
from rollback_lib.procedures.common.readiness import Tried
from rollback_lib.record.state import ending
from rollback_lib.run import gate, opening, outcome, preflight, steps
from rollback_lib.run.console import Console
from rollback_lib.run.options import Options
from rollback_lib.run.run import Run
from rollback_lib.run.stages import Closing, Conclusion, Confirmation, Opening, Standing, Verification
from rollback_lib.stack.model import Stack
from rollback_lib.text import tables, times

T = TypeVar("T")
P = ParamSpec("P")
LOOKING = (triage.NAME, readiness.NAME)  # they say what they can, also to a user who cannot change anything
AFTERWARDS = retention.REMEMBER
PATIENCE = 2.0  # seconds without health after which a person is told that we wait


class Incident:
    """One run. Make it with `open`; its methods are the headings of a notebook, in that order."""

    def __init__(self, run: Run) -> None:
        self._run = run

    @property
    def stack(self) -> Stack:
        return self._run.stack

    @property
    def opening(self) -> Opening:
        """How it was opened."""
        return self._run.opening

    @property
    def tried(self) -> dict[str, Tried]:
        """The steps that ran, by name."""
        ended = (event for event in self._run.folder.events() if event["event"] == "step-end")
        return {one["step"]: Tried(ending(one), one["seconds"], (one["last_lines"] or [""])[-1]) for one in ended}

    @property
    def id(self) -> str:
        return self._run.opening.incident

    @classmethod
    def open(
        cls, procedure: str, stack: "str | Path | Mapping[str, Any] | Stack", *, console: Console,
        mode: str = "plan", on_failure: str = "stop", reason: str = "", take_over: object = "false", revert_after: object = "",
        reviewed: object = "", checked: object = "", **parameters: object,
    ) -> Self:  # fmt: skip
        """Check the parameters, the procedure's own too; make the record's folder, connect. Nothing on the host changes.

        In JupyterLab, an incident that this notebook had begun to apply with the same parameters, and whose kernel has ended
        since, is taken up again. The first run of a copy that `rollback open` made has its record in the folder of that copy.
        Raises ParameterError before anything is contacted, ConnectionRefused when the host cannot be used.
        """
        options = Options(mode, on_failure, reason, take_over, revert_after, reviewed, checked)
        return cls(opening.opened(procedure, stack, options, parameters, console))

    @classmethod
    def resume(cls, folder: Path, *, console: Console, take_over: bool = False) -> Self:
        """Open an incident again, as it was opened: the same stack, parameters and plan. Raises ParameterError where there is
        nothing to resume, ConnectionRefused."""
        return cls(opening.resumed(folder, console, take_over=take_over))

    # -- the headings of a notebook ---------------------------------------------------------------------------------

    def document(self, **options: Any) -> Any:
        """What is true now: the procedure's facts and one probe of every route, asked side by side."""
        run = self._run
        with run.guarded("document"):
            if run.opening.procedure not in LOOKING:
                usable(run.account)
            looked = outcome.side_by_side(run.monitor.look_once)
            try:
                now = run.procedure.document(run.host(self._note_facts), run.stack, **options)
            finally:  # what the routes said is free of all that was found to be secret by now
                probes = run.monitor.note(looked())
            return replace(now, probes=probes)

    def _note_facts(self, heard: Heard) -> None:
        self._run.folder.event("facts", answers=[{"asked": fact.asked, "found": found} for fact, found in heard])

    def examine(self, now: Any, target: str = "", **options: Any) -> Any:
        """The target as the host knows it: `target`, or what the procedure chooses. Raises TargetRefused."""
        run = self._run
        with run.guarded("examine"):
            known = run.plan.target if run.opening.resumed and run.plan else ""
            chosen = run.procedure.examine(run.host(), now, target or known, **options)
            run.folder.event("target", asked=target, chosen=chosen.name, why=chosen.why)
            return chosen

    def plan(self, now: Any, target: Any, **options: Any) -> Plan:
        """The procedure's plan from `now` to `target`, and what else is removed after it, since it was kept long enough; that of an
        incident which was opened again is the one it has. Raises Refused where something would be lost."""
        run = self._run
        with run.guarded("plan"):
            if run.opening.resumed and run.plan:
                return run.plan
            if run.opening.procedure not in LOOKING:
                usable(run.account)
            made: Plan = run.procedure.plan(now, target, incident=self.id, **options)
            permissions.check(run.host(), made, run.account)
            if not retention.has_place(made):
                return made
            return retention.with_removal(made, run.host().beside(retention.look, run.stack, made.json()).result())

    def confirm(self, plan: Plan, confirm: object = "") -> None:
        """Save the plan; open the gate when `confirm` is the host's name, or ask the person who sits here."""
        run = self._run
        with run.guarded("confirm"):
            if run.opening.resumed and run.state.confirmed == plan.hash:
                run.console.line("Confirmed before, in this incident: the cells below continue with it.")
                return
            run.plan = plan
            run.folder.write("plan.json", outcome.shown_clean(plan, run.folder.redactor).json() + "\n")
            run.folder.write("plan.sh", plan.shell())
            run.folder.write("undo.sh", plan.undo_shell())
            run.folder.write("plan.diff", run.folder.redactor.clean(plan.diff))
            hashes = run.folder.hashes("plan.json", "plan.sh", "undo.sh")
            run.folder.event("plan", hash=plan.hash, target=plan.target, nothing_to_do=plan.nothing_to_do, sha256=hashes)
            gate.check_reviewed(run, plan)
            if not plan.nothing_to_do:
                run.console.show(Confirmation(plan, run.lock.other()))
            if plan.touches and not plan.nothing_to_do:
                preflight.check(run, plan)
            host = run.stack.host
            if run.opening.mode == "plan":
                run.console.line("mode is “plan”: the cells below look and say what they would do, and change nothing.")
            elif plan.nothing_to_do:
                run.console.line("The target already runs: there is nothing to confirm.")
            elif confirm == host:
                gate.open_(run, plan, "parameter")
                run.console.line(f"Confirmed for {host}: the cells below change it.")
            elif confirm:
                raise NotConfirmed(f"confirm is {confirm!r}, but the host is {host!r}; give confirm={host} to change it")
            elif not run.console.gate(
                host, f"Type the host's name, {host}, to let the cells below change it. Until then they refuse.",
                lambda: gate.open_(run, plan, "person"),
            ):  # fmt: skip
                raise NotConfirmed(f"mode is apply, but nobody confirmed; give confirm={host} to change that host")

    def look(self, ask: Callable[Concatenate[Host, P], T], *words: P.args, **options: P.kwargs) -> T:
        """Ask the host what a procedure wants to know in the middle of a run, and show it: what `ask` makes of its answers."""
        run = self._run
        with run.guarded("look"):
            try:
                found = ask(run.host(), *words, **options)
            except TargetRefused as error:
                if run.plan is None or run.state.touched or not run.state.done:
                    raise  # nothing was made beside the stack, or it is in use
                raise TargetRefused(f"{error}; {steps.clean_up(run, run.plan)}") from None
            run.folder.event("looked", found=found)
            run.console.show(found)
            return found

    def accept(self, plan: Plan, loss: Loss, accepted: object = "") -> None:
        """Let the steps run that lose what `loss` lists: `accepted` by a parameter, or by the person who sits here."""
        run = self._run
        with run.guarded("accept"):
            if run.state.touched and run.state.accepted == plan.hash:
                run.console.line("Accepted before, in this incident.")
                return
            run.folder.event("loss-shown", plan=plan.hash, loss=loss.hash)  # this list has to be accepted, and no earlier one
            if run.opening.mode == "plan":
                run.console.line("mode is “plan”: nothing is lost; this is what would have to be accepted.")
            elif not loss.restored:
                raise Refused("nothing is restored yet, so there is no list to accept; run the cells above first")
            elif accepted in (True, "true"):
                gate.accept(run, plan, loss, "parameter")
                run.console.line("Accepted by the parameter: the next cells lose what the list says.")
            elif not run.console.gate(
                loss.name, f"Type {loss.name} to accept what the list above says is lost. Until then the cells below refuse.",
                lambda: gate.accept(run, plan, loss, "person"),
            ):  # fmt: skip
                if run.opening.resumed:
                    raise NotConfirmed(
                        "nobody accepted what would be lost; what was restored stays beside the live database: read the list above, then "
                        f"`rollback resume {self.id} --accept-loss`"
                    )
                steps.clean_up(run, plan)
                raise NotConfirmed("nobody accepted what would be lost; read the list above, then run again with accept_loss=true")

    def apply(self, step: Step) -> None:
        """Run one step of the plan on the host; a step that is done is not repeated, one that runs there is attached to."""
        run = self._run
        with run.guarded(step.name):
            if step.skip:
                run.console.line(f"Not needed: {step.skip}.")
            elif run.opening.mode == "plan":
                run.console.line(f"Plan only, not run ({tables.count(len(step.script), 'command')}):")
                for command in step.script:
                    run.console.line(f"  {command}")
            elif run.plan is not None and (run.plan.hash, step.name) in run.state.done:
                run.console.line("Done already in this incident; not done again.")
            else:
                plan = gate.check(run, step)
                run.check_stopped(f"step {step.name}")
                run.goes_on()
                with run.console.follow(run):
                    self._apply(plan, step)

    def _apply(self, plan: Plan, step: Step) -> None:
        run = self._run
        steps.take(run, plan)
        if plan.touches:
            preflight.tell_start(run, plan)
        if step.touches and not run.state.touched:
            steps.check_assumed(run, plan)
            if run.opening.revert_after:
                run.auto_revert.arm(run.opening.revert_after, plan.undo, plan.hash)
        if step.when is When.UNHEALTHY and run.monitor.healthy_soon(plan):
            run.folder.event("step-passed-over", step=step.name, plan=plan.hash)
            run.console.line("Not needed: every route passes by itself.")
        elif step.when is When.HEALTHY and not run.monitor.healthy():
            run.folder.event("step-passed-over", step=step.name, plan=plan.hash)
            run.console.line("Not done: a route does not pass.")
        else:
            steps.apply(run, plan, step)

    def conclude(self, found: Conclusion, stack: object = "NAME") -> None:
        """Set what the run has come to, in its record; `stack` is how the stack was named, for what is to be done next."""
        run = self._run
        with run.guarded("conclude"):
            after = found.next(str(stack) if isinstance(stack, str | Path) else "FILE")
            run.folder.event("found", verdict=found.verdict, reason=found.reason, next=after, **found.data())

    def verify(self, plan: Plan) -> Verification:
        """Effect and health. Raises Failed, after an undo when that was asked for, unless both are as they should be."""
        run = self._run
        with run.guarded("verify"):
            applied = run.state.touched or (run.opening.mode == "apply" and plan.nothing_to_do)
            run.check_stopped("the verification")
            run.monitor.open()
            with run.console.follow(run) if applied else nullcontext():
                try:
                    healthy, effects = run.monitor.await_effects(plan) if applied else (run.monitor.healthy(), ())
                except Refused as error:
                    if not run.state.touched:
                        raise
                    steps.fail(run, plan, f"it could not be verified: {error}")
            probes = run.monitor.close()
            seen = Verification(effects, healthy, run.stack.health.passes, probes, run.state.marks, run.outages(), applied, plan.routes)
            run.console.show(seen)
            run.folder.event(
                "verified", ok=seen.ok, healthy=healthy, applied=applied, ill=seen.ill, all_routes=plan.routes is None,
                effects=[effect.__dict__ | {"ok": effect.ok} for effect in effects],
            )  # fmt: skip
            if applied and not seen.ok:
                steps.not_verified(run, plan, seen)
            if not run.auto_revert.disarm():
                steps.undone(run, plan, f"{run.stack.host} undid the rollback by itself before it was verified")
            return seen

    def watch(self) -> None:
        """Begin to watch the routes, so that enough of them is seen by the time it is asked for."""
        with self._run.guarded("watch"):
            self._run.monitor.open()

    def failing(self) -> dict[str, Probe | None]:
        """Wait until every route is healthy, or the deadline of the stack: the routes that are not by then, each with its last probe that
        failed (None: it gave no answer)."""
        run, most = self._run, self.stack.health.deadline
        with run.guarded("health"):
            if found := run.monitor.failing(min(PATIENCE, most)):
                run.console.line(f"● Not healthy yet: {', '.join(found)}; waiting, {times.given(most)} at most …")
                found = run.monitor.failing(most)
            return found

    def close(self) -> Closing:
        """The verdict, written to the record; the lock is released and the connection closed."""
        run = self._run
        with run.guarded("close"):
            run.monitor.close()
            run.conclude(*outcome.judge(run.opening.mode, run.plan, run.state))
            return self._closed()

    def give_up(self) -> Closing:
        """Close it after an error that ended it early, which its record has by then: the verdict stays."""
        self._run.monitor.close()
        return self._closed()

    def _closed(self) -> Closing:
        run = self._run
        run.let_go()
        run.tell_end()
        run.link.close()
        if run.seal:
            run.seal.close()
        state, after = run.state, run.next_actions()
        return Closing(state.verdict, state.reason, run.seconds(), run.opening.budget, run.outages().words, run.folder.path, after)

    @property
    def confirmed(self) -> bool:
        """Whether a plan of it was confirmed, or it has begun to change the host."""
        return bool(self._run.state.confirmed) or self._run.state.touched

    def aftermath(self) -> list[tuple[str, str]]:
        """After a cell that ended early: what state the host is in, and what to do next."""
        run = self._run
        return [("host", run.left()), *(("next", one) for one in run.next_actions()), ("record", str(run.folder.path))]

    # -- resuming an incident ---------------------------------------------------------------------------------------

    def standing(self) -> Standing:
        """How far the incident came, and the routes as they are."""
        run = self._run
        with run.guarded("standing"):
            states = outcome.steps(run.plan, run.state) if run.plan else {}
            return Standing(tuple(states.items()), run.monitor.note(run.monitor.look_once()))

    def go_on(self, accept_loss: object = "false") -> None:
        """All steps that are not done, up to Verify; or the rest of an undo that had begun. What would be lost is looked at again,
        and has to be accepted. Raises what `apply` and `accept` raise."""
        run = self._run
        plan = self.saved_plan
        if any(step.name in run.state.begun for step in plan.undo):
            with run.guarded("undo"):
                steps.take(run, plan)
                steps.undo(run, plan, "the run was cut off while it undid the rollback")
        with run.guarded("take up"):
            steps.take(run, plan)
        for step in plan.steps:
            if step.name == AFTERWARDS:
                continue
            run.console.line(f"● {step.title}")
            if step.loses and run.state.accepted != plan.hash:
                self.accept(plan, self.look(run.procedure.weigh, run.stack, plan), accept_loss)
            self.apply(step)

    def remember(self) -> None:
        """The step that comes after Verify, where the plan has it."""
        for step in self._run.plan.steps if self._run.plan else ():
            if step.name == AFTERWARDS:
                self.apply(step)

    @property
    def saved_plan(self) -> Plan:
        """The plan that the incident was confirmed for. Raises Refused where it did not come that far."""
        if self._run.plan is None:
            raise Refused("the incident has no plan yet; run its procedure again")
        return self._run.plan
