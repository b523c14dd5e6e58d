"""Incident: one run of one procedure, from opening to its verdict: open → document → confirm → apply → verify → close.

It may be opened again after its process has ended: what is done stays done, what runs on the host is attached to.
"""

import os
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from rollback_lib.errors import Drifted, NotConfirmed, Refused, RollbackError, TargetRefused
from rollback_lib.facts.account import account, usable
from rollback_lib.facts.host import Host
from rollback_lib.facts.live import Heard, LiveHost
from rollback_lib.host.link import Link
from rollback_lib.plan.plan import Loss, Plan
from rollback_lib.plan.step import Step, When
from rollback_lib.procedures import readiness, triage
from rollback_lib.procedures.common import known_secrets, permissions, retention
from rollback_lib.procedures.readiness.report import Tried
from rollback_lib.record.chain import OPENED, Chain
from rollback_lib.record.folder import FOLDER_VARIABLE, Folder, incidents_root, who
from rollback_lib.record.history import usual_seconds
from rollback_lib.record.state import RESUMED, ending
from rollback_lib.record.verdict import Verdict
from rollback_lib.run import outcome, preflight, resume, steps
from rollback_lib.run.checklist import checked as points
from rollback_lib.run.console import Console
from rollback_lib.run.options import Options, check
from rollback_lib.run.run import Run
from rollback_lib.run.sealing import Seal
from rollback_lib.run.stages import Closing, Conclusion, Confirmation, Opening, Standing, Verification
from rollback_lib.runbook import working_copy
from rollback_lib.secrets.redactor import Redactor
from rollback_lib.secrets.secret import Key
from rollback_lib.stack.model import Stack
from rollback_lib.text import tables

T = TypeVar("T")
P = ParamSpec("P")
CLEANUP = 30.0  # seconds
NOISE = 120  # characters of what a start-up file prints that are shown
LOOKING = (triage.NAME, readiness.NAME)  # they say what they can, also to a user who cannot change anything
AFTERWARDS = retention.REMEMBER


