"""The start page: all stacks; of one of them the state, what changed, and the procedures with a working copy of each; and the incidents.

Where the name of a stack is "", the page is about all of them.
"""

from pathlib import Path
from statistics import median

from rollback_lib.archive import address, background, sending
from rollback_lib.errors import RollbackError
from rollback_lib.health.headers import of_environment
from rollback_lib.health.watch import probe_once
from rollback_lib.notebook import display, errors, following, search
from rollback_lib.notebook import stacks as all_stacks
from rollback_lib.notebook.links import link, under
from rollback_lib.notebook.live import live
from rollback_lib.notebook.looking import look
from rollback_lib.notebook.view import View, note, picture, scrolling, stack, table
from rollback_lib.notebook.views import common
from rollback_lib.procedures import registry
from rollback_lib.record.folder import incidents_root
from rollback_lib.record.history import indexed, usual_seconds
from rollback_lib.record.statistics import statistics
from rollback_lib.report import history as charts
from rollback_lib.runbook import working_copy
from rollback_lib.runbook.metadata import Notebook, every
from rollback_lib.stack.model import Stack, lasting
from rollback_lib.text import times

CHANGES = 8  # shown
_CHOOSE = note("info", "Choose a stack in the table above: each has a page of its own.")


def stacks(stack_name: str) -> View | None:
    """All stacks, with the given one first: their routes, live in JupyterLab; what changed last; and whether a rollback was practised.
    Nothing is changed."""
    errors.in_words(lambda _: [("host", "nothing was changed")])
    return live("stacks", all_stacks.interactive(stack_name).view)


def state(stack_name: str) -> View | None:
    """Probe every route of the stack, again and again in JupyterLab. Nothing is changed."""
    if not stack_name:
        return _CHOOSE
    known = _stack(stack_name)
    return live("state", lambda: _routes(known))


def _routes(known: Stack) -> View:
    probes = probe_once(known.routes, known.health.timeout, of_environment(known.routes))
    health = common.routes(probes, well="Every route passes.", then=" Begin with triage, below.")
    said = {probe.route: common.answer(probe) + ("" if probe.status else f": {probe.words}") for probe in probes}
    rows = [(route.name, said[route.name], route.url, route.service) for route in known.routes]
    return stack(health, scrolling(table(("route", "what users get", "address", "service"), rows), "routes"))


def changes(stack_name: str) -> View:
    """What was changed on the host of the stack last, newest first. Nothing is changed."""
    if not stack_name:
        return _CHOOSE
    known = _stack(stack_name)
    try:
        found = look(known).changes[:CHANGES]
    except RollbackError as error:
        return note("bad", f"What changed on {known.host} could not be asked: {error}.")
    rows = [(times.ago(one.when), f"{times.minute(one.when)}", one.kind, one.words) for one in found]
    return (
        scrolling(table(("", "when", "kind", "what changed"), rows), "changes")
        if rows
        else note("info", "Nothing is known to have changed.")
    )


def at_work(stack_name: str) -> View | None:
    """Who holds the stack, as only its host knows. In JupyterLab also what their run does, live; nothing is returned then. Nothing is
    changed, and they are not disturbed."""
    if not stack_name:
        return _CHOOSE
    known = _stack(stack_name)
    try:
        found = following.holder(known)
        if found is None:
            return note("good", f"Nobody holds {known.name}.")
        held = note("warn", f"In use: {known.name} is held by {found.words}. Run this cell to watch what they do.")
        if not display.interactive():
            return held
        following.watch(known, held)
    except RollbackError as error:
        return note("bad", f"Who works on {known.name} could not be asked: {error}.")
    return None


def procedures(stack_name: str) -> View:
    """The rows of the decision tree, each with an unused working copy of its notebook."""
    if not stack_name:
        return _CHOOSE
    known = _stack(stack_name)
    rows = [_row(notebook, known, stack_name) for notebook in every() if notebook.situation]
    return table(("what is wrong", "what helps", "to plan", "to apply", "budget", "usual here"), rows)


