"""Incident: one run of one procedure, from opening to its verdict: open → document → confirm → apply → verify → close."""

import getpass
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from rollback_lib.checks import check
from rollback_lib.command import script
from rollback_lib.errors import CommandFailed, Failed, LinkLost, NotConfirmed, ParameterError, Refused, RollbackError, TargetRefused
from rollback_lib.facts.ask import converse
from rollback_lib.facts.fact import Dialogue
from rollback_lib.health import Prober, Watch
from rollback_lib.host.connect import connect
from rollback_lib.host.connection import Connection, Result, said
from rollback_lib.plan import Effect, Loss, Plan, Step
from rollback_lib.probe import Probe, outage
from rollback_lib.procedures import PROCEDURES
from rollback_lib.record.folder import FOLDER_VARIABLE, Folder, incidents_root
from rollback_lib.record.history import usual_seconds
from rollback_lib.record.redaction import clean
from rollback_lib.record.verdict import Verdict
from rollback_lib.running import Console, run_step
from rollback_lib.stack import Stack, local_path
from rollback_lib.stages import Closing, Opening, Verification

T = TypeVar("T")
CLEANUP = 30.0  # seconds
RECONNECT = 10.0  # seconds in which services are to connect again by themselves


class Incident:
    """One run. Make it with `open`; its methods are the headings of a notebook, in that order."""

    def __init__(
        self, stack: Stack, opening: Opening, folder: Folder, connection: Connection, console: Console, started: float
    ) -> None:  # fmt: skip
        self.stack = stack
        self.opening = opening
        self.id = opening.incident
        self._folder = folder
        self._connection = connection
        self._console = console
        self._procedure = PROCEDURES[opening.procedure]
        self._started = started
        self._plan: Plan | None = None
        self._confirmed = ""  # the hash of the plan that was confirmed: another plan needs a confirmation of its own
        self._accepted = ""  # the same for what the plan loses
        self._done: set[tuple[str, str]] = set()  # plan and step
        self._touched = False
        self._ended = False
        self._watch: Watch | None = None
        self._marks: list[tuple[datetime, str]] = []
        self._verified: Verification | None = None
        self._verdict = Verdict.UNKNOWN
        self._reason = "the run has not ended"
        self._write_record()

    @classmethod
    def open(
        cls, procedure: str, stack: "str | Path | Mapping[str, Any] | Stack", *, console: Console,
        mode: str = "plan", on_failure: str = "stop", reason: str = "", **parameters: object,
    ) -> "Incident":  # fmt: skip
        """Check the parameters, the procedure's own too; make the record's folder, connect. Nothing on the host changes.

        Raises ParameterError before anything is contacted, ConnectionRefused when the host cannot be used.
        """
        started = time.monotonic()
        loaded = check(procedure, stack, mode=mode, on_failure=on_failure, reason=reason, **parameters)
        root = incidents_root()
        given = os.environ.pop(FOLDER_VARIABLE, None)
        folder = Folder(Path(given)) if given else Folder.create(procedure, root)
        opening = Opening(
            incident=folder.id, procedure=procedure, stack=loaded.name, host=loaded.host, who=f"{getpass.getuser()}@{socket.gethostname()}",
            mode=mode, on_failure=on_failure, reason=reason, parameters=parameters, folder=folder.path,
            budget=getattr(loaded.budgets, procedure),
            usual=tuple(usual_seconds(root, procedure, loaded.name)),
        )  # fmt: skip
        folder.event("open", **{**opening.__dict__, "folder": str(folder.path)})
        try:
            connection = connect(loaded.host, local_path(loaded.ssh_config) if loaded.ssh_config else None)
        except RollbackError as error:
            folder.event("refused", error=str(error))
            folder.write_record(_record(opening, Verdict.REFUSED, str(error)))
            raise
        folder.event("connected", host=loaded.host)
        return cls(loaded, opening, folder, connection, console, started)

    def document(self, **options: Any) -> Any:
        """What is true now: the procedure's facts and one probe of every route, asked side by side."""
        with self._guarded("document"):
            with ThreadPoolExecutor(len(self.stack.routes)) as pool:
                probes = [pool.submit(_probe_once, route, self.stack.health.timeout) for route in self.stack.routes]
                now = self._converse(self._procedure.document(self.stack, **options), lambda found: self._folder.event("facts", **found))
                looked = tuple(probe.result() for probe in probes)
            for probe in looked:
                self._on_probe(probe)
            return replace(now, probes=looked)

    def examine(self, now: Any, target: str = "", **options: Any) -> Any:
        """The target as the host knows it: `target`, or what the procedure chooses. Raises TargetRefused."""
        with self._guarded("examine"):
            chosen = self._converse(self._procedure.examine(now, target, **options))
            self._folder.event("target", asked=target, chosen=chosen.name, why=chosen.why)
            return chosen

    def plan(self, now: Any, target: Any, **options: Any) -> Plan:
        """The procedure's plan from `now` to `target`. Raises Refused where something would be lost."""
        with self._guarded("plan"):
            return self._procedure.plan(now, target, incident=self.id, **options)

    def confirm(self, plan: Plan, confirm: object = "") -> None:
        """Save the plan; open the gate when `confirm` is the host's name, or ask the person who sits here."""
        with self._guarded("confirm"):
            self._plan = plan
            self._folder.write("plan.sh", plan.shell())
            self._folder.write("undo.sh", plan.undo_shell())
            self._folder.write("plan.diff", clean(plan.diff))
            self._folder.event("plan", hash=plan.hash, target=plan.target, nothing_to_do=plan.nothing_to_do)
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
        """Run one step of the plan on the host; a step that is done is not done again."""
        with self._guarded(step.name):
            if step.skip:
                self._console.line(f"Not needed: {step.skip}.")
            elif self.opening.mode == "plan":
                self._console.line(f"Plan only, not run ({len(step.commands)} command{'s' if len(step.commands) > 1 else ''}):")
                for command in step.commands:
                    self._console.line(f"  {command}")
            elif self._plan is not None and (self._plan.hash, step.name) in self._done:
                self._console.line("Done already in this run; not done again.")
            else:
                self._check_gate(step)
                if step.unless_healthy and self._healthy_soon():
                    self._console.line("Not needed: every route passes by itself.")
                else:
                    self._apply(step)

    def verify(self, plan: Plan) -> Verification:
        """Effect and health. Raises Failed, after an undo when that was asked for, unless both are as they should be."""
        with self._guarded("verify"):
            applied = self._touched or (self.opening.mode == "apply" and plan.nothing_to_do)
            since = datetime.now(UTC)
            watch = self._begin_watch()
            if applied:
                healthy, effects = self._await_effects(plan, watch, since)
            else:
                healthy, effects = watch.until_looked(), ()
            watch.stop()
            probes = tuple(watch.probes)
            self._verified = Verification(
                effects, healthy, self.stack.health.passes, probes, tuple(self._marks), outage(probes), applied
            )  # fmt: skip
            self._watch = None
            self._console.show(self._verified)
            self._folder.event(
                "verified", ok=self._verified.ok, healthy=healthy, effects=[effect.__dict__ | {"ok": effect.ok} for effect in effects]
            )
            if applied and not self._verified.ok:
                self._not_verified(plan, self._verified)
            return self._verified

    def close(self) -> Closing:
        """The verdict, written to the record; the connection is closed."""
        with self._guarded("close"):
            self._conclude(*self._judge())
            self._connection.close()
            return Closing(self._verdict, self._reason, self._seconds(), self.opening.budget, self._folder.path, self._next_actions())

    # -- the gate ---------------------------------------------------------------------------------------------------

    def _open_gate(self, plan: Plan, by: str) -> None:
        self._confirmed = plan.hash
        self._folder.event("confirmed", plan=plan.hash, by=by, who=self.opening.who, host=self.stack.host)

    def _accept(self, plan: Plan, loss: Loss, by: str) -> None:
        self._accepted = plan.hash
        self._folder.event("accepted", plan=plan.hash, loss=loss.hash, by=by, who=self.opening.who)

    def _check_gate(self, step: Step) -> None:
        if self._ended:
            raise Refused(f"this run has ended as {self._verdict}; open a new one to go on")
        if self._plan is None or all(planned is not step for planned in self._plan.steps):
            raise Refused(f"the step {step.name!r} is not of the plan that was confirmed; run the cells Plan and Confirm again")
        if self._confirmed != self._plan.hash:
            raise NotConfirmed(f"not confirmed: type the host's name, {self.stack.host}, in the box above, then run this cell again")
        if step.loses and self._accepted != self._plan.hash:
            raise NotConfirmed("not accepted: type the database's name in the box below the list of losses, then run this cell again")

    # -- running steps ----------------------------------------------------------------------------------------------

    def _apply(self, step: Step) -> None:
        assert self._plan is not None
        first = step.touches and not self._touched
        if first:
            self._begin_watch()
        self._touched = self._touched or step.touches
        result = self._run(step)
        if result.status == 0:
            self._done.add((self._plan.hash, step.name))
            return
        sentence = f"step {step.name} failed on {self.stack.host}, {said(result, step.deadline)}"
        if self._verified and self._verified.ok:
            self._console.line(f"▲ {sentence}; the rollback itself is verified and stands.")
        elif first and step.atomic and self._as_before(self._plan):
            raise Failed(f"{sentence}; it does all or nothing, and {self._clean_up(self._plan)}", restored=True)
        elif self._touched:
            self._fail(self._plan, sentence)
        else:
            raise TargetRefused(f"{sentence}; nothing that serves was touched, and {self._clean_up(self._plan)}")

    def _clean_up(self, plan: Plan) -> str:
        """Remove what the run made beside the stack; in words, how that went."""
        result = self._connection.run(script(plan.cleanup), deadline=CLEANUP)
        if result.status == 0:
            return "the host is as it was"
        self._folder.event("cleanup-failed", status=result.status)
        return f"what this run made beside it could not all be removed ({said(result, CLEANUP)})"

    def _as_before(self, plan: Plan) -> bool:
        try:
            return all(effect.ok for effect in self._converse(self._procedure.undo_effects(self.stack, plan)))
        except Refused:
            return False

    def _healthy_soon(self) -> bool:
        """Whether the routes come back by themselves."""
        return self._begin_watch().until_healthy(datetime.now(UTC), RECONNECT)

    def _run(self, step: Step) -> Result:
        self._marks.append((datetime.now(UTC), step.name))
        result = run_step(step, self._connection, self._folder, self._console)
        sign = "✔ done" if result.status == 0 else "✘ failed"
        self._console.line(f"{sign} in {result.seconds:.1f} s; {self._seconds():.1f} s of {self.opening.budget:.0f} s used")
        return result

    # -- verifying --------------------------------------------------------------------------------------------------

    def _begin_watch(self) -> Watch:
        if self._watch is None:
            self._watch = Watch(self.stack.routes, self.stack.health, self._on_probe).start()
        return self._watch

    def _on_probe(self, probe: Probe) -> None:
        self._folder.event(
            "probe",
            route=probe.route,
            ok=probe.ok,
            status=probe.status,
            ms=round(probe.seconds * 1000),
            said="" if probe.ok else probe.words,
        )

    def _converse(self, dialogue: Dialogue[T], on_answers: Callable[[dict[str, Any]], None] = lambda _: None) -> T:
        return converse(self._connection, dialogue, on_answers)

    def _await_effects(self, plan: Plan, watch: Watch, since: datetime) -> tuple[bool, tuple[Effect, ...]]:
        """Health, and the effects, looked at meanwhile; what was not yet as it should be is looked at again after it."""
        with ThreadPoolExecutor(1) as pool:
            early = pool.submit(self._look, plan)
            healthy = watch.until_healthy(since)
            effects = early.result()
        until = time.monotonic() + self.stack.health.deadline
        while healthy and any(not effect.ok for effect in effects):
            effects = self._look(plan)
            if time.monotonic() > until or not any(effect.settles for effect in effects if not effect.ok):
                break
        return healthy, effects if healthy else self._look(plan)

    def _look(self, plan: Plan) -> tuple[Effect, ...]:
        return tuple(self._converse(self._procedure.effects(self.stack, plan)))

    def _not_verified(self, plan: Plan, seen: Verification) -> None:
        wrong = [f"{effect.name} is {effect.found}, not {effect.asked}" for effect in seen.effects if not effect.ok]
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
        if self.opening.on_failure != "undo":
            raise Failed(f"{sentence}; the host is changed in part: read {self._folder.path}/undo.sh, the way back", restored=False)
        self._console.line(f"✘ {sentence}")
        self._console.line("Undoing, as on_failure asks:")
        for step in plan.undo:
            if step.unless_healthy and self._healthy_soon():
                continue
            result = self._run(step)
            if result.status != 0:
                raise Failed(
                    f"{sentence}; the undo failed as well at {step.name}, {said(result, step.deadline)}: a person is needed", restored=False
                )
        effects = self._converse(self._procedure.undo_effects(self.stack, plan))
        self._folder.event("undone", effects=[effect.__dict__ | {"ok": effect.ok} for effect in effects])
        wrong = [f"{effect.name} is {effect.found}, not {effect.asked}" for effect in effects if not effect.ok]
        if wrong:
            raise Failed(f"{sentence}; after the undo {'; '.join(wrong)}: a person is needed", restored=False)
        raise Failed(f"{sentence}; undone: the host is back in the state before this run", restored=True)

    # -- the record -------------------------------------------------------------------------------------------------

    @contextmanager
    def _guarded(self, cell: str) -> Iterator[None]:
        """Whatever ends a cell early is in the record before it is shown."""
        try:
            yield
        except BaseException as error:
            reason = str(error) or type(error).__name__
            if not isinstance(error, ParameterError):
                self._folder.event("error", cell=cell, type=type(error).__name__, error=reason)
            verdict = self._verdict_of(error)
            self._ended = self._ended or verdict in (Verdict.PARTLY, Verdict.RESTORED, Verdict.UNKNOWN)
            self._conclude(verdict, reason)
            if self._watch is not None and self._verdict is not Verdict.REFUSED:
                self._watch.stop()
                self._watch = None
            raise

    def _verdict_of(self, error: BaseException) -> Verdict:
        if isinstance(error, Failed):
            return Verdict.RESTORED if error.restored else Verdict.PARTLY
        if self._touched and isinstance(error, LinkLost | KeyboardInterrupt | CommandFailed):
            return Verdict.UNKNOWN
        if self._touched and not (self._verified and self._verified.ok):
            return Verdict.PARTLY
        if self._verified and self._verified.ok and self._verified.applied:
            return Verdict.SUCCEEDED
        return Verdict.REFUSED if isinstance(error, RollbackError) else Verdict.ABORTED

    def _judge(self) -> tuple[Verdict, str]:
        """The verdict of a run that came to its end."""
        if self._ended:
            return self._verdict, self._reason
        seen = self._verified
        if self.opening.mode == "plan":
            return Verdict.PLANNED, "planned only; the host was not changed"
        if self._plan is not None and self._plan.nothing_to_do and seen and seen.ok:
            return Verdict.NOTHING_TO_DO, "the target is what runs, and it is healthy"
        if self._touched and seen and seen.ok:
            return Verdict.SUCCEEDED, "the effect is the one asked for, and every route is healthy"
        if self._touched:
            return Verdict.PARTLY, "steps were applied, but not verified"
        return Verdict.REFUSED, "no step was applied"

    def _conclude(self, verdict: Verdict, reason: str) -> None:
        self._verdict, self._reason = verdict, reason
        self._folder.event("verdict", verdict=verdict, reason=reason)
        self._write_record()

    def _write_record(self) -> None:
        extra: dict[str, Any] = {"seconds": round(self._seconds(), 3)}
        if self._plan:
            extra |= {
                "target": self._plan.target,
                "plan": self._plan.hash,
                "before": self._plan.before,
                "steps_done": sorted(step for plan, step in self._done if plan == self._plan.hash),
            }
        if self._verified:
            extra |= {
                "healthy": self._verified.healthy, "outage_seconds": round(self._verified.outage, 3),
                "effects": [effect.__dict__ | {"ok": effect.ok} for effect in self._verified.effects],
            }  # fmt: skip
        self._folder.write_record(_record(self.opening, self._verdict, self._reason) | extra)

    def _seconds(self) -> float:
        return time.monotonic() - self._started

    def _next_actions(self) -> tuple[str, ...]:
        host, procedure = self.stack.host, self.opening.procedure
        config = f"-F {local_path(self.stack.ssh_config)} " if self.stack.ssh_config else ""
        way_back = f"ssh {config}{host} sh -s <{self._folder.path}/undo.sh"
        if self._verdict is Verdict.PLANNED:
            return (
                f"To apply: set mode to apply and confirm to {host}, here or with `rollback run {procedure} … --apply --confirm {host}`.",
            )
        if self._verdict is Verdict.SUCCEEDED:
            notes = self._plan.notes if self._plan else ()
            return (*notes, f"To take this rollback back: `{way_back}`.")
        if self._verdict in (Verdict.PARTLY, Verdict.UNKNOWN):
            return (f"Look at {host} yourself; the way back is `{way_back}`.",)
        return ()


def _probe_once(route: Any, timeout: float) -> Probe:
    prober = Prober(route, timeout)
    try:
        return prober.probe()
    finally:
        prober.close()


def _record(opening: Opening, verdict: Verdict, reason: str) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {
        "verdict": verdict, "status": verdict.status, "reason": reason, "written": now.isoformat(timespec="seconds"),
        **{name: value for name, value in opening.__dict__.items() if name not in ("folder", "usual", "reason")},
        "because": opening.reason,
    }  # fmt: skip
