"""A run: what is known of it, who looks and who acts for it, and its record, which is told of everything before anybody else."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeVar

from rollback_lib.errors import ParameterError, Paused
from rollback_lib.facts import files
from rollback_lib.facts.account import Account
from rollback_lib.facts.ask import ask, converse
from rollback_lib.facts.fact import Dialogue
from rollback_lib.health.outage import Outages
from rollback_lib.host.jobs import JobState
from rollback_lib.host.link import Link
from rollback_lib.host.lock import Owner
from rollback_lib.plan.plan import Plan
from rollback_lib.procedures import PROCEDURES
from rollback_lib.record.folder import Folder
from rollback_lib.record.state import RunState
from rollback_lib.record.verdict import NOT_ENDED, Verdict
from rollback_lib.report import summary
from rollback_lib.run import outcome
from rollback_lib.run.executor import Console, Executor
from rollback_lib.run.monitor import Monitor
from rollback_lib.run.notify import Notifier
from rollback_lib.run.sealing import Seal
from rollback_lib.run.stages import Conclusion, Opening, Verification
from rollback_lib.secrets.secret import Key
from rollback_lib.stack.model import Stack

T = TypeVar("T")


class Run:
    """One run of one procedure. `plan` is the one that is to be confirmed or was; `done` are plan and step of all that is done;
    `touched` tells that the stack was changed, `ended` that nothing more may be done in this run."""

    def __init__(
        self, stack: Stack, opening: Opening, folder: Folder, link: Link, key: Key, console: Console, started: float,
        account: Account, seal: Seal | None = None,
    ) -> None:  # fmt: skip
        self.stack = stack
        self.opening = opening
        self.folder = folder
        self.link = link
        self.key = key
        self.console = console
        self.procedure = PROCEDURES[opening.procedure]
        self.started = started
        self.account = account  # whom we are logged in as
        self.seal = seal  # None where the runner seals the record, after the notebook is in it
        owner = Owner.now(opening.incident, opening.procedure, opening.who, opening.reason)
        self.executor = Executor(link, key, stack.state, owner, folder, console)
        self.monitor = Monitor(stack, self.procedure, self.converse, folder)
        self.plan: Plan | None = None
        self.notifier = Notifier(stack.notify, folder, self._of_host, console.line)
        self.documented = False  # whether the state is in the record
        self.state = RunState()  # what happened before this process opened the incident
        self.confirmed = ""  # the hash of the plan that was confirmed: another plan needs a confirmation of its own
        self.accepted = ""  # the same for what the plan loses
        self.done: set[tuple[str, str]] = set()  # plan and step
        self.passed_over: set[str] = set()  # steps for a condition that was not met
        self.touched = False
        self.ended = False
        self.stopping = False  # a person wants it to stop before the next step
        self.marks: list[tuple[datetime, str]] = []
        self.verified: Verification | None = None
        self.outcome: Conclusion | None = None  # of a run that only looks
        self.after: tuple[str, ...] = ()  # what to do next, of a finding
        self.verdict = Verdict.UNKNOWN
        self.reason = NOT_ENDED
        if opening.resumed:
            self._take_up()
        self._write_record()

    def converse(self, dialogue: Dialogue[T], on_answers: Callable[[dict[str, Any]], None] = lambda _: None) -> T:
        """Lead a dialogue with the host to its end. Raises Refused, LinkLost."""
        return converse(self.link, dialogue, self.folder.redactor, self.key, on_answers)

    @contextmanager
    def guarded(self, cell: str) -> Iterator[None]:
        """Whatever ends a cell early is in the record before it is shown."""
        if self.seal:
            self.seal.check_open()
        try:
            yield
        except BaseException as error:
            reason = str(error) or outcome.WORDS.get(type(error), type(error).__name__)
            if not isinstance(error, ParameterError):
                self.folder.event("error", cell=cell, type=type(error).__name__, error=reason)
            verdict = outcome.verdict_of(error, touched=self.touched, unsure=self.executor.unsure, verified=self.verified)
            if verdict is Verdict.UNKNOWN:
                resume = f"`rollback resume {self.opening.incident}`"
                reason = f"{reason}; a step may be running on {self.stack.host} still: {resume} tells, and goes on"
            if isinstance(error, Paused):
                raise  # it has not ended
            self.ended = self.ended or verdict in (Verdict.PARTLY, Verdict.RESTORED, Verdict.UNKNOWN)
            self.conclude(verdict, reason)
            if self.verdict is not Verdict.REFUSED:
                self.monitor.close()
            if self.verdict is not Verdict.UNKNOWN:
                self.let_go()
            self.tell_end()
            raise

    def let_go(self) -> None:
        """Release the lock, unless the host is to undo by itself: nobody else is to change it before that."""
        if self.executor.armed is None:
            self.executor.release()

    def tell_end(self) -> None:
        """Tell people how it ended, if they were told that it began."""
        if not self.notifier.told:
            return
        sign = "✔" if self.verdict.status == 0 else "✘"
        said = f"{sign} {self.called}: {self.verdict}, {self.reason} ({self.seconds():.0f} s)"
        self.notifier.tell(self.verdict, said, self.opening.incident)
        self.notifier.wait()

    @property
    def called(self) -> str:
        """What this run is called where people are told of it."""
        target = f" to {self.plan.target}" if self.plan else ""
        return f"{self.opening.procedure} rollback of {self.stack.name} on {self.stack.host}{target}, {self.opening.incident}"

    def judge(self) -> tuple[Verdict, str]:
        """The verdict of a run that came to its end."""
        if self.ended:
            return self.verdict, self.reason
        if self.outcome:
            return self.outcome.verdict, self.outcome.reason
        return outcome.judge(self.opening.mode, self.plan, self.verified, touched=self.touched)

    def conclude(self, verdict: Verdict, reason: str) -> None:
        """Let this be the verdict, in the record, too; a later one takes its place."""
        self.verdict, self.reason = verdict, reason
        self.folder.event("verdict", verdict=verdict, reason=reason)
        self._write_record()

    def events(self) -> list[dict[str, Any]]:
        """What its record has of it so far."""
        return self.folder.events()

    def outages(self) -> Outages:
        """Since when routes failed, and for how long by this run, as its record has it so far."""
        return summary.outages(self.events())

    def stop(self) -> None:
        """Stop before the next step."""
        self.stopping = True
        self.folder.event("stop-asked", by=self.opening.who)

    def cut_short(self) -> bool:
        """End the step that runs, now: it fails, and what follows from that is as for any other that fails. Whether there was one,
        and it is known to have ended. Raises LinkLost."""
        return self.executor.cut_short(self.opening.who)

    def check_stopped(self, what: str) -> None:
        """Raises Paused, once, when a person wanted to stop; `what` would come next."""
        if self.stopping:
            self.stopping = False
            raise Paused(f"stopped before {what}, as you asked; {self.left()}. Run this cell again to go on")

    def left(self) -> str:
        """What state it left the host in, so far."""
        return outcome.left(self.verdict, self.stack.host, touched=self.touched, unsure=self.executor.unsure)

    def goes_on(self) -> None:
        """A run that was refused for a while, as before it was confirmed, has not ended when it goes on; its record says so first."""
        if self.verdict is not Verdict.UNKNOWN:
            self.conclude(Verdict.UNKNOWN, NOT_ENDED)

    def seconds(self) -> float:
        """Since the incident was opened first."""
        return time.monotonic() - self.started

    def next_actions(self) -> tuple[str, ...]:
        """What is left to do for a person."""
        if self.outcome:
            return self.after
        return outcome.next_actions(self.opening, self.stack, self.plan, self.verdict, self.folder.path)

    def _of_host(self, path: str) -> str | None:
        found: files.File | None = ask(self.link, {"file": files.file(path)}, self.folder.redactor, self.key)["file"]
        return found.content.reveal().decode(errors="replace") if found else None

    def _take_up(self) -> None:
        """What happened before: from the events, and, for what they do not know the end of, from the host."""
        file = self.folder.path / "plan.json"
        if not file.exists():
            return
        self.plan = Plan.from_json(file.read_text())
        jobs = self.link.jobs(self.stack.state, self.opening.incident)
        story = RunState.of(self.folder.events())
        for step in story.cut:
            state, ending = jobs.get(story.jobs[step], (JobState.NEVER, None))
            self.folder.event("job-found", step=step, job=story.jobs[step], plan=self.plan.hash, state=state, ending=ending)
        self.state = story = RunState.of(self.folder.events())
        # The host forgets its jobs in time (retention); what the record knows of them is kept, so that no output is written over.
        ended = {story.jobs[step]: (JobState.ENDED, status) for step, status in story.begun.items() if status is not None}
        self.executor.know(ended | jobs)
        self.done, self.touched = story.done, story.touched
        self.notifier.told = story.told
        self.confirmed = story.confirmed
        # What is lost was accepted as it was then; a step that has not begun since needs it anew.
        self.accepted = story.accepted if any(step.loses and step.name in story.begun for step in self.plan.steps) else ""
        self.executor.armed = datetime.fromisoformat(story.armed) if story.armed else None

    def _write_record(self) -> None:
        extra: dict[str, Any] = {"seconds": round(self.seconds(), 3), **self.outages().data()}
        if self.plan:
            begun = RunState.of(self.folder.events()).begun
            extra |= {
                "target": self.plan.target,
                "plan": self.plan.hash,
                "before": self.plan.before,
                "steps": outcome.steps(self.plan, self.done, begun),
            }
        if self.verified:
            extra |= {
                "healthy": self.verified.healthy,
                "effects": [effect.__dict__ | {"ok": effect.ok} for effect in self.verified.effects],
            }
        if self.outcome:
            extra["found"] = self.outcome.data()
        extra["next"] = self.next_actions()
        self.folder.write_record(outcome.record(self.opening, self.verdict, self.reason) | extra)
