"""A run: the objects it works with, and its record. Every event is written to the record first; the state is read from there."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

from rollback_lib.errors import ParameterError, Paused
from rollback_lib.facts import files
from rollback_lib.facts.account import Account
from rollback_lib.facts.host import Host
from rollback_lib.facts.live import Answered, LiveHost
from rollback_lib.health.headers import Values
from rollback_lib.health.outage import Outages
from rollback_lib.host.jobs import JobState
from rollback_lib.host.link import Link
from rollback_lib.host.lock import Owner
from rollback_lib.plan.plan import Plan
from rollback_lib.procedures import registry
from rollback_lib.record.folder import EVENTS, Folder
from rollback_lib.record.log import Growing
from rollback_lib.record.state import RunState
from rollback_lib.record.verdict import Verdict
from rollback_lib.report import summary
from rollback_lib.run import notify, outcome
from rollback_lib.run.auto_revert import AutoRevert
from rollback_lib.run.console import Console
from rollback_lib.run.executor import Executor
from rollback_lib.run.monitor import Monitor
from rollback_lib.run.notify import Notifier
from rollback_lib.run.sealing import Seal
from rollback_lib.run.stack_lock import StackLock
from rollback_lib.run.stages import Opening
from rollback_lib.secrets.secret import Key
from rollback_lib.stack.model import Stack
from rollback_lib.text import times

T = TypeVar("T")


class Run:
    """One run of one procedure.

    `plan` is the plan that was confirmed or is waiting for it. `started` is the monotonic time at which the incident was first
    opened. `account` is the user that is logged in on the host. `seal` is None if the runner seals the record; it does so once it
    has added the notebook. `values` are the values of the stack's references, by reference.
    """

    def __init__(
        self, stack: Stack, opening: Opening, folder: Folder, link: Link, key: Key, console: Console, started: float,
        account: Account, seal: Seal | None = None, values: Values | None = None,
    ) -> None:  # fmt: skip
        self.stack = stack
        self.opening = opening
        self.folder = folder
        self.link = link
        self.key = key
        self.console = console
        self.procedure = registry.procedure(opening.procedure)
        self.started = started
        self._events = Growing(folder.path / EVENTS)
        self.account = account
        self.seal = seal
        owner = Owner.now(opening.incident, opening.procedure, opening.who, opening.reason)
        self.lock = StackLock(link, key, stack.state, owner, folder, console)
        self.executor = Executor(link, stack.state, self.lock, folder, console)
        self.auto_revert = AutoRevert(link, stack.state, folder, console)
        self.monitor = Monitor(stack, self.procedure, self.host, folder, values)
        self.notifier = Notifier(stack.notify, folder, self._of_host, console.line)
        self.plan: Plan | None = None
        if opening.resumed:
            self._load()
        self.write_record()

    @property
    def state(self) -> RunState:
        """How far the run is, according to the events of its record."""
        return self.folder.state

    def host(self, on_answers: Callable[[Answered], None] = lambda _: None, *, once: bool = False) -> Host:
        """A host that one thread can ask. `on_answers` is called after each round trip with its facts and answers. With `once`, it is sent
        no question twice."""
        return LiveHost(self.link, self.folder.redactor, self.key, on_answers, once=once)

    @contextmanager
    def guarded(self, cell: str) -> Iterator[None]:
        """Write an error that ends this cell to the record before it is shown. A verdict that is already final is not replaced.

        Raises Refused if the record is closed, or another run has resumed the incident; and whatever the cell raises."""
        if self.seal:
            self.seal.check_open()
        try:
            yield
        except Paused:
            raise  # the run has not ended
        except BaseException as error:
            self._fail(cell, error)
            raise

    def _fail(self, cell: str, error: BaseException) -> None:
        reason = str(error) or outcome.WORDS.get(type(error), type(error).__name__)
        if not isinstance(error, ParameterError):
            self.folder.event("error", cell=cell, type=type(error).__name__, error=reason)
        if not self.state.ended:
            verdict = outcome.verdict_of(error, self.state)
            if verdict is Verdict.UNKNOWN:
                resume = f"`rollback resume {self.opening.incident}` finds out, and continues"
                doubt = f"a step may still be running on {self.stack.host}" if self.state.unheard else "the state of the stack was not seen"
                reason = f"{reason}; {doubt}: {resume if self.plan and self.plan.touches else 'run it again'}"
            self.conclude(verdict, reason)
        if self.state.verdict is not Verdict.REFUSED:
            self.monitor.close()
        if self.state.verdict is not Verdict.UNKNOWN:
            self.release_lock()
        self.notify_end()

    def release_lock(self) -> None:
        """Release the lock, unless the host will undo the rollback by itself: nobody else may change it before that."""
        if self.state.armed is None:
            self.lock.release(outcome.told(self.state))

    def notify_end(self) -> None:
        """Notify people how the run ended, if they were notified that it began."""
        if self.state.told in ("", notify.ASKED):
            self.notifier.wait()
            return
        verdict = self.state.verdict
        sign = "✔" if verdict.status == 0 else "✘"
        took = times.about(self.seconds())
        self.notifier.tell(verdict, f"{sign} {self.called}: {verdict}, {self.state.reason} ({took})", self.opening.incident)
        self.notifier.wait()

    @property
    def called(self) -> str:
        """What this run is called in notifications."""
        where = f"of {self.stack.name} on {self.stack.host}"
        what = f"rollback {where} to {self.plan.target}" if self.plan else where
        without = f", WITHOUT APPROVAL ({self.state.break_glass})" if self.state.break_glass else ""
        return f"{self.opening.procedure} {what}, {self.opening.incident}{without}"

    def conclude(self, verdict: Verdict, reason: str) -> None:
        """Write the verdict to the record. A later verdict replaces it."""
        self.folder.event("verdict", verdict=verdict, reason=reason)
        self.write_record()

    def reopen(self) -> None:
        """Withdraw the verdict of a refusal, as the run continues. A step that was refused, for example because nothing was confirmed
        yet, does not end the run."""
        if self.state.verdict is not Verdict.UNKNOWN:
            self.folder.event("goes-on")
            self.write_record()

    def events(self) -> list[dict[str, Any]]:
        """The events in its record so far."""
        return self._events.entries()

    def outages(self) -> Outages:
        """Since when routes fail, and for how long they failed because of this run, according to the record so far."""
        return summary.outages(self.events())

    def stop(self) -> None:
        """Stop before the next step."""
        self.folder.event("stop-asked", by=self.opening.who)

    def cut_short(self) -> bool:
        """End the running step at once; it then counts as failed. True if a step was running and is known to have ended. Raises
        LinkLost."""
        return self.executor.cut_short(self.opening.who)

    def check_stopped(self, what: str) -> None:
        """Raises Paused if a person asked to stop, once for each request. `what` names what would come next."""
        if self.state.stopping:
            self.folder.event("paused", before=what)
            raise Paused(f"stopped before {what}, as you asked; {self.left()}. Run this cell again to continue")

    def left(self) -> str:
        """In words, the state in which the run has left the host so far."""
        return outcome.left(self.state, self.stack.host)

    def seconds(self) -> float:
        """Seconds since the incident was first opened; or since a person confirmed the plan, as the budget does not count their reading."""
        agreed = self.state.agreed
        return (datetime.now(UTC) - agreed).total_seconds() if agreed else time.monotonic() - self.started

    def next_actions(self) -> tuple[str, ...]:
        """What a person should do next, a sentence each."""
        if self.state.found:
            return self.state.found.next
        if self.state.verdict is Verdict.REFUSED and self.state.asking and self.plan:
            return outcome.to_approve(self.opening, self.plan, self.state.asking)
        return outcome.next_actions(self.opening, self.stack, self.plan, self.state.verdict, self.folder.path)

    def write_record(self) -> None:
        """Write record.json in its present state."""
        head = outcome.record(self.opening, self.state)
        told = {"seconds": round(self.seconds(), 3), **self.outages().data(), **outcome.detail(self.plan, self.state)}
        self.folder.write_record({**head, **told, "next": self.next_actions()})

    def _of_host(self, path: str) -> str | None:
        found = self.host().ask(files.file(path)).result()
        return found.content.reveal().decode(errors="replace") if found else None

    def _load(self) -> None:
        """Read the confirmed plan, and ask the host about the jobs whose end is not in the record.

        The host keeps jobs only for the time of its retention. What the record says of a job stays.
        """
        file = self.folder.path / "plan.json"
        if not file.exists():
            return
        self.plan = Plan.from_json(file.read_text())
        jobs = self.link.jobs(self.stack.state, self.opening.incident)
        for attempt in self.state.unheard:
            state, ending = jobs.get(attempt.job, (JobState.NEVER, None))
            self.folder.event("job-found", step=attempt.step, job=attempt.job, plan=self.plan.hash, state=state, ending=ending)
