"""Incident: one run of one procedure, from opening to its verdict: open → document → confirm → apply → verify → close.

An incident can be opened again after its process has ended. Steps that are done are not repeated; a job that still runs on the
host is attached to.
"""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from rollback_lib.errors import NotConfirmed, Refused, TargetRefused
from rollback_lib.facts.account import usable
from rollback_lib.facts.host import Host
from rollback_lib.facts.live import Answered
from rollback_lib.health.probe import Probe
from rollback_lib.plan.plan import Loss, Plan
from rollback_lib.plan.step import Step, When
from rollback_lib.procedures.common import permissions, retention, whole
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
AFTERWARDS = retention.REMEMBER
PATIENCE = 2.0  # seconds after which a person is told that routes are not healthy yet


class Incident:
    """One run. Make it with `open`; its methods are the headings of a notebook, in that order."""

    def __init__(self, run: Run) -> None:
        self._run = run

    @property
    def stack(self) -> Stack:
        return self._run.stack

    @property
    def opening(self) -> Opening:
        """How the incident was opened."""
        return self._run.opening

    @property
    def tried(self) -> dict[str, Tried]:
        """The steps that ran, by name, with how each ended."""
        ended = (event for event in self._run.folder.events() if event["event"] == "step-end")
        return {end["step"]: Tried(ending(end), end["seconds"], (end["last_lines"] or [""])[-1]) for end in ended}

    @property
    def id(self) -> str:
        return self._run.opening.incident

    @classmethod
    def open(
        cls, procedure: str, stack: "str | Path | Mapping[str, Any] | Stack", *, console: Console,
        mode: str = "plan", on_failure: str = "stop", reason: str = "", take_over: object = "false", revert_after: object = "",
        reviewed: object = "", checked: object = "", break_glass: object = "", **parameters: object,
    ) -> Self:  # fmt: skip
        """Check all parameters, also those of the procedure; make the folder of the record; connect. Nothing on the host changes.

        In JupyterLab, an incident is resumed if this notebook had begun to apply it with the same parameters and its kernel has
        ended since. The first run of a working copy that `rollback open` made has its record in the folder of that copy.
        Raises ParameterError before anything is contacted, ConnectionRefused if the host cannot be used.
        """
        options = Options(mode, on_failure, reason, take_over, revert_after, reviewed, checked, break_glass)
        return cls(opening.opened(procedure, stack, options, parameters, console))

    @classmethod
    def resume(cls, folder: Path, *, console: Console, take_over: bool = False) -> Self:
        """Open an incident again with its own stack, parameters and plan. Raises ParameterError if there is nothing to resume,
        ConnectionRefused if the host cannot be used."""
        return cls(opening.resumed(folder, console, take_over=take_over))

    # -- the headings of a notebook ---------------------------------------------------------------------------------

    def document(self, **options: Any) -> Any:
        """The present state: the facts that the procedure asks for, and one probe of every route, in parallel. Raises Refused."""
        run = self._run
        with run.guarded("document"):
            if not run.procedure.looks:
                usable(run.account)
            looked = outcome.side_by_side(run.monitor.look_once)
            try:
                now = run.procedure.document(run.host(self._note_facts, once=True), run.stack, **options)
            finally:  # only now is it known what is secret and must be hidden in the answers of the routes
                probes = run.monitor.note(looked())
            return replace(now, probes=probes)

    def _note_facts(self, answered: Answered) -> None:
        self._run.folder.event("facts", answers=[{"asked": fact.asked, "found": found} for fact, found in answered])

    def examine(self, now: Any, target: str = "", **options: Any) -> Any:
        """Look at the target on the host: at `target`, or at the one that the procedure chooses if `target` is empty. Raises
        TargetRefused."""
        run = self._run
        with run.guarded("examine"):
            known = run.plan.target if run.opening.resumed and run.plan else ""
            chosen = run.procedure.examine(run.host(), now, target or known, **options)
            run.folder.event("target", asked=target, chosen=chosen.name, why=chosen.why)
            return chosen

    def plan(self, now: Any, target: Any, **options: Any) -> Plan:
        """The plan of the procedure to get from `now` to `target`. It also removes what is beyond its retention, after the
        verification. A resumed incident returns the plan that it has. Raises Refused if something would be lost."""
        run = self._run
        with run.guarded("plan"):
            if run.opening.resumed and run.plan:
                return run.plan
            if not run.procedure.looks:
                usable(run.account)
            made: Plan = run.procedure.plan(now, target, incident=self.id, **options)
            made = whole.with_entry(made, run.stack)
            host = run.host()
            kept = host.beside(retention.look, run.stack, made.json()) if retention.has_place(made) else None
            permissions.check(host, made, run.account)
            return retention.with_removal(made, kept.result()) if kept else made

    def confirm(self, plan: Plan, confirm: object = "") -> None:
        """Save the plan, and open the gate if `confirm` is the host's name. If it is empty, ask the person at the notebook.

        Raises NotConfirmed, NotApproved if another person has to approve it first, Unanswered if a required point of the checklist is
        open, Drifted if another plan was reviewed."""
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
                seen = preflight.look(run, plan)
                run.console.show(Confirmation(plan, seen.other))
                if plan.touches:
                    preflight.check(run, plan, seen)
            if run.opening.mode == "plan":
                run.console.line("mode is “plan”: the cells below look and say what they would do, and change nothing.")
            elif plan.nothing_to_do:
                run.console.line("The target already runs: there is nothing to confirm.")
            else:
                gate.confirm(run, plan, confirm)

    def look(self, ask: Callable[Concatenate[Host, P], T], *words: P.args, **options: P.kwargs) -> T:
        """Ask the host something in the middle of a run, and show the result. `ask` is called with the host, `words` and `options`;
        what it returns is shown, written to the record and returned. Raises what `ask` raises."""
        run = self._run
        with run.guarded("look"):
            try:
                found = ask(run.host(), *words, **options)
            except TargetRefused as error:
                if run.plan is None or run.state.touched or not run.state.done:
                    raise  # there is nothing to clean up, or it is in use by now
                raise TargetRefused(f"{error}; {steps.clean_up(run, run.plan)}") from None
            run.folder.event("looked", found=found)
            run.console.show(found)
            return found

    def accept(self, plan: Plan, loss: Loss, accepted: object = "") -> None:
        """Let the steps run that change the stack, if a parameter or the person at the notebook accepts what `loss` lists as lost. Raises
        NotConfirmed, and Refused if there is no list yet."""
        run = self._run
        with run.guarded("accept"):
            if not plan.costs_data:
                run.console.line("Not needed: no step of this plan loses data.")
                return
            if run.state.touched and run.state.accepted == plan.hash:
                run.console.line("Accepted before, in this incident.")
                return
            # This list has to be accepted, and no earlier one.
            run.folder.event("loss-shown", plan=plan.hash, loss=loss.hash, restored=loss.restored, lines=loss.lines)
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
        """Run one step of the plan on the host. A step that is done is not repeated; a step that still runs there is attached to.

        Raises NotConfirmed or Refused if the step may not run now, Paused if a person asked to stop, Locked, LockLost, Drifted,
        TargetRefused if the step failed before the stack was changed, Failed if it failed after that, and LinkLost."""
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
                run.reopen()
                with run.console.follow(run):
                    self._apply(plan, step)

    def _apply(self, plan: Plan, step: Step) -> None:
        run = self._run
        if not run.state.begun:
            gate.check_approved(run, plan)
        steps.take(run, plan)
        if plan.touches:
            preflight.notify_start(run, plan)
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
        """Write the result of a run that only looks to the record. `stack` is the name or file to use in the commands to run next."""
        run = self._run
        with run.guarded("conclude"):
            after = found.next(str(stack) if isinstance(stack, str | Path) else "FILE")
            run.folder.event("found", verdict=found.verdict, reason=found.reason, next=after, **found.data())

    def verify(self, plan: Plan) -> Verification:
        """Check the effects and the health of the routes. Raises Failed if either is not as it should be; if `on_failure` is "undo",
        the rollback is undone first. Raises TargetRefused if the target already runs and is not healthy."""
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
        """Begin to watch the routes, so that enough probes have been sent by the time their health is asked for."""
        with self._run.guarded("watch"):
            self._run.monitor.open()

    def failing(self) -> dict[str, Probe | None]:
        """Wait until every route is healthy, at most until the deadline of the stack's health checks. Returns the routes that are not, each
        with its last failed probe, None if it gave no answer."""
        run, most = self._run, self.stack.health.deadline
        with run.guarded("health"):
            found = run.monitor.failing(min(PATIENCE, most))
            if found and most > PATIENCE:
                run.console.line(f"● Not healthy yet: {', '.join(found)}; waiting, {times.given(most)} at most …")
                found = run.monitor.failing(most - PATIENCE)
            return found

    def close(self) -> Closing:
        """Write the verdict to the record, release the lock and close the connection."""
        run = self._run
        with run.guarded("close"):
            run.monitor.close()
            run.conclude(*outcome.judge(run.opening.mode, run.plan, run.state))
            return self._closed()

    def give_up(self) -> Closing:
        """Close the incident after an error that ended it early. The error is in the record by then, and the verdict stays."""
        self._run.monitor.close()
        return self._closed()

    def _closed(self) -> Closing:
        run = self._run
        run.release_lock()
        run.notify_end()
        run.link.close()
        if run.seal:
            run.seal.close()
        state, after = run.state, run.next_actions()
        return Closing(state.verdict, state.reason, run.seconds(), run.opening.budget, run.outages().words, run.folder.path, after)

    @property
    def confirmed(self) -> bool:
        """Whether a plan was confirmed, or the run has begun to change the stack."""
        return bool(self._run.state.confirmed) or self._run.state.touched

    def aftermath(self) -> list[tuple[str, str]]:
        """For a cell that ended early: rows (label, text) on the state of the host, what to do next, and where the record is."""
        run = self._run
        return [("host", run.left()), *(("next", action) for action in run.next_actions()), ("record", str(run.folder.path))]

    # -- resuming an incident ---------------------------------------------------------------------------------------

    def standing(self) -> Standing:
        """How far the incident came, and one probe of every route."""
        run = self._run
        with run.guarded("standing"):
            states = outcome.steps(run.plan, run.state) if run.plan else {}
            return Standing(tuple(states.items()), run.monitor.note(run.monitor.look_once()))

    def go_on(self, accept_loss: object = "false") -> None:
        """Run all steps that are not done and come before Verify; or, if an undo had begun, the rest of that undo. What would be lost
        is listed again and has to be accepted. Raises what `apply` and `accept` raise."""
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
            if step.touches and not step.skip and plan.costs_data and run.state.accepted != plan.hash:
                self.accept(plan, self.look(run.procedure.weigh, run.stack, plan), accept_loss)
            self.apply(step)

    def remember(self) -> None:
        """Run the step that comes after Verify, if the plan has one."""
        for step in self._run.plan.steps if self._run.plan else ():
            if step.name == AFTERWARDS:
                self.apply(step)

    @property
    def saved_plan(self) -> Plan:
        """The plan that this incident has saved. Raises Refused if it has none."""
        if self._run.plan is None:
            raise Refused("the incident has no plan yet; run its procedure again")
        return self._run.plan
