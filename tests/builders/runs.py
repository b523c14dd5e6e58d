"""Builds runs and incidents, with a host that only notes the scripts it gets, and a person who presses buttons when the test says so."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from rollback_lib.errors import NotStarted
from rollback_lib.facts.account import Account
from rollback_lib.host.connection import Result
from rollback_lib.host.ending import Ending
from rollback_lib.host.jobs import Job, JobState
from rollback_lib.record.folder import Folder
from rollback_lib.run.console import Awaited, Followed
from rollback_lib.run.incident import Incident
from rollback_lib.run.run import Run
from rollback_lib.run.stages import Opening
from rollback_lib.secrets.redactor import Redactor
from rollback_lib.secrets.secret import Key
from rollback_lib.stack.model import Stack
from tests.builders.recorded import OneByOne
from tests.builders.stack import HOST, STACK, STATE

ROOT = Account("root", state=STATE, closed="")


def ended(ending: Ending, out: str = "", err: str = "", seconds: float = 0.0) -> Result:
    """The result of a script that ended in this way."""
    return Result(ending, out, err, 0, seconds)


class Host(OneByOne):
    """A link to a host that runs nothing. Its lock is always free.

    Scripts that contain `failing` fail; all others succeed and print `says`. `ran` are the scripts that it was given, and `started` the
    jobs. With `full` its disk is full, and no job starts. `ends` is how a job ends, by its name: with an ending, or with an error of the
    link; other jobs end as their scripts do. `output` is what a job prints, by its name. `known` are the jobs of an incident that is
    opened again.
    """

    alias = HOST

    def __init__(self) -> None:
        self.ran: list[str] = []
        self.failing = "nothing of the kind"
        self.full = False
        self.says = ""
        self.started: list[Job] = []
        self.ends: dict[str, Ending | BaseException] = {}
        self.output: dict[str, bytes] = {}
        self.known: dict[str, tuple[JobState, Ending | None]] = {}

    def run(self, script: str, **_: object) -> Result:
        if "/lock" in script and ".ended" not in script and "releases.jsonl" not in script:
            return ended(Ending.exited(0), f"taken \n{'00' * 32}")
        self.ran.append(script)
        return ended(Ending.exited(1), err="no") if self.failing in script else ended(Ending.exited(0), self.says)

    def run_once(self, script: str, **_: object) -> Result:
        return self.run(script)

    def run_job(self, job: Job, lease: int, on_output: Callable[[bytes], None] | None) -> Result:
        if self.full:
            raise NotStarted("the disk is full")
        self.started.append(job)
        if on_output and job.name in self.output:
            on_output(self.output[job.name])
        end = self.ends.get(job.name)
        if isinstance(end, BaseException):
            raise end
        return self.run(job.script) if end is None else ended(end, seconds=1.5)

    def jobs(self, state: str, incident: str) -> dict[str, tuple[JobState, Ending | None]]:
        return self.known

    def close(self) -> None: ...


class Person:
    """A console with a person, who presses a button only when the test says so.

    `buttons` are the gates that were opened, `lines` the lines that were printed. `there` is whether the person can be asked.
    """

    def __init__(self) -> None:
        self.buttons: list[Callable[[], None]] = []
        self.lines: list[str] = []
        self.there = True

    def line(self, text: str) -> None:
        self.lines.append(text)

    def hide(self, redactor: Redactor) -> None: ...

    def show(self, thing: object) -> None: ...

    def gate(self, word: str, said: str, on_confirmed: Callable[[], None], awaited: Awaited | None = None) -> bool:
        self.awaited = awaited
        self.buttons.append(on_confirmed)
        return self.there

    def follow(self, run: Followed) -> AbstractContextManager[None]:
        self.run = run
        return nullcontext()


def opening(folder: Folder, **changes: Any) -> Opening:
    """The opening of an incident whose record is in that folder. By default its mode is apply, and it stops at a failure."""
    known = {
        "incident": folder.id, "procedure": "code", "stack": STACK.name, "host": HOST, "who": "me", "mode": "apply", "on_failure": "stop",
        "reason": "", "parameters": {}, "folder": folder.path, "budget": 60.0, "usual": (),
    }  # fmt: skip
    return Opening(**{**known, **changes})


def run(how: Opening, host: Host, person: Person, stack: Stack = STACK) -> Run:
    """A run with this opening, whose facts are documented."""
    folder = Folder(how.folder)
    made = Run(stack, how, folder, host, Key(), person, 0.0, ROOT)
    folder.event("facts")
    return made


def opened(root: Path, host: Host, person: Person, **changes: Any) -> Incident:
    """An incident with a new record below `root`."""
    return Incident(run(opening(Folder.create("code", root), **changes), host, person))


def taken_up(incident: Incident, host: Host, person: Person) -> Incident:
    """The incident, resumed by another process."""
    return Incident(run(replace(incident.opening, resumed=True), host, person, incident.stack))


def finding(incident: Incident, **looks: Any) -> None:
    """Replace functions of the incident's procedure, such as its effects, by those of the test."""
    run = incident._run
    run.procedure = run.monitor._procedure = replace(run.procedure, **looks)
