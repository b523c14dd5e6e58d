"""What the events of an incident tell of its steps: for a run that goes on with it, and for who reads the record."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rollback_lib.host.ending import Ending, Kind


@dataclass
class RunState:
    """`confirmed` and `accepted` are hashes of plans; `armed` is until when the host waits before it undoes by itself (ISO
    8601; "" when it does not), `last` the incident that had the lock before this one. `done`: plan and step of all that ended
    well; `begun`: steps with the ending of their last job (None: no end was heard); `jobs`: the names of those jobs;
    `first`: when each began first; `touching`: steps that change the stack; `told`: the newest word that people were told;
    `cleaned`: what was made beside it was removed."""

    confirmed: str = ""
    accepted: str = ""
    armed: str = ""
    last: str = ""
    told: str = ""
    first: dict[str, str] = field(default_factory=dict)
    touching: set[str] = field(default_factory=set)
    cleaned: bool = False
    done: set[tuple[str, str]] = field(default_factory=set)
    begun: dict[str, Ending | None] = field(default_factory=dict)
    jobs: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, events: Iterable[Mapping[str, Any]]) -> "RunState":
        """The story that these events tell, in their order."""
        story = cls()
        for event in events:
            kind = event.get("event")
            if kind == "confirmed":
                story.confirmed = event["plan"]
            elif kind == "accepted":
                story.accepted = event["plan"]
            elif kind == "armed":
                story.armed = event["until"]
            elif kind == "told":
                story.told = event["word"]
            elif kind == "disarmed":
                story.armed = ""
            elif kind == "lock" and "last" in event and event["how"] != "held" and not story.begun:
                story.last = event["last"]
            elif kind == "step-begin":
                story.begun[event["step"]] = None
                story.jobs[event["step"]] = event["job"]
                story.first.setdefault(event["step"], event["at"])
                story.touching |= {event["step"]} if event["touches"] else set()
            elif kind == "step-not-started" or (kind == "job-found" and event["state"] == "never"):
                story.begun.pop(event["step"], None)
                story.first.pop(event["step"], None)
            elif kind in ("step-end", "job-found"):
                story.begun[event["step"]] = ended = ending(event)
                if ended and ended.ok:
                    story.done.add((event["plan"], event["step"]))
            elif kind == "cleaned-up":
                story.cleaned = True
        return story

    @property
    def touched(self) -> bool:
        """Whether a step has begun that changes the stack."""
        return self.changed != ""

    @property
    def changed(self) -> str:
        """When the first step began that changes the stack, ISO 8601; "" where none has."""
        return min((at for step, at in self.first.items() if step in self.touching), default="")

    @property
    def cut(self) -> tuple[str, ...]:
        """Steps that began and of which no end was heard."""
        return tuple(step for step, ended in self.begun.items() if ended is None)


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
