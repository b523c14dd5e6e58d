"""What is secret on the host, as far as a follower can find out, and the output of jobs freed of it.

The run has read the secrets of its host, and knows those of its target. A follower reads the same places: env files, containers, what the
stack file declares, the copies that the run keeps of env files, and those that earlier runs kept. It reads them again while output comes,
since a rollback changes them. Where they cannot be read, the output is not shown.
"""

import posixpath
import time
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from rollback_lib.errors import Refused
from rollback_lib.facts import docker, files
from rollback_lib.facts.fact import Fact
from rollback_lib.facts.host import Answer, Host
from rollback_lib.following.events import Event, Run, event
from rollback_lib.health.headers import Values
from rollback_lib.host.stream import LONGEST
from rollback_lib.procedures.common import known_secrets, snapshots
from rollback_lib.procedures.common.replace_file import KEPT
from rollback_lib.record.folder import OWN_WORDS
from rollback_lib.secrets.redactor import Redactor, Stream
from rollback_lib.stack.model import Stack

AGAIN = 2.0  # seconds after which they are read again, if there is new output
MOST = 1000  # lines that wait until the secrets can be read


def cleaned(one: Event, redactor: Redactor) -> Event:
    """An event with secrets hidden in all but the words of this project, as in a record."""
    return {name: value if name in OWN_WORDS and isinstance(value, str) else redactor.clean_all(value) for name, value in one.items()}


class Hidden:
    """The secrets of the host of a stack, masked in events. `host` is asked for them. `values` are those of the stack's references."""

    def __init__(self, host: Host, stack: Stack, redactor: Redactor) -> None:
        self._host = host
        self._stack = stack
        self._redactor = redactor
        self._read = float("-inf")
        self._why = ""
        self._told = False
        self._waiting: deque[Event] = deque(maxlen=MOST)
        self._streams: dict[str, Stream] = {}
        self.values: Values = {}

    def begin(self, run: Run) -> None:
        """Forget the output of the run that was followed before, and read what is secret."""
        self._told = False
        self._waiting.clear()
        self._streams.clear()
        self._learn(run)

    def shown(self, events: Iterable[Event], run: Run) -> Iterator[Event]:
        """These events as they may be shown. Lines of output are held back as long as it cannot be read what is secret."""
        known = self._without_keys(list(events))
        if any(one["event"] == "output" for one in known) or self._waiting:
            begun = any(one["event"] in ("step-begin", "step-end") for one in known)
            if begun or self._why or time.monotonic() - self._read > AGAIN:
                self._learn(run)
        if self._waiting and not self._why:
            yield from self._lines(list(self._waiting))
            self._waiting.clear()
        for one in known:
            if one["event"] != "output":
                yield self._clean(one)
            elif not self._why:
                yield from self._lines([one])
            else:
                self._waiting.append(one)
                if not self._told:
                    self._told = True
                    yield self._clean(event("withheld", why=self._why))

    def _clean(self, one: Event) -> Event:
        """The event, its plan left as it is: the run has hidden secrets in it, and it is still to be read."""
        return cleaned(one, self._redactor) | ({"plan": one["plan"]} if "plan" in one else {})

    def _lines(self, output: list[Event]) -> Iterator[Event]:
        for one in output:
            stream = self._streams.setdefault(one["job"], self._redactor.stream())
            line, dropped = stream.line(one["line"]), one["dropped"]
            if line is not None:  # else it is of a private key
                kept = {name: value for name, value in one.items() if name != "dropped"}
                yield {**kept, "line": line[:LONGEST], "left_out": dropped + max(0, len(line) - LONGEST)}

    def _without_keys(self, events: list[Event]) -> list[Event]:
        """The events without those of the rest of a private key, whose first lines were left out."""
        cut = {one["job"] for one in events if one["event"] == "output-left-out"}
        lines = [one for one in events if one["event"] == "output" and one["job"] in cut]
        inside = [one for one, line in zip(lines, self._redactor.clean_lines([one["line"] for one in lines]), strict=True) if line is None]
        return [one for one in events if not any(one is other for other in inside)]

    def _learn(self, run: Run) -> None:
        """Read what is secret now. If that cannot be read, `_why` says so."""
        host, stack = self._host, self._stack
        try:
            answers: list[Answer[Any]] = [host.ask(docker.answers()), *(host.ask(copies) for copies in _copies(stack, run))]
            self.values = known_secrets.protect(host, stack, self._redactor)
            for answer in answers:
                answer.result()
            self._why = ""
        except Refused as error:
            self._why = str(error)
        self._read = time.monotonic()


def _copies(stack: Stack, run: Run) -> Iterator[Fact[Any]]:
    """The copies of env files: those beside them, those that earlier runs kept, and those of this run, with what it was given."""
    yield from (files.env_files(*posixpath.split(path)) for path in stack.env_files)
    yield from (files.env_files(f"{stack.state}/kept/{snapshots.of_env(stack, path)}", "") for path in stack.env_files)
    if run.plan is None or any(write.path in stack.env_files for write in run.plan.writes):
        before = f"{stack.state}/before"
        yield from (files.env_files(before, f"{run.incident}.{name}") for name in _OF_RUN)
        yield files.values(before, f"{run.incident}.value.")


_OF_RUN = (KEPT, snapshots.ASIDE[0] + KEPT, "env", "image")  # how the names of its copies go on after its incident
