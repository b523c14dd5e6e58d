"""The hand on the host: everything that changes it goes through here, under the lock of its stack, as jobs that outlive us."""

import threading
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from rollback_lib.commands.command import script
from rollback_lib.errors import GuardFailed, LinkLost, Locked, LockLost, NotStarted, Refused, RollbackError
from rollback_lib.host import lock
from rollback_lib.host.connection import Result
from rollback_lib.host.ending import Ending
from rollback_lib.host.jobs import Job, JobState
from rollback_lib.host.link import Link
from rollback_lib.host.lock import Owner, Taking
from rollback_lib.host.output import KEEP
from rollback_lib.host.stream import LONGEST, Lines
from rollback_lib.plan.plan import Plan, Step
from rollback_lib.record.folder import Folder
from rollback_lib.run import auto_revert
from rollback_lib.run.stages import Opening
from rollback_lib.secrets.redactor import Redactor
from rollback_lib.secrets.secret import Key, Secret

SHOWN_LINES = 60  # of a step's output in the notebook; the record's file has more
TAIL_LINES = 15


class Console(Protocol):
    """Where a run is watched: lines as they come, things to look at, and the gate for a person."""

    def hide(self, redactor: Redactor) -> None:
        """Show nothing of what this one knows to be secret."""
        ...

    def line(self, text: str) -> None: ...
    def show(self, thing: object) -> None: ...
    def gate(self, word: str, said: str, on_confirmed: Callable[[], None]) -> bool:
        """Ask for `word` to be typed, saying what that lets happen; False where nobody can be asked."""
        ...

    def follow(self, run: "Followed") -> AbstractContextManager[None]:
        """Let a person follow what happens inside of it, and stop it."""
        ...


class Followed(Protocol):
    """A run as a person follows it. `stopping` tells that it was asked to stop before its next step."""

    @property
    def opening(self) -> Opening: ...
    @property
    def plan(self) -> Plan | None: ...
    @property
    def stopping(self) -> bool: ...
    def seconds(self) -> float: ...
    def events(self) -> list[dict[str, Any]]: ...
    def stop(self) -> None: ...
    def cut_short(self) -> bool: ...