def _row(notebook: Notebook, known: Stack, stack_name: str) -> tuple[object, ...]:
    root, asked = incidents_root(), {"stack": lasting(stack_name)}
    budget = times.given(registry.budget(known, notebook.procedure))
    seconds = usual_seconds(root, notebook.procedure, known.name)
    usual = times.about(median(seconds)) if seconds else "none yet"
    if "incident" in notebook.parameters:
        return notebook.situation, notebook.action, "from its incident, below", "", budget, usual
    place = working_copy.place(root) / known.name
    plans, applies = [], []
    for key, name in _each(notebook, known):
        folder, own, words = (place / name.strip("/").replace("/", "-"), {key: name}, f"\u00a0{name}") if name else (place, {}, "")
        plans.append(_link(working_copy.unused(notebook.file, folder, asked | own), notebook.procedure + words))
        if "mode" in notebook.parameters:
            applies.append(_link(working_copy.to_apply(notebook.file, folder, asked | own), "apply" + words))
    return notebook.situation, notebook.action, under(*plans), under(*applies), budget, usual


def _each(notebook: Notebook, known: Stack) -> list[tuple[str, str]]:
    """If a notebook is about one of several databases, services or files of the stack: its parameter and the name of each; else a
    single pair of empty texts."""
    things = {
        "database": [database.name for database in known.databases],
        "datafile": [file.name for file in known.datafiles],
        "service": known.image.names if known.image else [],
        "file": known.env.paths if known.env else [],
    }
    return [(key, name) for key, names in things.items() if key in notebook.parameters and len(names) > 1 for name in names] or [("", "")]


def latest(stack_name: str) -> View | None:
    """The latest incidents of the stack, "" for all, newest first, with filters in JupyterLab; and whether records wait for their
    archive."""
    root, known = incidents_root(), _stack(stack_name) if stack_name else None
    waiting = _waiting(root, known)
    if not display.interactive():
        shown = search.listed(stack=known.name if known else "")
        return stack(waiting, shown) if waiting else shown
    if waiting:
        display.show(waiting)
    search.Search(known.name if known else "").show()
    return None


def _waiting(root: Path, known: Stack | None) -> View | None:
    """That records wait for their archive or timestamp, and why; None if none does, as far as is noted here."""
    failed = background.failure(root)
    if failed:
        return note("warn", f"{failed[:1].upper()}{failed[1:]}. `rollback incidents archive` sends them.")
    try:
        many = sum(map(len, sending.queue(root).values())) if (known and known.archive) or address.of_environment() else 0
    except RollbackError as error:
        return note("warn", f"Records are not archived: {error}.")
    words = "1 record waits for its archive: it is" if many == 1 else f"{many:,} records wait for their archive: they are"
    return note("info", f"{words} sent after the next run, or by `rollback incidents archive`.") if many else None


def history(stack_name: str) -> View:
    """How long rollbacks of the stack took, how often each was needed, and what was practised of late."""
    name, today = _stack(stack_name).name if stack_name else "", times.today()
    known = statistics(indexed(incidents_root()).ran(stack=name))
    last = known.days[-1:]
    needed = "Needed, in bars; times to healthy, in dots." if known.needed else "No rollback was needed yet."
    practised = f"Last practised on {last[0].day} (UTC)." if last else "Nothing was practised yet: no readiness run, and no drill."
    said = note("info", f"{needed} {practised} All figures: `rollback incidents stats{f' --stack {name}' if name else ''}`.")
    drawn = charts.together(charts.needs(known.needed), charts.healing(known.needed), charts.practice(known.days, today))
    return stack(said, picture(drawn, charts.label(drawn))) if drawn else said


def _stack(name: str) -> Stack:
    errors.in_words(lambda _: [("host", "nothing was changed")])
    return Stack.load(name)


def _link(file: Path, words: str) -> View:
    return link(file, words, otherwise=working_copy.place(incidents_root()))
