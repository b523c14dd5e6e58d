"""The panel of a run that somebody else has going on: live, and only to look at. It is updated after its cell has ended, too."""

import textwrap
import threading
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rollback_lib.errors import ParameterError, RollbackError
from rollback_lib.facts import holder as on_host
from rollback_lib.facts.account import account
from rollback_lib.facts.live import LiveHost
from rollback_lib.following.follower import Follower
from rollback_lib.host.link import Link
from rollback_lib.host.lock import Owner
from rollback_lib.notebook import display
from rollback_lib.notebook.panel import EVERY, LAST_LINES, picture
from rollback_lib.notebook.view import View, note, stack
from rollback_lib.plan.plan import Plan
from rollback_lib.record.folder import incidents_root
from rollback_lib.record.history import usual_seconds
from rollback_lib.record.state import RunState, moment
from rollback_lib.record.verdict import Verdict
from rollback_lib.run.stages import Opening
from rollback_lib.secrets.redactor import Redactor
from rollback_lib.secrets.secret import Key
from rollback_lib.stack.model import Stack
from rollback_lib.text import times

Event = Mapping[str, Any]
WIDEST = 160  # characters of a command that are shown
LINES = 2 * LAST_LINES  # how many last lines of output are shown; nobody runs the cells that would show the others
_panels: dict[str, "Panel"] = {}  # the one of each stack that is shown now


class Seen:
    """A run as it is seen by who follows it: what a panel needs of it."""

    def __init__(self, opened: Event) -> None:
        self._events: list[dict[str, Any]] = [dict(opened)]
        self._state = RunState()
        self.plan: Plan | None = None
        usual: tuple[float, ...] = ()
        with suppress(RollbackError):
            usual = tuple(usual_seconds(incidents_root(), opened["procedure"], opened["stack"]))
        self.opening = Opening(
            opened["incident"], opened["procedure"], opened["stack"], opened["host"], opened["who"], opened["mode"], "", opened["reason"],
            {}, Path(), opened["budget"], usual,
        )  # fmt: skip

    def take(self, event: Event) -> None:
        """The next event."""
        self._state.apply(event)
        if event["event"] == "plan":
            with suppress(ParameterError):  # of another version
                self.plan = Plan.from_plain(event["plan"])
        self._events.append(dict(event))

    @property
    def state(self) -> RunState:
        return self._state

    def events(self) -> list[dict[str, Any]]:
        return list(self._events)

    def seconds(self) -> float:
        return max(0.0, (datetime.now(UTC) - moment(self._events[0])).total_seconds())

    def stop(self) -> None:
        """Who follows cannot stop it."""

    def cut_short(self) -> bool:
        return False


class Panel:
    """The panel of what a follower sees, in JupyterLab."""

    def __init__(self, follower: Follower) -> None:
        import ipywidgets

        self._follower = follower
        self._run: Seen | None = None
        self._lines: deque[str] = deque(maxlen=LINES)
        self._said: View | None = None
        self._ended = False
        self._over = threading.Event()
        self._view = ipywidgets.HTML()
        self._stop = ipywidgets.Button(description="Stop watching", icon="eye-slash", layout={"width": "auto", "align_self": "flex-start"})
        self._stop.on_click(lambda _: self.close())
        self.widget = ipywidgets.VBox([self._view, self._stop])

    def start(self) -> None:
        """Take the events as they come, and show them, in threads of their own."""
        for work in (self._take_all, self._tick):
            threading.Thread(target=work, daemon=True).start()

    def close(self) -> None:
        """Stop watching. What was seen last stays."""
        if not self._over.is_set():
            self._over.set()
            self._follower.close()
            self._said = self._said or note("info", "You no longer watch it; run this cell again to watch it.")
            self._show()

    def take(self, event: Event) -> None:
        """The next event."""
        match event["event"]:
            case "open":
                self._run, self._said, self._ended = Seen(event), None, False
                self._lines.clear()
            case "free":
                self._said = note("good", f"Nobody holds {event['stack']}.")
            case "output":
                self._lines.append(event["line"])
            case "command":
                self._lines.append(textwrap.shorten(f"$ {event['command']}", WIDEST, placeholder=" …"))
            case "withheld":
                self._lines.append("(what the steps print is not shown, since it cannot be read what is secret in it)")
            case "silent":
                self._said = note("warn", f"The run has not been heard of for {times.about(event['seconds'])}; its steps continue.")
            case "heard":
                self._said = None
            case "link":
                self._said = note("warn", f"{event['said'][:1].upper()}{event['said'][1:]}.")
            case "ended":
                self._ended = True
                self._said = note(Verdict(event["verdict"]).level, f"It has ended: {event['verdict']}, {event['reason']}.")
            case _ if self._run:
                self._run.take(event)

    def picture(self) -> View:
        """What the panel shows now. This never raises."""
        try:
            return stack(*self._views())
        except Exception as error:
            return note("warn", f"How far it is cannot be shown ({type(error).__name__}: {error}).")

    def _views(self) -> list[View]:
        shown = [self._said] if self._said else []
        if self._run is None:
            return shown
        opened = self._run.opening
        why = f", because: {opened.reason}" if opened.reason else ""
        what = f"{opened.stack} for a rollback of {opened.procedure}{why}, in {opened.incident}."
        if self._ended:
            head = note("info", f"{opened.who} held {what}")
        else:
            head = note("warn", f"In use: {opened.who} holds {what} You only watch.")
        return [head, *shown, picture(self._run, tuple(self._lines), datetime.now(UTC), going=True)]

    def _take_all(self) -> None:
        try:
            for event in self._follower.events():
                self.take(event)
        except RollbackError as error:
            self._said = note("bad", f"It cannot be watched any more: {error}.")
        self.close()

    def _tick(self) -> None:
        while not self._over.wait(EVERY):
            self._show()

    def _show(self) -> None:
        self._stop.layout.display = "none" if self._over.is_set() else "flex"
        self._view.value = self.picture()._repr_html_()


def holder(known: Stack) -> Owner | None:
    """Who holds the lock of the stack, according to its host. Raises RollbackError."""
    way = Link.to(known)
    try:
        host = LiveHost(way, Redactor(), Key())
        state = host.ask(account(known)).result().state
        readable, found = host.ask(on_host.readable(state)), host.ask(on_host.holder(state))
        readable.result()
        return found.result()
    finally:
        way.close()


def watch_others(known: Stack) -> None:
    """If somebody holds the stack, show their run in the running cell of JupyterLab, live. This raises nothing: the cell is about more."""
    with suppress(RollbackError):
        found = holder(known)
        if found:
            watch(known, note("warn", f"In use: {known.name} is held by {found.words}."))


def watch(known: Stack, held: View) -> None:
    """Show the run that holds the stack in the running cell of JupyterLab, live. `held` is for viewers without widgets. Raises
    RollbackError if it cannot be followed."""
    if known.name in _panels:
        _panels.pop(known.name).close()
    panel = _panels[known.name] = Panel(Follower(known))
    display.show_widget(panel.widget, held)
    panel.start()
