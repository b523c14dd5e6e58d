"""Incident: one run of one procedure, from opening to its verdict: open → document → confirm → apply → verify → close.

It may be opened again after its process has ended: what is done stays done, what runs on the host is attached to.
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from rollback_lib import conclusion, earlier
from rollback_lib.checks import Options, check
from rollback_lib.command import script
from rollback_lib.errors import Drifted, Failed, NotConfirmed, ParameterError, Refused, RollbackError, TargetRefused
from rollback_lib.facts.ask import converse
from rollback_lib.facts.fact import Dialogue
from rollback_lib.host.connection import Result, said
from rollback_lib.host.jobs import JobState
from rollback_lib.host.link import Link
from rollback_lib.host.lock import Owner
from rollback_lib.plan import Loss, Plan, Step
from rollback_lib.probe import outage
from rollback_lib.procedures import PROCEDURES
from rollback_lib.procedures.hidden import hide_known
from rollback_lib.record.chain import OPENED, Chain
from rollback_lib.record.folder import FOLDER_VARIABLE, Folder, incidents_root, who
from rollback_lib.record.history import usual_seconds
from rollback_lib.record.redaction import clean
from rollback_lib.record.story import Story
from rollback_lib.record.verdict import NOT_ENDED, Verdict
from rollback_lib.running import Console, Hand
from rollback_lib.sealing import Seal
from rollback_lib.stack import Stack, local_path
from rollback_lib.stages import Closing, Opening, Standing, Verification
from rollback_lib.watching import Eyes

T = TypeVar("T")
CLEANUP = 30.0  # seconds
AFTERWARDS = "remember"  # the step that comes after Verify


class Incident:
    """One run. Make it with `open`; its methods are the headings of a notebook, in that order."""

    def __init__(
        self, stack: Stack, opening: Opening, folder: Folder, link: Link, console: Console, started: float, seal: Seal | None = None
    ) -> None:  # fmt: skip
        self.stack = stack
        self.opening = opening
        self.id = opening.incident
        self._folder = folder
        self._link = link
        self._console = console
        self._procedure = PROCEDURES[opening.procedure]
        self._started = started
        self._seal = seal  # None where the runner seals the record, after the notebook is in it
        owner = Owner.now(self.id, opening.procedure, opening.who, opening.reason)
        self._hand = Hand(link, stack.state, owner, folder, console)
        self._eyes = Eyes(stack, self._procedure, link, folder)
        self._plan: Plan | None = None
        self._story = Story()  # what happened before this process opened the incident
        self._confirmed = ""  # the hash of the plan that was confirmed: another plan needs a confirmation of its own
        self._accepted = ""  # the same for what the plan loses
        self._done: set[tuple[str, str]] = set()  # plan and step
        self._touched = False
        self._ended = False
        self._marks: list[tuple[datetime, str]] = []
        self._verified: Verification | None = None
        self._verdict = Verdict.UNKNOWN
        self._reason = NOT_ENDED
        if opening.resumed:
            self._take_up()
        self._write_record()

    @classmethod
    def open(
        cls, procedure: str, stack: "str | Path | Mapping[str, Any] | Stack", *, console: Console,
        mode: str = "plan", on_failure: str = "stop", reason: str = "", take_over: object = "false", revert_after: object = "",
        reviewed: object = "", **parameters: object,
    ) -> "Incident":  # fmt: skip
        """Check the parameters, the procedure's own too; make the record's folder, connect. Nothing on the host changes.

        In JupyterLab, an incident that this notebook had begun to apply with the same parameters, and whose kernel has ended
        since, is taken up again. Raises ParameterError before anything is contacted, ConnectionRefused when the host cannot
        be used.
        """
        started = time.monotonic()
        options = Options(mode, on_failure, reason, take_over, revert_after, reviewed)
        loaded = check(procedure, stack, options, **parameters)
        root = incidents_root()
        given = os.environ.pop(FOLDER_VARIABLE, None)
        session = os.environ.get("JPY_SESSION_NAME", "")
        cut = earlier.cut_short(root, procedure, loaded.name, session, parameters) if session and mode == "apply" else None
        folder = Folder(Path(given)) if given else Folder(cut) if cut else Folder.create(procedure, root)
        opening = Opening(
            incident=folder.id, procedure=procedure, stack=loaded.name, host=loaded.host, who=who(),
            mode=mode, on_failure=on_failure, reason=reason, parameters=parameters, folder=folder.path,
            budget=getattr(loaded.budgets, procedure), usual=tuple(usual_seconds(root, procedure, loaded.name)),
            take_over=options.takes_over, revert_after=options.revert_seconds, reviewed=str(reviewed),
            session=session, process=os.getpid(), resumed=cut is not None,
        )  # fmt: skip
        return cls._connected(loaded, opening, folder, console, started, root, sealed_by_runner=given is not None)

    @classmethod
    def resume(cls, folder: Path, *, console: Console, take_over: bool = False) -> "Incident":
        """Open an incident again, as it was opened: the same stack, parameters and plan. Raises ParameterError where there is
        nothing to go on with, ConnectionRefused."""
        started = time.monotonic()
        given = os.environ.pop(FOLDER_VARIABLE, None)
        opening, stack = earlier.opening(folder)
        opening = replace(opening, take_over=take_over, who=who(), process=os.getpid(), resumed=True)
        return cls._connected(stack, opening, Folder(folder), console, started, incidents_root(), sealed_by_runner=given is not None)

    @classmethod
    def _connected(
        cls, stack: Stack, opening: Opening, folder: Folder, console: Console, started: float, root: Path, *, sealed_by_runner: bool
    ) -> "Incident":  # fmt: skip
        folder.event("resumed" if opening.resumed else "open", **{**opening.__dict__, "folder": str(folder.path)})
        if opening.resumed:  # the budget is that of the whole incident
            started -= (datetime.now(UTC) - datetime.fromisoformat(folder.events()[0]["at"])).total_seconds()
        else:
            folder.write("stack.json", stack.model_dump_json(indent=1, exclude_unset=True) + "\n")
        Chain(root).enter(OPENED, folder.path, conclusion.record(opening, Verdict.UNKNOWN, NOT_ENDED))
        seal = None if sealed_by_runner else Seal(folder, root)

        def word(said: str) -> None:
            folder.event("link", said=said)
            console.line(f"▲ {said}")

        try:
            link = Link(stack.host, local_path(stack.ssh_config) if stack.ssh_config else None, word)
            folder.event("connected", host=stack.host)
            converse(link, hide_known(stack))
        except RollbackError as error:
            folder.event("refused", error=str(error))
            if not opening.resumed:
                folder.write_record(conclusion.record(opening, Verdict.REFUSED, str(error)))
            if seal:
                seal.close()
            raise
        return cls(stack, opening, folder, link, console, started, seal)

    # -- the headings of a notebook ---------------------------------------------------------------------------------

    def document(self, **options: Any) -> Any:
        """What is true now: the procedure's facts and one probe of every route, asked side by side."""
        with self._guarded("document"):
            looked = conclusion.side_by_side(self._eyes.look_once)
            now = self._converse(self._procedure.document(self.stack, **options), lambda found: self._folder.event("facts", **found))
            return replace(now, probes=looked())

    def examine(self, now: Any, target: str = "", **options: Any) -> Any:
        """The target as the host knows it: `target`, or what the procedure chooses. Raises TargetRefused."""
        with self._guarded("examine"):
            known = self._plan.target if self.opening.resumed and self._plan else ""
            chosen = self._converse(self._procedure.examine(now, target or known, **options))
            self._folder.event("target", asked=target, chosen=chosen.name, why=chosen.why)
            return chosen

    def plan(self, now: Any, target: Any, **options: Any) -> Plan:
        """The procedure's plan from `now` to `target`; that of an incident which was opened again is the one it has. Raises
        Refused where something would be lost."""
        with self._guarded("plan"):
            if self.opening.resumed and self._plan:
                return self._plan
            return self._procedure.plan(now, target, incident=self.id, **options)

    def confirm(self, plan: Plan, confirm: object = "") -> None:
        """Save the plan; open the gate when `confirm` is the host's name, or ask the person who sits here."""
        with self._guarded("confirm"):
            if self.opening.resumed and self._confirmed == plan.hash:
                self._console.line("Confirmed before, in this incident: the cells below go on with it.")
                return
            self._plan = plan
            self._folder.write("plan.json", conclusion.shown_clean(plan).json() + "\n")
            self._folder.write("plan.sh", plan.shell())
            self._folder.write("undo.sh", plan.undo_shell())
            self._folder.write("plan.diff", clean(plan.diff))
            self._folder.event("plan", hash=plan.hash, target=plan.target, nothing_to_do=plan.nothing_to_do)
            self._check_reviewed(plan)
            host = self.stack.host
            if self.opening.mode == "plan":
                self._console.line("mode is “plan”: the cells below look and say what they would do, and change nothing.")
            elif plan.nothing_to_do:
                self._console.line("The target is what runs: there is nothing to confirm.")
            elif confirm == host:
                self._open_gate(plan, "parameter")
                self._console.line(f"Confirmed for {host}: the cells below change it.")
            elif confirm:
                raise NotConfirmed(f"confirm is {confirm!r}, but the host is {host!r}; give confirm={host} to change it")
            elif not self._console.gate(
                host, f"Type the host's name, {host}, to let the cells below change it. Until then they refuse.",
                lambda: self._open_gate(plan, "person"),
            ):  # fmt: skip
                raise NotConfirmed(f"mode is apply, but nobody confirmed; give confirm={host} to change that host")

    def look(self, dialogue: Dialogue[T]) -> T:
        """Ask the host what a procedure wants to know in the middle of a run, and show it."""
        with self._guarded("look"):
            try:
                found = self._converse(dialogue)
            except TargetRefused as error:
                if self._plan is None or self._touched or not self._done:
                    raise  # nothing was made beside the stack, or it is in use
                raise TargetRefused(f"{error}; {self._clean_up(self._plan)}") from None
            self._folder.event("looked", found=found)
            self._console.show(found)
            return found

    def accept(self, plan: Plan, loss: Loss, accepted: object = "") -> None:
        """Let the steps run that lose what `loss` lists: `accepted` by a parameter, or by the person who sits here."""
        with self._guarded("accept"):
            if self._touched and self._accepted == plan.hash:
                self._console.line("Accepted before, in this incident.")
                return
            self._accepted = ""  # this list, and no earlier one
            if self.opening.mode == "plan":
                self._console.line("mode is “plan”: nothing is lost; this is what would have to be accepted.")
            elif not loss.restored:
                raise Refused("nothing is restored yet, so there is no list to accept; run the cells above first")
            elif accepted in (True, "true"):
                self._accept(plan, loss, "parameter")
                self._console.line("Accepted by the parameter: the next cells lose what the list says.")
            elif not self._console.gate(
                loss.name, f"Type {loss.name} to accept what the list above says is lost. Until then the cells below refuse.",
                lambda: self._accept(plan, loss, "person"),
            ):  # fmt: skip
                self._clean_up(plan)
                raise NotConfirmed("nobody accepted what would be lost; read the list above, then run again with accept_loss=true")

    def apply(self, step: Step) -> None:
        """Run one step of the plan on the host; a step that is done is not done again, one that runs there is attached to."""
        with self._guarded(step.name):
            if step.skip:
                self._console.line(f"Not needed: {step.skip}.")
            elif self.opening.mode == "plan":
                self._console.line(f"Plan only, not run ({len(step.commands)} command{'s' if len(step.commands) > 1 else ''}):")
                for command in step.commands:
                    self._console.line(f"  {command}")
            elif self._plan is not None and (self._plan.hash, step.name) in self._done:
                self._console.line("Done already in this incident; not done again.")
            else:
                plan = self._check_gate(step)
                self._take(plan)
                if step.touches and not self._touched:
                    self._check_assumed(plan)
                    if self.opening.revert_after:
                        self._hand.arm(self.opening.revert_after, plan.undo, plan.hash)
                if step.unless_healthy and self._eyes.healthy_soon():
                    self._console.line("Not needed: every route passes by itself.")
                else:
                    self._apply(plan, step)

    def verify(self, plan: Plan) -> Verification:
        """Effect and health. Raises Failed, after an undo when that was asked for, unless both are as they should be."""
        with self._guarded("verify"):
            applied = self._touched or (self.opening.mode == "apply" and plan.nothing_to_do)
            self._eyes.open()
            healthy, effects = self._eyes.await_effects(plan) if applied else (self._eyes.healthy(), ())
            probes = self._eyes.close()
            self._verified = Verification(
                effects, healthy, self.stack.health.passes, probes, tuple(self._marks), outage(probes), applied
            )  # fmt: skip
            self._console.show(self._verified)
            self._folder.event(
                "verified", ok=self._verified.ok, healthy=healthy, effects=[effect.__dict__ | {"ok": effect.ok} for effect in effects]
            )
            if applied and not self._verified.ok:
                self._not_verified(plan, self._verified)
            if self._hand.armed and not self._hand.disarm():
                self._undone(plan, f"{self.stack.host} undid the rollback by itself before it was verified")
            return self._verified

    def close(self) -> Closing:
        """The verdict, written to the record; the lock is released and the connection closed."""
        with self._guarded("close"):
            self._conclude(*self._judge())
            self._let_go()
            self._link.close()
            if self._seal:
                self._seal.close()
            return Closing(self._verdict, self._reason, self._seconds(), self.opening.budget, self._folder.path, self._next_actions())

    # -- going on with an incident ----------------------------------------------------------------------------------

    def standing(self) -> Standing:
        """How far the incident came, and the routes as they are."""
        with self._guarded("standing"):
            states = conclusion.steps(self._plan, self._done, self._story.begun) if self._plan else {}
            return Standing(tuple(states.items()), self._eyes.look_once())

    def go_on(self) -> None:
        """All steps that are not done, up to Verify; or the rest of an undo that had begun. Raises what `apply` raises."""
        plan = self.saved_plan
        if any(step.name in self._story.begun for step in plan.undo):
            with self._guarded("undo"):
                self._take(plan)
                self._undo(plan, "the run was cut off while it undid the rollback")
        with self._guarded("take up"):
            self._take(plan)
        for step in plan.steps:
            if step.name != AFTERWARDS:
                self._console.line(f"● {step.title}")
                self.apply(step)

    def remember(self) -> None:
        """The step that comes after Verify, where the plan has it."""
        for step in self._plan.steps if self._plan else ():
            if step.name == AFTERWARDS:
                self.apply(step)

    @property
    def saved_plan(self) -> Plan:
        """The plan that the incident was confirmed for. Raises Refused where it came not so far."""
        if self._plan is None:
            raise Refused("the incident has no plan yet; run its procedure anew")
        return self._plan

    def _take_up(self) -> None:
        """What happened before: from the events, and, for what they do not know the end of, from the host."""
        file = self._folder.path / "plan.json"
        if not file.exists():
            return
        self._plan = Plan.from_json(file.read_text())
        jobs = self._link.jobs(self.stack.state, self.id)
        story = Story.of(self._folder.events())
        for step in story.cut:
            state, status = jobs.get(story.jobs[step], (JobState.NEVER, None))
            self._folder.event("job-found", step=step, job=story.jobs[step], plan=self._plan.hash, state=state, status=status)
        self._story = story = Story.of(self._folder.events())
        self._hand.know(jobs)
        self._done, self._touched = story.done, story.touched
        self._confirmed, self._accepted = story.confirmed, story.accepted
        self._hand.armed = datetime.fromisoformat(story.armed) if story.armed else None

    def _check_taken_up(self, plan: Plan, last: str) -> None:
        """Whether the host is as the incident left it. Raises Drifted."""
        if last not in (self._story.last, self.id):
            raise Drifted(
                f"incident {last} ran on {self.stack.host} after this one was cut off; look at what it did, and plan anew or undo by hand"
            )
        halves = [step.name for step in plan.steps if step.name in self._story.begun and (plan.hash, step.name) not in self._done]
        if not self._touched or halves:
            return  # nothing is changed yet, which is looked at before the first change; or something is half done, and in between
        moved = self._eyes.strange(plan)
        if moved:
            raise Drifted(
                f"{self.stack.host} is neither as it was before this incident nor as that left it: "
                f"{'; '.join(effect.words for effect in moved)}; plan anew"
            )

    # -- the gate ---------------------------------------------------------------------------------------------------

    def _open_gate(self, plan: Plan, by: str) -> None:
        self._confirmed = plan.hash
        self._folder.event("confirmed", plan=plan.hash, by=by, who=self.opening.who, host=self.stack.host)

    def _accept(self, plan: Plan, loss: Loss, by: str) -> None:
        self._accepted = plan.hash
        self._folder.event("accepted", plan=plan.hash, loss=loss.hash, by=by, who=self.opening.who)

    def _check_reviewed(self, plan: Plan) -> None:
        reviewed = self.opening.reviewed
        if self.opening.mode != "apply" or reviewed in ("", plan.hash):
            return
        differences = earlier.differences(incidents_root(), reviewed, plan)
        for line in differences:
            self._console.line(line)
        more = "the lines above differ" if differences else "no record has that one, so what moved cannot be shown"
        raise Drifted(f"the plan is {plan.hash} by now, and {reviewed} was reviewed: {more}; review this one, then run with its hash")

    def _check_gate(self, step: Step) -> Plan:
        if self._ended:
            raise Refused(f"this run has ended as {self._verdict}; open a new one to go on")
        if self._plan is None or all(planned is not step for planned in self._plan.steps):
            raise Refused(f"the step {step.name!r} is not of the plan that was confirmed; run the cells Plan and Confirm again")
        if self._confirmed != self._plan.hash:
            raise NotConfirmed(f"not confirmed: type the host's name, {self.stack.host}, in the box above, then run this cell again")
        if step.loses and self._accepted != self._plan.hash:
            raise NotConfirmed("not accepted: type the database's name in the box below the list of losses, then run this cell again")
        if any(undo.name in self._story.begun for undo in self._plan.undo):
            raise Refused(f"this incident is being undone; finish that with `rollback resume {self.id}`")
        if step.sends and step.send is None:
            raise Refused(f"{step.sends} are in no record, so this incident cannot go on; nothing that serves was touched: run it anew")
        return self._plan

    def _take(self, plan: Plan) -> None:
        taken = self._hand.take(take_over=self.opening.take_over)
        if taken is not None and self.opening.resumed and self._story.begun:
            if self._hand.reverted():
                self._undone(plan, f"{self.stack.host} undid the rollback by itself, as nobody came back in time")
            self._check_taken_up(plan, taken.last)

    def _check_assumed(self, plan: Plan) -> None:
        """Whether the host is as the plan assumed, just before its first change. Raises Drifted."""
        moved = self._eyes.moved(plan)
        self._folder.event("assumed", moved=[effect.__dict__ for effect in moved])
        if moved:
            words = "; ".join(f"{effect.name} was {effect.asked} when this was planned, and is {effect.found}" for effect in moved)
            raise Drifted(f"{self.stack.host} has changed since the plan was made: {words}; {self._clean_up(plan)}; plan anew")

    # -- running steps ----------------------------------------------------------------------------------------------

    def _apply(self, plan: Plan, step: Step) -> None:
        first = step.touches and not self._touched
        if first:
            self._eyes.open()
        self._touched = self._touched or step.touches
        try:
            result = self._run(plan, step)
        except KeyboardInterrupt:
            if not step.touches and self._hand.end(step) and not self._touched:
                raise KeyboardInterrupt(f"stopped in step {step.name}, which was ended on the host; {self._clean_up(plan)}") from None
            raise
        if result.status == 0:
            self._done.add((plan.hash, step.name))
            return
        sentence = f"step {step.name} failed on {self.stack.host}, {said(result, step.deadline)}"
        if self._verified and self._verified.ok:
            self._console.line(f"▲ {sentence}; the rollback itself is verified and stands.")
        elif first and step.atomic and self._eyes.as_before(plan):
            if self._hand.armed:
                self._hand.disarm()
            raise Failed(f"{sentence}; it does all or nothing, and {self._clean_up(plan)}", restored=True)
        elif self._touched:
            self._fail(plan, sentence)
        else:
            raise TargetRefused(f"{sentence}; nothing that serves was touched, and {self._clean_up(plan)}")

    def _clean_up(self, plan: Plan) -> str:
        """Remove what the run made beside the stack; in words, how that went."""
        result = self._link.run(script(plan.cleanup), deadline=CLEANUP)
        if result.status == 0:
            return "the host is as it was"
        self._folder.event("cleanup-failed", status=result.status)
        return f"what this run made beside it could not all be removed ({said(result, CLEANUP)})"

    def _run(self, plan: Plan, step: Step) -> Result:
        self._marks.append((datetime.now(UTC), step.name))
        result = self._hand.run(step, plan.hash)
        sign = "✔ done" if result.status == 0 else "✘ failed"
        self._console.line(f"{sign} in {result.seconds:.1f} s; {self._seconds():.1f} s of {self.opening.budget:.0f} s used")
        return result

    def _converse(self, dialogue: Dialogue[T], on_answers: Callable[[dict[str, Any]], None] = lambda _: None) -> T:
        return converse(self._link, dialogue, on_answers)

    # -- when it fails ----------------------------------------------------------------------------------------------

    def _not_verified(self, plan: Plan, seen: Verification) -> None:
        wrong = [effect.words for effect in seen.effects if not effect.ok]
        if not seen.healthy:
            failing = sorted({probe.route for probe in seen.probes[-2 * len(self.stack.routes) :] if not probe.ok})
            wrong.append(
                f"{', '.join(failing) or 'a route'} did not pass {seen.wanted} probes in a row in {self.stack.health.deadline:.0f} s"
            )
        if plan.nothing_to_do:
            raise TargetRefused(f"the target is what runs already, and it is not well: {'; '.join(wrong)}; choose another target")
        self._fail(plan, f"not verified: {'; '.join(wrong)}")

    def _fail(self, plan: Plan, sentence: str) -> None:
        """The rollback failed after it touched the host: undo it when that was asked for, and say where that leaves us."""
        self._folder.event("failed", error=sentence)
        if self._hand.reverted():
            self._undone(plan, f"{sentence}; {self.stack.host} undid the rollback by itself")
        if self.opening.on_failure == "undo":
            self._console.line(f"✘ {sentence}")
            self._console.line("Undoing, as on_failure asks:")
            self._undo(plan, sentence)
        way = f"{self.stack.host} undoes it by itself at {self._hand.armed:%H:%M:%S} UTC" if self._hand.armed else "the way back is undo.sh"
        raise Failed(f"{sentence}; the host is changed in part: `rollback resume {self.id}` goes on from there, {way}", restored=False)

    def _undo(self, plan: Plan, sentence: str) -> None:
        """Undo the rollback, unless the host has done so by itself. Always raises Failed."""
        if self._hand.armed is None or self._hand.disarm():
            for step in plan.undo:
                if (plan.hash, step.name) in self._done or (step.unless_healthy and self._eyes.healthy_soon()):
                    continue
                result = self._run(plan, step)
                if result.status != 0:
                    raise Failed(
                        f"{sentence}; the undo failed as well at {step.name}, {said(result, step.deadline)}: a person is needed",
                        restored=False,
                    )
        self._undone(plan, sentence)

    def _undone(self, plan: Plan, sentence: str) -> None:
        """Say whether the host is back where it was. Always raises Failed."""
        effects = self._eyes.undone(plan)
        self._folder.event("undone", effects=[effect.__dict__ | {"ok": effect.ok} for effect in effects])
        wrong = [effect.words for effect in effects if not effect.ok]
        if wrong:
            raise Failed(f"{sentence}; after the undo {'; '.join(wrong)}: a person is needed", restored=False)
        raise Failed(f"{sentence}; undone: the host is back in the state before this run", restored=True)

    # -- the record -------------------------------------------------------------------------------------------------

    @contextmanager
    def _guarded(self, cell: str) -> Iterator[None]:
        """Whatever ends a cell early is in the record before it is shown."""
        if self._seal:
            self._seal.open()
        try:
            yield
        except BaseException as error:
            reason = str(error) or conclusion.WORDS.get(type(error), type(error).__name__)
            if not isinstance(error, ParameterError):
                self._folder.event("error", cell=cell, type=type(error).__name__, error=reason)
            verdict = conclusion.verdict_of(error, touched=self._touched, unsure=self._hand.unsure, verified=self._verified)
            if verdict is Verdict.UNKNOWN:
                reason = f"{reason}; a step may be running on {self.stack.host} still: `rollback resume {self.id}` tells, and goes on"
            self._ended = self._ended or verdict in (Verdict.PARTLY, Verdict.RESTORED, Verdict.UNKNOWN)
            self._conclude(verdict, reason)
            if self._verdict is not Verdict.REFUSED:
                self._eyes.close()
            if self._verdict is not Verdict.UNKNOWN:
                self._let_go()
            raise

    def _let_go(self) -> None:
        """Release the lock, unless the host is to undo by itself: nobody else is to change it before that."""
        if self._hand.armed is None:
            self._hand.release()

    def _judge(self) -> tuple[Verdict, str]:
        """The verdict of a run that came to its end."""
        if self._ended:
            return self._verdict, self._reason
        return conclusion.judge(self.opening.mode, self._plan, self._verified, touched=self._touched)

    def _conclude(self, verdict: Verdict, reason: str) -> None:
        self._verdict, self._reason = verdict, reason
        self._folder.event("verdict", verdict=verdict, reason=reason)
        self._write_record()

    def _write_record(self) -> None:
        extra: dict[str, Any] = {"seconds": round(self._seconds(), 3)}
        if self._plan:
            begun = Story.of(self._folder.events()).begun
            extra |= {
                "target": self._plan.target,
                "plan": self._plan.hash,
                "before": self._plan.before,
                "steps": conclusion.steps(self._plan, self._done, begun),
            }
        if self._verified:
            extra |= {
                "healthy": self._verified.healthy, "outage_seconds": round(self._verified.outage, 3),
                "effects": [effect.__dict__ | {"ok": effect.ok} for effect in self._verified.effects],
            }  # fmt: skip
        extra["next"] = self._next_actions()
        self._folder.write_record(conclusion.record(self.opening, self._verdict, self._reason) | extra)

    def _seconds(self) -> float:
        return time.monotonic() - self._started

    def _next_actions(self) -> tuple[str, ...]:
        return conclusion.next_actions(self.opening, self.stack, self._plan, self._verdict, self._folder.path)