class Executor:
    """The lock of a stack on its host, and the jobs that run under it. `state` is the stack's folder there."""

    def __init__(self, link: Link, key: Key, state: str, owner: Owner, folder: Folder, console: Console) -> None:
        self._link = link
        self._key = key
        self._state = state
        self._owner = owner
        self._folder = folder
        self._console = console
        self._attempts: dict[str, int] = {}
        self._held = False
        self._lost = False
        self._stop = threading.Event()
        self._running: Job | None = None
        self.cut: set[str] = set()  # steps that a person cut short
        self.armed: datetime | None = None

    @property
    def unsure(self) -> bool:
        """Whether a job may be running of which no end was heard."""
        return self._running is not None

    def other(self) -> str:
        """Who else holds the stack, in words, as it is now; "" for nobody."""
        try:
            found = lock.read_holder(self._link.run(script((lock.look(self._state),))).out)
        except (ValueError, LookupError, TypeError):
            return "somebody, in words that cannot be understood"
        return found.words if found and found.incident != self._owner.incident else ""

    def take(self, *, take_over: bool) -> lock.Taken | None:
        """Take the lock, unless it is ours already. Raises Locked, naming who holds it; LockLost where someone took it."""
        if self._lost:
            raise LockLost(f"{self._owner.incident} lost its hold of the stack to another run; look at what that one did")
        if self._held:
            return None
        result = self._link.run(script((lock.take(self._state, self._owner, take_over=take_over),)), send=Secret(self._key.reveal().hex()))
        if result.status != 0:
            lines = result.err.strip().splitlines() or ["it said nothing"]
            raise Refused(
                f"the lock of this stack could not be taken in {self._state} on {self._link.alias} ({lines[-1]}); "
                "it needs flock, a disk with room, and the right to write there"
            )
        try:
            taken = lock.read_taken(result.out, result.err)
        except (ValueError, LookupError, TypeError):
            raise Refused(
                f"{self._link.alias} gave an answer about its lock that cannot be understood; look at {self._state}/lock"
            ) from None
        self._folder.event("lock", how=taken.how, other=taken.other, until=taken.until, running=taken.running, last=taken.last)
        if taken.how is Taking.HELD and taken.other and taken.until:
            runs = f"; its step {', '.join(taken.running)} runs there still" if taken.running else ""
            raise Locked(
                f"{self._link.alias} is held by {taken.other.words}{runs}; ask them. If that run is dead, "
                f"`rollback resume {taken.other.incident}` goes on with it; else wait until {taken.until:%H:%M:%S} UTC and longer if it "
                "lives, or take over (--take-over, take_over=true)"
            )
        if taken.other and taken.how is not Taking.TAKEN:
            word = "Taken over from" if taken.how is Taking.TAKEN_OVER else "The lease had ended of"
            self._console.line(f"▲ {word} {taken.other.words}.")
        self._key.adopt(taken.key)
        self._held = True
        self._stop.clear()
        threading.Thread(target=self._renew, daemon=True).start()
        return taken

    def release(self) -> None:
        """Let go of the lock, if we have it. A host that cannot be reached frees it when the lease ends."""
        if not self._held:
            return
        self._stop.set()
        self._held = False
        with suppress(RollbackError):
            self._link.run_once(script((lock.release(self._state, self._owner.incident),)), deadline=10)
            self._folder.event("lock", how="released")

    def know(self, jobs: dict[str, tuple[JobState, Ending | None]]) -> None:
        """Take notice of jobs that earlier runs of this incident started: another attempt gets a name of its own."""
        for name, (_, ending) in jobs.items():
            step, _, number = name.partition(".")
            spent = ending is not None and not ending.ok
            tried = int(number or 1)
            self._attempts[step] = max(self._attempts.get(step, 0), tried if spent else tried - 1)

    def run(self, step: Step, plan: str, *, quietly: bool = False) -> Result:
        """Run the step's commands as one job, which stops at the first that fails, or attach to it where it runs already.
        What it says comes freed of secrets, in the result, too. `plan` is the plan's hash. Raises NotStarted, GuardFailed where a
        guard kept it from running, LockLost, LinkLost."""
        attempt = self._attempts.get(step.name, 0)
        self.cut.discard(step.name)
        name = step.name if attempt == 0 else f"{step.name}.{attempt + 1}"
        if self.armed:
            step = replace(step, guards=(auto_revert.guard(self._state, self._owner.incident), *step.guards))
        commands = "exec 2>&1\n" + script(step.script, marked=True)
        job = Job(self._state, self._owner.incident, name, commands, step.deadline, step.send)
        self._folder.event(
            "step-begin", step=step.name, job=name, plan=plan, touches=step.touches, commands=[str(command) for command in step.script]
        )
        view = _View(step, self._console, self._folder.redactor)
        lines = Lines(view.line, view.command)
        self._running = job
        try:
            result = self._link.run_job(job, lock.LEASE, lines.feed)
        except LockLost:
            self._held, self._lost = False, True
            self._stop.set()
            raise
        except NotStarted as error:
            self._running = None
            self._folder.event("step-not-started", step=step.name, job=name, plan=plan, error=str(error))
            raise
        lines.end()
        kept = view.end()
        self._running = None
        if result.status != 0:
            self._attempts[step.name] = attempt + 1
        (self._folder.path / "output").mkdir(mode=0o700, exist_ok=True)
        self._folder.write(f"output/{name}.txt", kept)
        if result.status != 0 and 0 < view.begun <= len(step.guards):
            why = (kept.strip().splitlines() or ["it said nothing"])[-1]
            self._folder.event("step-not-started", step=step.name, job=name, plan=plan, error=why)
            raise GuardFailed(f"step {step.name} was not started on {self._link.alias}: {why}")
        self._folder.event(
            "step-end", step=step.name, job=name, plan=plan, ending=result.ending, seconds=round(result.seconds, 3), begun=view.begun,
            of=len(step.script), bytes_not_kept=view.dropped, last_lines=kept.splitlines()[-TAIL_LINES:],
        )  # fmt: skip
        return replace(result, out=kept)

    def end(self, step: Step) -> bool:
        """End the job of that step, which is running, with its children; whether it is known to have ended."""
        job = self._running
        if job is None or not job.name.startswith(step.name):
            return False
        try:
            result = self._link.run(job.end(), deadline=30)
        except LinkLost:
            return False
        self._running = None
        self._attempts[step.name] = self._attempts.get(step.name, 0) + 1
        self._folder.event("step-ended", step=step.name, job=job.name, known=result.status == 0)
        return result.status == 0

    def cut_short(self, who: str) -> bool:
        """End the job that runs, from another thread: its step fails. Whether it is known to have ended."""
        job = self._running
        if job is None:
            return False
        self.cut.add(job.name.partition(".")[0])
        self._folder.event("step-cut-short", job=job.name, by=who)
        return self._link.run(job.end(), deadline=30).status == 0

    def arm(self, seconds: float, undo: tuple[Step, ...], plan: str) -> None:
        """Let the host undo by itself in so many seconds, unless `disarm` comes first."""
        job = auto_revert.job(self._state, self._owner.incident, seconds, undo)
        result = self._link.run_job(job, lock.LEASE, None)
        if result.status != 0:
            raise Refused(f"the switch that undoes by itself could not be set on {self._link.alias}; nothing was changed")
        until = datetime.now(UTC) + timedelta(seconds=seconds)
        self.armed = until
        self._folder.event("armed", plan=plan, seconds=seconds, until=until.isoformat(timespec="seconds"))
        self._console.line(f"● Unless this run comes to health, {self._link.alias} undoes it by itself at {until:%H:%M:%S} UTC.")

    def disarm(self) -> bool:
        """Keep the host from undoing by itself; False where it has begun, and then it has come to its end by now."""
        result = self._link.run(script((auto_revert.decide(self._state, self._owner.incident),)))
        self._folder.event("disarmed", decided="run" if result.status == 0 else "host")
        self.armed = None
        if result.status == 0:
            return True
        self._await_revert()
        return False

    def reverted(self) -> bool:
        """Whether the host has begun to undo by itself; if so, it has come to its end by now."""
        if self.armed is None or self._link.run(script((auto_revert.decided_by_host(self._state, self._owner.incident),))).status != 0:
            return False
        self.armed = None
        self._await_revert()
        return True

    def _await_revert(self) -> None:
        self._console.line(f"▲ {self._link.alias} undoes by itself: its time had come.")
        self._link.run_job(auto_revert.job(self._state, self._owner.incident, 0, ()), lock.LEASE, lambda _: None)

    def _renew(self) -> None:
        while not self._stop.wait(lock.RENEWAL):
            with suppress(RollbackError):  # without a connection the lease runs on; the next step renews it as it starts
                result = self._link.run_once(script((lock.renew(self._state, self._owner.incident),)), deadline=10)
                if result.status == 3 and not self._stop.is_set():
                    self._folder.event("lock", how="lost", at_renewal=datetime.now(UTC).isoformat())
                    self._held, self._lost = False, True
                    return


