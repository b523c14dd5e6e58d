"""From looks at the host to events of the kinds that the record of a run has, and a few of their own.

Only what is on the host is known: not what the run verifies, nor why it waits. How it ended it says itself, when it releases the lock.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from rollback_lib.host import lock
from rollback_lib.host.following import JobSeen, Seen
from rollback_lib.host.stream import Lines
from rollback_lib.plan.plan import Plan
from rollback_lib.plan.step import Step
from rollback_lib.record.verdict import Verdict

Event = dict[str, Any]
SWITCH = "revert"  # the job of the dead man's switch
SILENT = 1.5 * lock.RENEWAL  # seconds after which a lease that is not renewed is worth a word
UNTOLD = "how it ended is in its record"
CUT_OFF = "its run was killed or cut off"


def event(kind: str, at: datetime | None = None, **data: Any) -> Event:
    """An event as a record has it."""
    return {"at": (at or datetime.now(UTC)).isoformat(timespec="milliseconds"), "event": kind, **data}


@dataclass
class _Job:
    """What was told of a job: how many bytes of its output were taken, whether its end was told, and the events that wait to be told."""

    lines: Lines
    taken: int
    ended: bool = False
    waiting: list[Event] = field(default_factory=list)


class Run:
    """The run of the incident that holds the stack. `plan` is None where the host has none of it. `switch` is after how many seconds its
    dead man's switch undoes it, 0 if that cannot be told, None as long as nobody has asked."""

    def __init__(self, seen: Seen, plan: Plan | None) -> None:
        assert seen.owner is not None
        self.incident = seen.holder
        self.owner = seen.owner
        self.plan = plan
        self.switch: int | None = None
        self._jobs: dict[str, _Job] = {}
        self._pieces: dict[str, list[tuple[int, bytes]]] = {}  # of output that is not told yet, such as of a job not seen to begin
        self._silent = False
        self._decided = ""

    def opening(self, **known: Any) -> Iterator[Event]:
        """Who holds the stack and why, with what else is `known`; and the plan."""
        owner = self.owner
        about = {"incident": self.incident, "procedure": owner.procedure, "who": owner.who, "reason": owner.reason, "mode": "apply"}
        yield event("open", datetime.fromisoformat(owner.since), **about, **known)
        if self.plan:
            plan = self.plan
            yield event("plan", hash=plan.hash, target=plan.target, nothing_to_do=plan.nothing_to_do, plan=plan.plain())

    def take(self, seen: Seen) -> Iterator[Event]:
        """What is new in a look: steps that began, printed and ended; and whether the run is heard of."""
        if seen.incident != self.incident:
            return
        ahead = timedelta(seconds=datetime.now(UTC).timestamp() - seen.now)  # of our clock

        def when(there: float | None) -> datetime:
            return datetime.fromtimestamp(there if there is not None else seen.now, UTC) + ahead

        yield from self._of_switch(seen, when(seen.jobs[SWITCH].begun) if SWITCH in seen.jobs else None)
        for name, first, piece in seen.output:
            self._pieces.setdefault(name, []).append((first, piece))
        for name, job in seen.in_order:
            if name != SWITCH or seen.decided == "host":
                yield from self._of_job(name, job, when(job.begun), when(job.ended))
        silent = seen.until - seen.now < lock.LEASE - SILENT
        if silent != self._silent and seen.holder == self.incident:
            self._silent = silent
            yield event("silent" if silent else "heard", seconds=round(lock.LEASE - (seen.until - seen.now)))

    def ended(self, seen: Seen) -> Event | None:
        """How the run ended; None if it goes on."""
        if seen.holder and seen.holder != self.incident:
            owner = seen.owner
            by = f"{owner.who}, for a rollback of {owner.procedure}, in {owner.incident}" if owner else seen.holder
            return self._ended("replaced", Verdict.UNKNOWN, f"the stack is held by {by} now; {UNTOLD}")
        if any(not one.ended for one in self._jobs.values()) and not seen.lapsed:
            return None  # there is more of their output to come
        if seen.lapsed:
            how = "the host has undone it by itself" if self._decided == "host" else CUT_OFF
            return self._ended(
                "lapsed", Verdict.UNKNOWN, f"{how}, and its lease is over: `rollback resume {self.incident}` where its record is"
            )
        if seen.holder:
            return None
        try:
            told = seen.ended or {}
            return self._ended("released", Verdict(str(told["verdict"])), str(told["reason"]))
        except (ValueError, LookupError):
            return self._ended("released", Verdict.UNKNOWN, f"it has released the stack; {UNTOLD}")

    def _ended(self, how: str, verdict: Verdict, reason: str) -> Event:
        return event("ended", incident=self.incident, how=how, verdict=verdict, status=verdict.status, reason=reason)

    def _of_switch(self, seen: Seen, begun: datetime | None) -> Iterator[Event]:
        """The dead man's switch is set, and decided about."""
        if begun and SWITCH not in self._jobs and self.switch:
            self._jobs[SWITCH] = _Job(Lines(lambda *_: None, lambda _: None), 0, ended=True)
            yield event("armed", begun, until=(begun + timedelta(seconds=self.switch)).isoformat(timespec="seconds"))
        if seen.decided and not self._decided:
            self._decided = seen.decided
            self._jobs.pop(SWITCH, None)
            yield event("disarmed", decided=seen.decided)

    def _of_job(self, name: str, job: JobSeen, begun: datetime, ended: datetime) -> Iterator[Event]:
        pieces = self._pieces.pop(name, [])
        step = self._step(name.partition(".")[0])
        known = {"step": name.partition(".")[0], "job": name, "plan": self.plan.hash if self.plan else ""}
        if name not in self._jobs:
            flags = {"touches": bool(step and step.touches), "loses": bool(step and step.loses), "trial": bool(step and step.trial)}
            yield event("step-begin", begun, **known, **flags)
            # The output of a job that ended before anybody followed is not told.
            self._jobs[name] = self._new(known, step, pieces[0][0] if pieces else job.size)
        told = self._jobs[name]
        for first, piece in pieces:
            told.lines.feed(piece[max(0, told.taken - first) :])
            told.taken = max(told.taken, first + len(piece))
        over = job.ending is not None and told.taken >= job.size and not told.ended
        if over:
            told.lines.end()
        yield from told.waiting
        told.waiting.clear()
        if over:
            told.ended = True
            took = round(max(0.0, (ended - begun).total_seconds()), 3)
            yield event("step-end", ended, **known, ending=_plain(job), seconds=took, last_lines=[])

    def _new(self, known: Mapping[str, Any], step: Step | None, first: int) -> _Job:
        late = first > 0  # the beginning of its output is left out, and so is the line that is cut there

        def line(text: str, dropped: int) -> None:
            nonlocal late
            if late:
                late = False
                made.waiting.append(event("output-left-out", **known, bytes=first))
                return
            made.waiting.append(event("output", **known, line=text, dropped=dropped))

        def command(number: int) -> None:
            shift = 1 if SWITCH in self._jobs else 0  # a run with a switch puts a guard of its own in front of each step
            shown = step.script[number - shift].brief() if step and 0 <= number - shift < len(step.script) else ""
            if shown:
                made.waiting.append(event("command", **known, number=number - shift, command=shown))

        made = _Job(Lines(line, command), first)
        return made

    def _step(self, name: str) -> Step | None:
        steps = (*self.plan.steps, *self.plan.undo) if self.plan else ()
        return next((step for step in steps if step.name == name), None)


def _plain(job: JobSeen) -> Mapping[str, Any]:
    assert job.ending is not None
    return {"kind": job.ending.kind, "number": job.ending.number}
