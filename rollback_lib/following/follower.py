"""Follows the run that holds a stack, from its host and over the routes. It reads, and nothing else: no lock, no file, no job."""

import queue
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

from rollback_lib.errors import Refused, RollbackError
from rollback_lib.facts import holder
from rollback_lib.facts.account import account
from rollback_lib.facts.live import LiveHost
from rollback_lib.following.events import SWITCH, Event, Run, event
from rollback_lib.following.hidden import Hidden
from rollback_lib.health.probe import Probe
from rollback_lib.health.watch import Watch
from rollback_lib.host.following import Looks, Seen
from rollback_lib.host.link import Link
from rollback_lib.procedures import registry
from rollback_lib.secrets.redactor import Redactor
from rollback_lib.secrets.secret import Key
from rollback_lib.stack.model import Stack

LASTS = 3600.0  # seconds after which the host is asked to go on; so nothing stays there when we are gone
PROBES = 1.0  # seconds between two probes of a route, at least: the run probes them as well
_UNHEARD = 5  # times in a row that the host is asked in vain


class Follower:
    """Follows the runs of a stack. `redactor` knows what is secret on its host. Raises ConnectionRefused if the host cannot be used, and
    Refused if we may not read the stack's folder."""

    def __init__(self, stack: Stack) -> None:
        self.redactor = Redactor(stack.model_dump_json())
        self._new: queue.SimpleQueue[Seen | Event | Exception] = queue.SimpleQueue()
        self._link = Link.to(stack, lambda said: self._new.put(event("link", said=said)))
        self._watch: Watch | None = None
        self._closed = threading.Event()
        try:
            self._host = LiveHost(self._link, self.redactor, Key())
            self._stack = stack.at(self._host.ask(account(stack)).result().state)
            self._host.ask(holder.readable(self._stack.state)).result()
        except BaseException:
            self._link.close()
            raise
        self._hidden = Hidden(self._host, self._stack, self.redactor)
        self._looks = Looks(self._stack.state, self._new.put)

    def events(self, *, wait: bool = False) -> Iterator[Event]:
        """What happens, until the run has ended that holds the stack, or holds it next if nobody does and `wait` is true. The last event is
        `ended`; or `free`, if nobody holds the stack. Raises LinkLost, Refused."""
        threading.Thread(target=self._look, daemon=True).start()
        told = False  # that nobody holds it
        run: Run | None = None
        while True:
            new = self._new.get()
            if isinstance(new, Exception):
                raise new
            if not isinstance(new, Seen):
                yield {**new, "said": self.redactor.clean(str(new["said"]))}
                continue
            if run:
                yield from self._told(run, new)
                ended = run.ended(new)
                if ended:
                    yield from self._hidden.shown([ended], run)
                    run = None
                    if ended["how"] != "replaced":
                        return
            if run is None and new.held:
                run = self._opened(new)
                yield from self._hidden.shown(run.opening(**self._known(run)), run)
                yield from self._told(run, new)
            elif run is None:
                if not told:
                    yield self._free(new, wait=wait)
                told = True
                if not wait:
                    return

    def close(self) -> None:
        """End it. Nothing of it stays on the host."""
        self._closed.set()
        if self._watch:
            self._watch.stop()
        self._link.close()

    def _look(self) -> None:
        """Let the host tell what it sees, until this is closed."""
        heard = vain = 0

        def feed(chunk: bytes) -> None:
            nonlocal heard
            heard += 1
            try:
                self._looks.feed(chunk)
            except (ValueError, LookupError, TypeError) as error:
                raise Refused(f"{self._link.alias} says of its runs what cannot be understood ({type(error).__name__})") from None

        try:
            while vain < _UNHEARD and not self._closed.is_set():
                before = heard
                self._link.stream(self._looks.script, feed, deadline=LASTS)
                vain = vain + 1 if heard == before else 0
            raise Refused(f"{self._link.alias} says nothing of its runs; it needs sh, stat, flock and base64")
        except Exception as error:  # for whoever reads the events
            self._new.put(error)

    def _told(self, run: Run, seen: Seen) -> Iterator[Event]:
        if SWITCH in seen.jobs and run.switch is None:
            run.switch = self._host.ask(holder.switch(self._stack.state, run.incident)).result() or 0
        return self._hidden.shown(run.take(seen), run)

    def _opened(self, seen: Seen) -> Run:
        """The run of the incident that holds the stack now. Its routes are watched from now on."""
        run = Run(seen, self._host.ask(holder.plan(self._stack.state, seen.holder)).result())
        self._hidden.begin(run)
        if self._watch is None:
            health = self._stack.health.model_copy(update={"every": max(self._stack.health.every, PROBES)})
            self._watch = Watch(self._stack.routes, health, self._probed, self._hidden.values).start()
        return run

    def _known(self, run: Run) -> dict[str, object]:
        budget = 0.0
        with suppress(RollbackError):  # a procedure that is not installed here
            budget = registry.budget(self._stack, run.owner.procedure)
        return {"stack": self._stack.name, "host": self._stack.host, "budget": budget}

    def _free(self, seen: Seen, *, wait: bool) -> Event:
        lapsed = seen.owner if seen.lapsed else None
        was = {"incident": lapsed.incident, "who": lapsed.who, "procedure": lapsed.procedure} if lapsed else None
        return event("free", stack=self._stack.name, host=self._stack.host, cut_off=was, waiting=wait)

    def _probed(self, probe: Probe) -> None:
        said = "" if probe.ok else replace(probe, said=self.redactor.hide(probe.said)).words
        sent = probe.at.isoformat(timespec="milliseconds")
        self._new.put(
            event("probe", sent=sent, route=probe.route, ok=probe.ok, status=probe.status, ms=round(probe.seconds * 1000), said=said)
        )
