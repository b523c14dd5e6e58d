"""A run: what it works with, and its record, which hears of everything first. Its state is that of the record."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from rollback_lib.errors import ParameterError, Paused
from rollback_lib.facts import files
from rollback_lib.facts.account import Account
from rollback_lib.facts.host import Host
from rollback_lib.facts.live import Heard, LiveHost
from rollback_lib.health.headers import Values
from rollback_lib.health.outage import Outages
from rollback_lib.host.jobs import JobState
from rollback_lib.host.link import Link
from rollback_lib.host.lock import Owner
from rollback_lib.plan.plan import Plan
from rollback_lib.procedures import registry
from rollback_lib.record.folder import Folder
from rollback_lib.record.state import RunState
from rollback_lib.record.verdict import Verdict
from rollback_lib.report import summary
from rollback_lib.run import outcome
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
    """One run of one procedure. `plan` is the one that is to be confirmed or was; `started` is when the incident was opened first, by
    the monotonic clock; `account` whom we are logged in as; `seal` is None where the runner seals the record, after the notebook is
    in it; `values` are those of the stack's references."""

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
            self._take_up()
        self.write_record()

    @property
    def state(self) -> RunState:
        """How far it is, by the events of its record."""
        return self.folder.state

    def host(self, on_answers: Callable[[Answered], None] = lambda _: None) -> Host:
        """A host that one thread can ask. `on_answers` is called after each round trip with its facts and answers."""
        return LiveHost(self.link, self.folder.redactor, self.key, on_answers)

    @contextmanager
    def guarded(self, cell: str) -> Iterator[None]:
        """Whatever ends a cell early is in the record before it is shown. A run that has ended stays as it ended."""
        if self.seal:
            self.seal.check_open()
        try:
            yield
        except Paused:
            raise  # it has not ended
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
            self.let_go()
        self.tell_end()

    def let_go(self) -> None:
        """Release the lock, unless the host is to undo by itself: nobody else is to change it before that."""
        if self.state.armed is None:
            self.lock.release()

    def tell_end(self) -> None:
        """Notify people how it ended, if they were notified that it began."""
        if not self.state.told:
            return
        verdict = self.state.verdict
        sign = "✔" if verdict.status == 0 else "✘"
        took = times.about(self.seconds())
        self.notifier.tell(verdict, f"{sign} {self.called}: {verdict}, {self.state.reason} ({took})", self.opening.incident)
        self.notifier.wait()

    @property
    def called(self) -> str:
        """What this run is called in notifications."""
        target = f" to {self.plan.target}" if self.plan else ""
        return f"{self.opening.procedure} rollback of {self.stack.name} on {self.stack.host}{target}, {self.opening.incident}"

    def conclude(self, verdict: Verdict, reason: str) -> None:
        """Set the verdict, in the record, too; a later one replaces it."""
        self.folder.event("verdict", verdict=verdict, reason=reason)
        self.write_record()

    def goes_on(self) -> None:
        """A run that was refused for a while, as before it was confirmed, has not ended when it continues; its record says so first."""
        if self.state.verdict is not Verdict.UNKNOWN:
            self.folder.event("goes-on")
            self.write_record()

    def events(self) -> list[dict[str, Any]]:
        """What its record has of it so far."""
        return self.folder.events()

    def outages(self) -> Outages:
        """Since when routes failed, and for how long by this run, as its record has it so far."""
        return summary.outages(self.events())

    def stop(self) -> None:
        """Stop before the next step."""
        self.folder.event("stop-asked", by=self.opening.who)

    def cut_short(self) -> bool:
        """End the step that runs, now: it fails, and what follows from that is as for any other that fails. Whether there was one,
        and it is known to have ended. Raises LinkLost."""
        return self.executor.cut_short(self.opening.who)

    def check_stopped(self, what: str) -> None:
        """Raises Paused, once, when a person wanted to stop; `what` would come next."""
        if self.state.stopping:
            self.folder.event("paused", before=what)
            raise Paused(f"stopped before {what}, as you asked; {self.left()}. Run this cell again to continue")

    def left(self) -> str:
        """What state it left the host in, so far."""
        return outcome.left(self.state, self.stack.host)

    def seconds(self) -> float:
        """Since the incident was opened first."""
        return time.monotonic() - self.started

    def next_actions(self) -> tuple[str, ...]:
        """What is left to do for a person."""
        if self.state.found:
            return self.state.found.next
        return outcome.next_actions(self.opening, self.stack, self.plan, self.state.verdict, self.folder.path)

    def write_record(self) -> None:
        """Write record.json as it is by now."""
        head = outcome.record(self.opening, self.state)
        told = {"seconds": round(self.seconds(), 3), **self.outages().data(), **outcome.detail(self.plan, self.state)}
        self.folder.write_record({**head, **told, "next": self.next_actions()})

    def _of_host(self, path: str) -> str | None:
        found = self.host().ask(files.file(path)).result()
        return found.content.reveal().decode(errors="replace") if found else None

    def _take_up(self) -> None:
        """The plan as it was confirmed, and from the host what the events do not know the end of. The host forgets its jobs in time
        (retention); what the record knows of them stays."""
        file = self.folder.path / "plan.json"
        if not file.exists():
            return
        self.plan = Plan.from_json(file.read_text())
        jobs = self.link.jobs(self.stack.state, self.opening.incident)
        for one in self.state.unheard:
            state, ending = jobs.get(one.job, (JobState.NEVER, None))
            self.folder.event("job-found", step=one.step, job=one.job, plan=self.plan.hash, state=state, ending=ending)