class Incident:
    """One run. Make it with `open`; its methods are the headings of a notebook, in that order."""

    def __init__(self, run: Run) -> None:
        self._run = run

    @property
    def stack(self) -> Stack:
        return self._run.stack

    @property
    def opening(self) -> Opening:
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
        started = time.monotonic()
        options = Options(mode, on_failure, reason, take_over, revert_after, reviewed, checked)
        loaded = check(procedure, stack, options, **parameters)
        root = incidents_root()
        given = os.environ.pop(FOLDER_VARIABLE, None)
        session = os.environ.get("JPY_SESSION_NAME", "")
        cut = resume.cut_short(root, procedure, loaded.name, session, parameters) if session and mode == "apply" else None
        made = given or cut or working_copy.made_for(working_copy.session(), procedure, root)
        folder = Folder(Path(made)) if made else Folder.create(procedure, root)
        opening = Opening(
            incident=folder.id, procedure=procedure, stack=loaded.name, host=loaded.host, who=who(),
            mode=mode, on_failure=on_failure, reason=reason, parameters=parameters, folder=folder.path,
            budget=getattr(loaded.budgets, procedure), usual=tuple(usual_seconds(root, procedure, loaded.name)),
            take_over=options.takes_over, revert_after=options.revert_seconds, reviewed=str(reviewed), checked=points(checked),
            session=session, process=os.getpid(), resumed=cut is not None,
        )  # fmt: skip
        return cls._connected(loaded, opening, console, started, root, sealed_by_runner=given is not None)

    @classmethod
    def resume(cls, folder: Path, *, console: Console, take_over: bool = False) -> Self:
        """Open an incident again, as it was opened: the same stack, parameters and plan. Raises ParameterError where there is
        nothing to go on with, ConnectionRefused."""
        started = time.monotonic()
        given = os.environ.pop(FOLDER_VARIABLE, None)
        root = incidents_root()
        opening, stack = resume.opening(folder, root)
        opening = replace(opening, take_over=take_over, who=who(), process=os.getpid(), resumed=True)
        return cls._connected(stack, opening, console, started, root, sealed_by_runner=given is not None)

    @classmethod
    def _connected(
        cls, stack: Stack, opening: Opening, console: Console, started: float, root: Path, *, sealed_by_runner: bool
    ) -> Self:  # fmt: skip
        folder, key = Folder(opening.folder, Redactor(stack.model_dump_json())), Key()
        console.hide(folder.redactor)
        told = {**opening.__dict__, "folder": str(folder.path)}
        if opening.resumed:  # the budget is that of the whole incident
            started -= (datetime.now(UTC) - datetime.fromisoformat(folder.events()[0]["at"])).total_seconds()
        else:
            folder.write("stack.json", stack.model_dump_json(indent=1, exclude_unset=True) + "\n")
            told["sha256"] = folder.hashes("stack.json")
        if not (opening.resumed and sealed_by_runner):  # which has said so itself
            folder.event(RESUMED if opening.resumed else "open", **told)
            Chain(root).enter(OPENED, folder.path, outcome.record(opening, folder.state))
        seal = None if sealed_by_runner else Seal(folder, root)

        def word(said: str) -> None:
            folder.event("link", said=said)
            console.line(f"▲ {said}")

        try:
            link = Link.to(stack, word)
            host = LiveHost(link, folder.redactor, key)
            asked = host.ask(account(stack))
            folder.redactor.protect(known_secrets.known(host, stack), declared=True)
            here = asked.result()
            folder.event("connected", host=stack.host, user=here.user, state=here.state)
            if noise := folder.redactor.clean(" ".join(link.noise.split())):
                word(f"a start-up file of {here.user} there prints “{noise[:NOISE]}”; that is left out of every answer")
            return cls(Run(stack.at(here.state), opening, folder, link, key, console, started, here, seal))
        except RollbackError as error:
            folder.event("refused", error=str(error))
            if not opening.resumed:
                folder.event("verdict", verdict=Verdict.REFUSED, reason=str(error))
                folder.write_record(outcome.record(opening, folder.state))
            if seal:
                seal.close()
            raise

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
                run.console.line("Confirmed before, in this incident: the cells below go on with it.")
                return
            run.plan = plan
            run.folder.write("plan.json", outcome.shown_clean(plan, run.folder.redactor).json() + "\n")
            run.folder.write("plan.sh", plan.shell())
            run.folder.write("undo.sh", plan.undo_shell())
            run.folder.write("plan.diff", run.folder.redactor.clean(plan.diff))
            hashes = run.folder.hashes("plan.json", "plan.sh", "undo.sh")
            run.folder.event("plan", hash=plan.hash, target=plan.target, nothing_to_do=plan.nothing_to_do, sha256=hashes)
            self._check_reviewed(plan)
            if not plan.nothing_to_do:
                run.console.show(Confirmation(plan, run.lock.other()))
            if plan.touches and not plan.nothing_to_do:
                preflight.check(run, plan)
            host = run.stack.host
            if run.opening.mode == "plan":
                run.console.line("mode is “plan”: the cells below look and say what they would do, and change nothing.")
            elif plan.nothing_to_do:
                run.console.line("The target is what runs: there is nothing to confirm.")
            elif confirm == host:
                self._open_gate(plan, "parameter")
                run.console.line(f"Confirmed for {host}: the cells below change it.")
            elif confirm:
                raise NotConfirmed(f"confirm is {confirm!r}, but the host is {host!r}; give confirm={host} to change it")
            elif not run.console.gate(
                host, f"Type the host's name, {host}, to let the cells below change it. Until then they refuse.",
                lambda: self._open_gate(plan, "person"),
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
                self._accept(plan, loss, "parameter")
                run.console.line("Accepted by the parameter: the next cells lose what the list says.")
            elif not run.console.gate(
                loss.name, f"Type {loss.name} to accept what the list above says is lost. Until then the cells below refuse.",
                lambda: self._accept(plan, loss, "person"),
            ):  # fmt: skip
                if run.opening.resumed:
                    raise NotConfirmed(
                        "nobody accepted what would be lost; what was restored stays beside the live database: read the list above, then "
                        f"`rollback resume {self.id} --accept-loss`"
                    )
                steps.clean_up(run, plan)
                raise NotConfirmed("nobody accepted what would be lost; read the list above, then run again with accept_loss=true")

    def apply(self, step: Step) -> None:
        """Run one step of the plan on the host; a step that is done is not done again, one that runs there is attached to."""
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
                plan = self._check_gate(step)
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
        """Let this be what the run has come to, in its record; `stack` is how the stack was named, for what is to be done next."""
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

    def close(self) -> Closing:
        """The verdict, written to the record; the lock is released and the connection closed."""
        run = self._run
        with run.guarded("close"):
            run.monitor.close()
            run.conclude(*outcome.judge(run.opening.mode, run.plan, run.state))
            run.let_go()
            run.tell_end()
            run.link.close()
            if run.seal:
                run.seal.close()
            return Closing(
                run.state.verdict,
                run.state.reason,
                run.seconds(),
                run.opening.budget,
                run.outages().words,
                run.folder.path,
                run.next_actions(),
            )

    @property
    def confirmed(self) -> bool:
        """Whether a plan of it was confirmed, or it has begun to change the host."""
        return bool(self._run.state.confirmed) or self._run.state.touched

    def aftermath(self) -> list[tuple[str, str]]:
        """After a cell that ended early: what state the host is in, and what to do next."""
        run = self._run
        return [("host", run.left()), *(("next", one) for one in run.next_actions()), ("record", str(run.folder.path))]

    # -- going on with an incident ----------------------------------------------------------------------------------

    def standing(self) -> Standing:
        """How far the incident came, and the routes as they are."""
        run = self._run
        with run.guarded("standing"):
            states = outcome.steps(run.plan, run.state) if run.plan else {}
            return Standing(tuple(states.items()), run.monitor.note(run.monitor.look_once()))

    def go_on(self, accept_loss: object = "false") -> None:
        """All steps that are not done, up to Verify; or the rest of an undo that had begun. What would be lost is looked at anew,
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
        """The plan that the incident was confirmed for. Raises Refused where it came not so far."""
        if self._run.plan is None:
            raise Refused("the incident has no plan yet; run its procedure anew")
        return self._run.plan

    # -- the gate ---------------------------------------------------------------------------------------------------

    def _open_gate(self, plan: Plan, by: str) -> None:
        run = self._run
        run.folder.event("confirmed", plan=plan.hash, by=by, who=run.opening.who, host=run.stack.host)

    def _accept(self, plan: Plan, loss: Loss, by: str) -> None:
        run = self._run
        run.folder.event("accepted", plan=plan.hash, loss=loss.hash, by=by, who=run.opening.who)

    def _check_reviewed(self, plan: Plan) -> None:
        run = self._run
        reviewed = run.opening.reviewed
        if run.opening.mode != "apply" or reviewed in ("", plan.hash):
            return
        differences = resume.differences(incidents_root(), reviewed, plan)
        for line in differences:
            run.console.line(line)
        more = "the lines above differ" if differences else "no record has that one, so what moved cannot be shown"
        raise Drifted(f"the plan is {plan.hash} by now, and {reviewed} was reviewed: {more}; review this one, then run with its hash")

    def _check_gate(self, step: Step) -> Plan:
        run = self._run
        if run.state.ended:
            raise Refused(f"this run has ended as {run.state.verdict}; open a new one to go on")
        if run.plan is None or all(planned is not step for planned in run.plan.steps):
            raise Refused(f"the step {step.name!r} is not of the plan that was confirmed; run the cells Plan and Confirm again")
        if run.state.confirmed != run.plan.hash:
            raise NotConfirmed(f"not confirmed: type the host's name, {run.stack.host}, in the box above, then run this cell again")
        self._check_order(run.plan, step)
        if step.loses and run.state.accepted != run.plan.hash:
            raise NotConfirmed("not accepted: type the database's name in the box below the list of losses, then run this cell again")
        if any(undo.name in run.state.begun for undo in run.plan.undo):
            raise Refused(f"this incident is being undone; finish that with `rollback resume {self.id}`")
        if step.sends and step.send is None:
            raise Refused(f"{step.sends} are in no record, so this incident cannot go on; nothing that serves was touched: run it anew")
        return run.plan

    def _check_order(self, plan: Plan, step: Step) -> None:
        """Every step stands on those before it, and the outcome is entered only once it is verified."""
        state, done = self._run.state, self._run.state.done
        before = plan.steps[: next(number for number, planned in enumerate(plan.steps) if planned is step)]
        missing = [
            one.name for one in before if not (one.skip or one.name in state.passed_over or (plan.hash, one.name) in done)
        ]  # fmt: skip
        if missing:
            raise Refused(f"the step {step.name!r} comes after {', '.join(missing)}; run the cells above first")
        if step.name == AFTERWARDS and plan.touches and not (state.verified and state.verified.ok):
            raise Refused(f"the step {step.name!r} enters what was verified, and this run is not verified yet; run the cells above first")
