"""All stacks in a table: how their routes are, what changed last, and whether a rollback was practised."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from threading import Thread

from rollback_lib.errors import ParameterError, RollbackError
from rollback_lib.health.headers import of_environment
from rollback_lib.health.probe import Probe
from rollback_lib.health.watch import probe_once
from rollback_lib.notebook import display
from rollback_lib.notebook.links import link
from rollback_lib.notebook.looking import look
from rollback_lib.notebook.view import View, note, picture, scrolling, stack, table, whole, words
from rollback_lib.notebook.views import common
from rollback_lib.record.folder import incidents_root
from rollback_lib.record.history import indexed
from rollback_lib.record.index import Ran
from rollback_lib.record.statistics import READINESS, statistics, touched
from rollback_lib.record.verdict import Verdict
from rollback_lib.report import history as charts
from rollback_lib.runbook import start_page, working_copy
from rollback_lib.settings import home
from rollback_lib.stack.known import every
from rollback_lib.stack.model import Stack
from rollback_lib.text import times

_HEADERS = ("stack", "routes", "changed last", "readiness", f"last {charts.SHORT_DAYS} days")


@dataclass(frozen=True)
class Past:
    """What the records of a stack say: its last change, whether it was ready when that was looked at last, and a chart of practice."""

    changed: str
    ready: str
    practised: View


class Stacks:
    """The table of all stacks. `given` is the one that the page is about, "" for none."""

    def __init__(self, given: str) -> None:
        self._given = given
        known = every(given)
        self._known = {name: one for name, one in known.items() if not _practises(known, given) or _is_practice(one)}
        self._past = {name: past(known) for name, known in self._stacks().items()}
        self._on_host: dict[str, str] = {}  # what changed last, as the host says

    def _stacks(self) -> Mapping[str, Stack]:
        return {name: known for name, known in self._known.items() if isinstance(known, Stack)}

    def ask_hosts(self) -> None:
        """Ask all hosts in the background what changed there last."""
        for name, known in self._stacks().items():
            Thread(target=self._ask, args=(name, known), daemon=True).start()

    def _ask(self, name: str, known: Stack) -> None:
        try:
            found = look(known)
        except RollbackError as error:
            self._on_host[name] = f"{self._past[name].changed}; the host could not be asked: {error}"
            return
        held = f"▲ in use: held by {found.owner.words}; " if found.owner else ""
        newest = next(iter(found.changes), None)
        self._on_host[name] = held + (f"{times.ago(newest.when)}: {newest.kind}, {newest.words}" if newest else "nothing is known")

    def view(self) -> View:
        """Probe every route of every stack once, side by side, and show the table."""
        known = self._stacks()
        if not self._known:
            return note("info", "There is no stack file in parameters/ yet: `rollback init HOST` writes one.")
        with ThreadPoolExecutor(max(len(known), 1)) as pool:
            probes = dict(zip(known, pool.map(_probed, known.values()), strict=True))
        rows = [self._row(name, probes.get(name, ())) for name in self._known]
        return stack(_said(known, probes), scrolling(table(_HEADERS, rows), "all stacks"))

    def _row(self, name: str, probes: Sequence[Probe]) -> tuple[object, ...]:
        known = self._known[name]
        if isinstance(known, ParameterError):
            return name, words(f"✘ its file cannot be read: {str(known).replace(f'{home()}/', '')}"), "", "", ""
        answers = "\n".join(f"{common.answer(probe)} {probe.route}" for probe in probes)
        own = self._past[name]
        changed = words(self._on_host.get(name, own.changed))
        return self._called(name, known), whole(answers), changed, whole(own.ready), own.practised

    def _called(self, name: str, known: Stack) -> View:
        """The name of the stack: a link to its page, unless the page is about it already."""
        called = _words(name, known)
        if self._given and name == next(iter(self._known)):
            return View(f'<strong style="white-space:nowrap">{called}</strong>', called)
        beside = working_copy.place(incidents_root())
        return link(start_page.of(name, beside), called, otherwise=beside)


def _practises(known: Mapping[str, Stack | ParameterError], given: str) -> bool:
    """Whether the page is about a practice host. It asks no other host anything."""
    return bool(given) and _is_practice(next(iter(known.values())))


def _is_practice(one: Stack | ParameterError) -> bool:
    return isinstance(one, Stack) and one.practice


def _words(name: str, known: Stack) -> str:
    """What a stack is called: as its file in parameters/, or by its own name where its file is elsewhere."""
    return known.name if "/" in name else name


def _probed(known: Stack) -> list[Probe]:
    return probe_once(known.routes, known.health.timeout, of_environment(known.routes))


def _said(known: Mapping[str, Stack], probes: Mapping[str, Sequence[Probe]]) -> View:
    """In a sentence, which stacks fail."""
    failing = {name: [probe.route for probe in found if not probe.ok] for name, found in probes.items()}
    ill = [f"{_words(name, known[name])} ({', '.join(routes)})" for name, routes in failing.items() if routes]
    if ill:
        return note("bad", f"Not healthy: {'; '.join(ill)}.")
    return note("good", "Every route passes." if len(known) == 1 else f"Every route of all {len(known)} stacks passes.")


def past(known: Stack) -> Past:
    """What the records of a stack say. Drills are those of its practice host, too, which has the same name."""
    ran = list(indexed(incidents_root()).ran(stack=known.name))
    own = [one for one in ran if bool(one.practice) == known.practice]
    changed = next((one for one in reversed(own) if touched(one)), None)
    said = f"{_ago(changed)}: {changed.procedure} rollback, {changed.verdict}" if changed else "no rollback yet"
    days = statistics([one for one in ran if bool(one.practice) == known.practice or one.procedure != READINESS]).days
    drawn = charts.practice_in_short(days, times.today())
    return Past(said, _ready(own), picture(drawn, charts.label(drawn)))


def _ready(own: Sequence[Ran]) -> str:
    last = next((one for one in reversed(own) if one.procedure == READINESS and one.ended), None)
    if last is None:
        return "▲ never run"
    return f"{'✔' if last.verdict == Verdict.READY else '✘'} {last.verdict}, {_ago(last)}"


def _ago(one: Ran) -> str:
    return times.ago(datetime.fromisoformat(one.opened))


def interactive(given: str) -> Stacks:
    """The stacks, whose hosts are asked as well where a person looks at the page."""
    found = Stacks(given)
    if display.interactive():
        found.ask_hosts()
    return found