class _View:
    """Shows the first lines as they come, and the last ones at the end; counts the commands that have begun; keeps beginning and
    end in bounded memory. Here secrets are taken out, once for the screen and for the record."""

    def __init__(self, step: Step, console: Console, redactor: Redactor) -> None:
        self._step = step
        self._console = console
        self._redactor = redactor
        self._clean = redactor.stream()
        self._head: list[str] = []
        self._head_size = 0
        # Lines after the beginning as they came, and whether each was inside a private key: only the last are ever read.
        self._tail: deque[tuple[str, int, bool]] = deque()
        self._tail_size = 0
        self._lines = 0
        self.begun = 0
        self.dropped = 0

    def command(self, number: int) -> None:
        self.begun = number + 1
        self._console.line(f"$ {self._step.script[number]}")

    def line(self, text: str, dropped: int) -> None:
        self._lines += 1
        self.dropped += dropped
        if self._head_size < KEEP and not self._tail:
            cleaned = _shortened(self._clean.line(text), dropped)
            if cleaned is not None:
                self._head.append(cleaned)
                self._head_size += len(cleaned) + 1
                if len(self._head) <= SHOWN_LINES:
                    self._console.line(f"  {cleaned}")
            return
        self._tail.append((text, dropped, self._clean.in_key))
        self._clean.skip(text)
        self._tail_size += len(text) + 1
        while self._tail_size > KEEP and len(self._tail) > 1:
            gone, _, _ = self._tail.popleft()
            self._tail_size -= len(gone) + 1
            self.dropped += len(gone) + 1

    def end(self) -> str:
        """All that is kept, after the last lines were shown."""
        stream = self._redactor.stream(in_key=self._tail[0][2] if self._tail else False)
        cleaned = (_shortened(stream.line(text), dropped) for text, dropped, _ in self._tail)
        tail = [line for line in cleaned if line is not None]
        gap = [f"… {self.dropped:,} bytes of output are not kept …"] if self.dropped else []
        last = [*self._head[SHOWN_LINES:], *tail][-TAIL_LINES:]
        hidden = self._lines - min(len(self._head), SHOWN_LINES) - len(last)
        if hidden > 0:
            self._console.line(
                f"  … {hidden:,} lines are not shown; output/{self._step.name}.txt of the record has the beginning and the end …"
            )
        for text in last:
            self._console.line(f"  {text}")
        return "".join(f"{line}\n" for line in (*self._head, *gap, *tail))


def _shortened(cleaned: str | None, dropped: int) -> str | None:
    """A line as long as it may be; `dropped` bytes of it were let go before."""
    if cleaned is None:
        return None
    rest = dropped + max(0, len(cleaned) - LONGEST)
    return cleaned[:LONGEST] + (f" … {rest:,} more bytes of this line" if rest else "")
