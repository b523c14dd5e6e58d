"""The state of a run, computed from its events: for the process that executes the run, one that resumes it, and readers of its record."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from signal import SIGTERM
from typing import Any

from rollback_lib.host.ending import Ending, Kind
from rollback_lib.record.verdict import NOT_ENDED, Verdict
from rollback_lib.text import times

RESUMED = "resumed"  # the event of a process that resumes an incident; a sealed record is written to only after this event
_OWN = ("at", "event", "after", "verdict", "reason", "next")


@dataclass(frozen=True)
class Attempt:
    """An attempt at a step: a job that ran it.

    `plan` is the hash of the plan, `begin` when the job was first started, `commands` what it runs. `changes_stack`, `loses` and `trial`
    are as in its step. `ending` is how the job ended, None as long as that is not known; `end` is when it became known, and `lines` are
    the last lines of output. `asked`: the ending was only found out by asking later, so the job may have ended before `end`.
    `refused`: a guard kept the job from doing anything. `cut_short`: a person ended it.
    """

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
        """Whether it is known how the job ended."""
        return self.ending is not None

    @property
    def ok(self) -> bool:
        """Whether the job is known to have succeeded."""
        return self.ending is not None and self.ending.ok

    @property
    def done(self) -> bool:
        """Whether the step need not run again."""
        return self.ok or (self.heard and self.trial)

    @property
    def spent(self) -> bool:
        """Whether another attempt at the step needs a new job, with another name."""
        return self.refused or (self.heard and not self.ok)

    @property
    def words(self) -> str:
        """How the job ended, in words."""
        if self.ending is None:
            return "its end is not known"
        return "done" if self.ending.ok else self.ending.words

    @property
    def took(self) -> str:
        """How long the job took, in words; "" as long as its end is not known."""
        if self.end is None:
            return ""
        return f"{'at most ' if self.asked else ''}{times.exactly((self.end - self.begin).total_seconds())}"


@dataclass(frozen=True)
class Verified:
    """What the verification found. `ok` is whether it passed, `healthy` whether the routes were healthy.

    `applied`: the run had changed the host, or had nothing to change. `ill` are the routes whose last probe failed. `all_routes` is
    whether all routes had to pass. `effects` are as in the event.
    """

    ok: bool
    healthy: bool
    applied: bool
    ill: tuple[str, ...]
    all_routes: bool
    effects: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Found:
    """The result of a run that only looks: its verdict, the reason, what to do next, and the data that the record keeps."""

    verdict: Verdict
    reason: str
    next: tuple[str, ...]
    data: Mapping[str, Any]


@dataclass
class RunState:
    """The state of a run.

    `documented`: facts about the host are in the record. `confirmed` is the hash of the plan that was confirmed, and `accepted` of the
    plan whose losses were accepted, "" for none; `loses`: a list of losses waits to be accepted. `agreed` is when a person confirmed it,
    None if a parameter did. `asking` is the newest request for an approval that was not given yet (`incident`, `until`), `approved` the
    newest one that was (`incident`, `plan`), {} for none; `break_glass` is why the run went on without, "" if it did not. `armed` is when
    the host will revert by itself, None if it will not. `last` is the incident that held the lock before this one. `told` is the kind of
    the last message to people. `cleaned`: what was made beside the stack was removed. `stopping`: a person asked to stop before the next
    step. `attempts` are the jobs that began, by name, in order. `passed_over` are the steps whose condition was not met. `ended`: nothing
    more may be done in this run.
    """

    documented: bool = False
    confirmed: str = ""
    agreed: datetime | None = None
    accepted: str = ""
    loses: bool = False
    asking: Mapping[str, Any] = field(default_factory=dict)
    approved: Mapping[str, Any] = field(default_factory=dict)
    break_glass: str = ""
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
        """The state after these events, oldest first."""
        state = cls()
        for event in events:
            state.apply(event)
        return state

    def apply(self, event: Mapping[str, Any]) -> None:
        """Take the next event into account. Events of kinds that are not named here change nothing."""
        match event.get("event"):
            case "resumed":
                self._resume()
            case "facts":
                self.documented = True
            case "lock":
                self._lock(event)
            case "confirmed" | "loss-shown" | "accepted" | "approval-asked" | "approved" | "break-glass":
                self._allow(event)
            case "armed":
                self.armed = datetime.fromisoformat(event["until"])
            case "disarmed":
                self.armed = None
            case "telling" | "told":  # older records have only "told", the result of sending a message
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

    # -- what follows from the state -----------------------------------------------------------------------------------------

    @property
    def ran(self) -> tuple[Attempt, ...]:
        """The jobs that ran, in order. Jobs that a guard kept from doing anything are left out."""
        return tuple(attempt for attempt in self.attempts.values() if not attempt.refused)

    @property
    def begun(self) -> dict[str, Ending | None]:
        """The steps that began, each with how its last job ended; None if that is not known."""
        return {attempt.step: attempt.ending for attempt in self.ran}

    @property
    def done(self) -> set[tuple[str, str]]:
        """The steps that need not run again, as pairs of plan hash and step."""
        return {(attempt.plan, attempt.step) for attempt in self.attempts.values() if attempt.done}

    @property
    def touched(self) -> bool:
        """Whether a step that changes the stack has begun."""
        return self.changed is not None

    @property
    def changed(self) -> datetime | None:
        """When the first step that changes the stack began; None if none has."""
        return min((attempt.begin for attempt in self.ran if attempt.changes_stack), default=None)

    @property
    def unheard(self) -> tuple[Attempt, ...]:
        """The jobs that began and whose end is not known. They may still be running."""
        return tuple(attempt for attempt in self.ran if not attempt.heard)

    @property
    def marks(self) -> tuple[tuple[datetime, str], ...]:
        """When each step began, for a chart."""
        return tuple((attempt.begin, attempt.step) for attempt in self.ran)

    def job(self, step: str) -> str:
        """The name of the job to start for a step. If the last job is not spent, it is that one, to attach to it or to learn how it ended;
        else it is a new name."""
        attempts = [attempt for attempt in self.attempts.values() if attempt.step == step]
        if not attempts:
            return step
        last = attempts[-1]
        number = int(last.job.partition(".")[2] or 1)
        return f"{step}.{number + 1}" if last.spent else last.job

    def cut_short(self, step: str) -> bool:
        """Whether a person ended the step's last job."""
        return any(attempt.cut_short for attempt in self.attempts.values() if attempt.step == step and attempt.job == self._last(step))

    def _last(self, step: str) -> str:
        return next((attempt.job for attempt in reversed(self.attempts.values()) if attempt.step == step), "")

    # -- the events ---------------------------------------------------------------------------------------------------

    def _resume(self) -> None:
        """Facts and verification must be done again. The acceptance of losses stays only if a step that loses data has begun."""
        self._reopen()
        self.verified, self.found, self.stopping, self.documented = None, None, False, False
        if not any(attempt.loses for attempt in self.attempts.values()):
            self.accepted = ""

    def _reopen(self) -> None:
        self.verdict, self.reason, self.ended = Verdict.UNKNOWN, NOT_ENDED, False

    def _conclude(self, verdict: Verdict, reason: str) -> None:
        self.verdict, self.reason = verdict, reason
        self.ended = self.ended or verdict in (Verdict.PARTLY, Verdict.RESTORED, Verdict.UNKNOWN)

    def _allow(self, event: Mapping[str, Any]) -> None:
        match event["event"]:
            case "confirmed":
                self.confirmed = event["plan"]
                self.agreed = datetime.fromisoformat(event["at"]) if event.get("by") == "person" else None
            case "loss-shown":
                self.accepted, self.loses = "", bool(event.get("restored"))
            case "accepted":
                self.accepted, self.loses = event["plan"], False
            case "approval-asked":
                self.asking, self.approved = {"incident": event["incident"], "until": event["until"]}, {}
            case "approved":
                self.asking, self.approved = {}, {"incident": event["incident"], "plan": event["plan"]}
            case "break-glass":
                self.asking, self.break_glass = {}, event["reason"]

    def _lock(self, event: Mapping[str, Any]) -> None:
        if "last" in event and event["how"] != "held" and not self.begun:
            self.last = event["last"]

    def _begin(self, event: Mapping[str, Any]) -> None:
        """A job begins. If the run attaches to a job again, its time of beginning stays."""
        job, first = event["job"], self.attempts.get(event["job"])
        if event["touches"]:
            self.verified = None  # the step changes what was verified
        self.attempts[job] = Attempt(
            event["step"], job, event["plan"], first.begin if first else moment(event), tuple(event.get("commands", ())), event["touches"],
            event.get("loses", False), event.get("trial", False),
        )  # fmt: skip

    def _end(self, event: Mapping[str, Any], how: Ending | None) -> None:
        """A job ended; nothing changes if `how` is None. A `job-found` event means that the ending was asked for later."""
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
    """When an event happened."""
    return datetime.fromisoformat(event["at"])


def ending(event: Mapping[str, Any]) -> Ending | None:
    """How a job ended, from its `step-end` or `job-found` event; None if it had not ended.

    Older records have only a status: the exit status of the shell, null if the job was cut off at its deadline, -1 if the shell that
    watched it was killed as well.
    """
    if "ending" in event:
        known = event["ending"]
        return Ending(Kind(known["kind"]), known["number"]) if known else None
    status = event["status"]
    if status is not None:
        return Ending.exited(status) if status >= 0 else Ending(Kind.LOST)
    if event["event"] == "step-end":
        return Ending(Kind.DEADLINE)
    return Ending(Kind.LOST) if event["state"] == "lost" else None
