"""The state of a run: what its events add up to. Who executes asks it, and so does who resumes the run or reads its record."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from signal import SIGTERM
from typing import Any

from rollback_lib.host.ending import Ending, Kind
from rollback_lib.record.verdict import NOT_ENDED, Verdict
from rollback_lib.text import times

RESUMED = "resumed"  # the event with which a process resumes an incident; a sealed record is written to only after it
_OWN = ("at", "event", "after", "verdict", "reason", "next")


@dataclass(frozen=True)
class Attempt:
    """A job of a step, by a plan (its hash), begun first at `begin`, with the commands it runs. `changes_stack`, `loses`: as its step
    does. `trial`: a failure of it is a finding. `ending` is None as long as no end was heard; then `end` is when it was heard, `lines`
    are the last it said, and `asked` means that somebody had to ask for it later, so that it may have ended before `end`.
    `refused`: a guard kept it from doing anything. `cut_short`: a person ended it."""

    step: str
    job: str
    plan: str
    begin: datetime
    commands: tuple[str, ...]
    changes_stack: bool
    loses: bool = False
    trial: bool = False
    ending: Ending | None = None
    end: datetime | None = None
    lines: tuple[str, ...] = ()
    asked: bool = False
    refused: bool = False
    cut_short: bool = False

    @property
    def heard(self) -> bool:
        """Whether its end was."""
        return self.ending is not None

    @property
    def ok(self) -> bool:
        """Whether it is known to have done what it was to do."""
        return self.ending is not None and self.ending.ok

    @property
    def done(self) -> bool:
        """Whether the step need not run again."""
        return self.ok or (self.heard and self.trial)

    @property
    def spent(self) -> bool:
        """Whether another attempt at the step needs a job of another name."""
        return self.refused or (self.heard and not self.ok)

    @property
    def words(self) -> str:
        """How it ended."""
        if self.ending is None:
            return "its end is not known"
        return "done" if self.ending.ok else self.ending.words

    @property
    def took(self) -> str:
        """How long it took; "" as long as no end was heard."""
        if self.end is None:
            return ""
        return f"{'at most ' if self.asked else ''}{times.exactly((self.end - self.begin).total_seconds())}"


@dataclass(frozen=True)
class Verified:
    """What the verification found. `applied`: the run had changed the host, or had nothing to change. `ill` are the routes whose last
    probe failed; `all_routes`: all of them had to pass. `effects` are as in the event."""

    ok: bool
    healthy: bool
    applied: bool
    ill: tuple[str, ...]
    all_routes: bool
    effects: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Found:
    """What a run that only looks has come to: its verdict, why, what to do next, and what of it is kept in the record."""

    verdict: Verdict
    reason: str
    next: tuple[str, ...]
    data: Mapping[str, Any]


@dataclass
class RunState:
    """`documented`: facts of the host are in the record. `confirmed` and `accepted` are hashes of plans, "" for none. `armed` is until
    when the host waits before it undoes by itself, None when it does not. `last` is the incident that had the lock before this one.
    `attempts` are the jobs that began, by name, in their order; `passed_over` the steps whose condition was not met. `told` is the
    newest word that people were told; `cleaned`: what was made beside the stack was removed; `stopping`: a person asked to stop
    before the next step; `ended`: nothing more may be done in this run."""

    documented: bool = False
    confirmed: str = ""
    accepted: str = ""
    armed: datetime | None = None
    last: str = ""
    told: str = ""
    cleaned: bool = False
    stopping: bool = False
    attempts: dict[str, Attempt] = field(default_factory=dict)
    passed_over: set[str] = field(default_factory=set)
    verified: Verified | None = None
    found: Found | None = None
    verdict: Verdict = Verdict.UNKNOWN
    reason: str = NOT_ENDED
    ended: bool = False

    @classmethod
    def of(cls, events: Iterable[Mapping[str, Any]]) -> "RunState":
        """The state after these events, in their order."""
        state = cls()
        for event in events:
            state.apply(event)
        return state

    def apply(self, event: Mapping[str, Any]) -> None:
        """Take the next event into account. Kinds that are not named here change nothing."""
        match event.get("event"):
            case "resumed":
                self._resume()
            case "facts":
                self.documented = True
            case "lock":
                self._lock(event)
            case "confirmed":
                self.confirmed = event["plan"]
            case "loss-shown":
                self.accepted = ""
            case "accepted":
                self.accepted = event["plan"]
            case "armed":
                self.armed = datetime.fromisoformat(event["until"])
            case "disarmed":
                self.armed = None
            case "telling" | "told":  # older records have only how it went
                self.told = event["word"] if event["event"] == "telling" else self.told or event["word"]
            case "step-begin":
                self._begin(event)
            case "step-not-started":
                self._not_started(event)
            case "step-end":
                self._end(event, ending(event))
            case "step-ended" if event["known"]:
                self._end(event, Ending(Kind.SIGNAL, SIGTERM))
            case "step-cut-short":
                self._change(event, cut_short=True)
            case "step-passed-over":
                self.passed_over.add(event["step"])
            case "job-found":
                self._found_job(event)
            case "cleaned-up":
                self.cleaned = True
            case "stop-asked":
                self.stopping = True
            case "paused":
                self.stopping = False
            case "verified":
                self.verified = _verified(event)
            case "found":
                self.found = _found(event)
            case "verdict":
                self._conclude(Verdict(event["verdict"]), event["reason"])
            case "goes-on":
                self._reopen()

    # -- what follows from it -----------------------------------------------------------------------------------------

    @property
    def ran(self) -> tuple[Attempt, ...]:
        """The jobs that began, in their order, but for those that a guard kept from doing anything."""
        return tuple(one for one in self.attempts.values() if not one.refused)

    @property
    def begun(self) -> dict[str, Ending | None]:
        """The steps that began, each with the ending of its last job; None where no end was heard."""
        return {one.step: one.ending for one in self.ran}

    @property
    def done(self) -> set[tuple[str, str]]:
        """Plan and step of all that need not run again."""
        return {(one.plan, one.step) for one in self.attempts.values() if one.done}

    @property
    def touched(self) -> bool:
        """Whether a step has begun that changes the stack."""
        return self.changed is not None

    @property
    def changed(self) -> datetime | None:
        """When the first step began that changes the stack; None where none has."""
        return min((one.begin for one in self.ran if one.changes_stack), default=None)

    @property
    def unheard(self) -> tuple[Attempt, ...]:
        """The jobs that began and of which no end was heard: they may be running."""
        return tuple(one for one in self.ran if not one.heard)

    @property
    def marks(self) -> tuple[tuple[datetime, str], ...]:
        """When each step began, for a chart."""
        return tuple((one.begin, one.step) for one in self.ran)

    def job(self, step: str) -> str:
        """The name of the step's next job: that of the last one, to attach to it or to learn how it ended, unless that one is spent."""
        mine = [one for one in self.attempts.values() if one.step == step]
        if not mine:
            return step
        last = mine[-1]
        number = int(last.job.partition(".")[2] or 1)
        return f"{step}.{number + 1}" if last.spent else last.job

    def cut_short(self, step: str) -> bool:
        """Whether a person ended the step's last job."""
        return any(one.cut_short for one in self.attempts.values() if one.step == step and one.job == self._last(step))

    def _last(self, step: str) -> str:
        return next((one.job for one in reversed(self.attempts.values()) if one.step == step), "")

    # -- the events ---------------------------------------------------------------------------------------------------

    def _resume(self) -> None:
        """What a person accepted holds only where that was begun; what was seen has to be seen again."""
        self._reopen()
        self.verified, self.found, self.stopping, self.documented = None, None, False, False
        if not any(one.loses for one in self.attempts.values()):
            self.accepted = ""

    def _reopen(self) -> None:
        self.verdict, self.reason, self.ended = Verdict.UNKNOWN, NOT_ENDED, False

    def _conclude(self, verdict: Verdict, reason: str) -> None:
        self.verdict, self.reason = verdict, reason
        self.ended = self.ended or verdict in (Verdict.PARTLY, Verdict.RESTORED, Verdict.UNKNOWN)

    def _lock(self, event: Mapping[str, Any]) -> None:
        if "last" in event and event["how"] != "held" and not self.begun:
            self.last = event["last"]

    def _begin(self, event: Mapping[str, Any]) -> None:
        """A job that is attached to again began when it began first."""
        job, first = event["job"], self.attempts.get(event["job"])
        if event["touches"]:
            self.verified = None  # what was seen before is not what will be
        self.attempts[job] = Attempt(
            event["step"], job, event["plan"], first.begin if first else moment(event), tuple(event.get("commands", ())), event["touches"],
            event.get("loses", False), event.get("trial", False),
        )  # fmt: skip

    def _end(self, event: Mapping[str, Any], how: Ending | None) -> None:
        """The job ended, where that is known; who was not there when it ended has `asked`."""
        if how:
            lines, asked = tuple(event.get("last_lines", ())), event["event"] == "job-found"
            self._change(event, ending=how, end=moment(event), lines=lines, asked=asked)

    def _not_started(self, event: Mapping[str, Any]) -> None:
        if event.get("spent"):
            self._change(event, refused=True)
        else:
            self.attempts.pop(event["job"], None)

    def _found_job(self, event: Mapping[str, Any]) -> None:
        if event["state"] == "never":
            self.attempts.pop(event["job"], None)
        else:
            self._end(event, ending(event))

    def _change(self, event: Mapping[str, Any], **changes: Any) -> None:
        if event["job"] in self.attempts:
            self.attempts[event["job"]] = replace(self.attempts[event["job"]], **changes)


def _verified(event: Mapping[str, Any]) -> Verified:
    return Verified(
        event["ok"], event["healthy"], event.get("applied", True), tuple(event.get("ill", ())), event.get("all_routes", True),
        tuple(event["effects"]),
    )  # fmt: skip


def _found(event: Mapping[str, Any]) -> Found:
    data = {name: value for name, value in event.items() if name not in _OWN}
    return Found(Verdict(event["verdict"]), event["reason"], tuple(event.get("next", ())), data)


def moment(event: Mapping[str, Any]) -> datetime:
    """When an event was."""
    return datetime.fromisoformat(event["at"])


def ending(event: Mapping[str, Any]) -> Ending | None:
    """How a job ended, from its step-end or job-found; None where it had not. Older records have only a status: that of the
    shell, null where it was cut off, -1 where what watched it was killed as well."""
    if "ending" in event:
        known = event["ending"]
        return Ending(Kind(known["kind"]), known["number"]) if known else None
    status = event["status"]
    if status is not None:
        return Ending.exited(status) if status >= 0 else Ending(Kind.LOST)
    if event["event"] == "step-end":
        return Ending(Kind.DEADLINE)
    return Ending(Kind.LOST) if event["state"] == "lost" else None
