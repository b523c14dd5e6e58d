"""The view for each type of object that a notebook shows."""

from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from statistics import median
from typing import Any

from rollback_lib.notebook import chart, display
from rollback_lib.notebook import view as view_of
from rollback_lib.notebook.view import Table, View, note, stack, table
from rollback_lib.notebook.views import checklist, common, confirmation
from rollback_lib.notebook.views.diffs import diff
from rollback_lib.plan.plan import Plan
from rollback_lib.plan.step import Step, When
from rollback_lib.procedures import registry
from rollback_lib.procedures.procedure import Procedure
from rollback_lib.run.stages import Closing, Opening, Standing, Verification
from rollback_lib.text import tables, times

DIFF_LINES = 400


def opening(opened: Opening) -> View:
    runs = tables.count(len(opened.usual), "run")
    usual = f"usually {times.about(median(opened.usual))} here, in {runs}" if opened.usual else "no earlier run here"
    rows = [
        ("incident", opened.incident), ("procedure", opened.procedure), ("stack", opened.stack), ("host", opened.host), ("who", opened.who),
        ("mode", "plan: nothing will be changed" if opened.mode == "plan" else "apply: the host will be changed once confirmed"),
        ("on failure", opened.on_failure), ("budget", f"{times.given(opened.budget)} ({usual})"), ("reason", opened.reason or "none given"),
        ("record", opened.folder),
    ]  # fmt: skip
    if opened.revert_after:
        rows.append(("dead man's switch", f"the host undoes by itself {times.given(opened.revert_after)} after the first change"))
    if opened.reviewed:
        rows.append(("plan that was reviewed", f"{opened.reviewed}; any other is refused"))
    if opened.take_over:
        rows.append(("lock", "taken over from whoever holds the stack"))
    again = note("info", "This incident was opened before: what is done stays done, what runs on the host is attached to.")
    return stack(again, table(("", ""), rows)) if opened.resumed else table(("", ""), rows)


def standing(reached: Standing) -> View:
    return stack(common.routes(reached.probes), table(("step", "how far it came"), reached.steps))


def plan(planned: Plan) -> View:
    if planned.nothing_to_do:
        return stack(note("good", "The target already runs: there is nothing to do."), table(("", ""), planned.facts))
    views: list[View] = [
        table(("", ""), planned.facts, title=f"Plan {planned.hash}: {planned.procedure}, {planned.stack} on {planned.host}")
    ]
    views += [_step(number, step) for number, step in enumerate(planned.steps, 1)]
    if planned.loses:
        views.append(note("warn", "What changes: " + "; ".join(planned.loses) + "."))
    views += [note("info", text) for text in planned.notes]
    lines = planned.diff.splitlines()
    more = [f"… {len(lines) - DIFF_LINES} more lines are in plan.diff of the record"] if len(lines) > DIFF_LINES else []
    if lines:
        views.append(diff("\n".join(lines[:DIFF_LINES] + more), title="Diff, from the current state to the target", folded=True))
    views.append(view_of.code(planned.undo_shell(), title="Undo, saved as undo.sh", folded=True))
    return stack(*views)


def _step(number: int, step: Step) -> View:
    if step.skip:
        return note("good", f"Step {number}, {step.title}: not needed, {step.skip}.")
    touches = "changes the stack" if step.touches else "leaves the stack as it is"
    touches += ", only where the routes do not pass by themselves" if step.when is When.UNHEALTHY else ""
    commands = "\n".join(str(command) for command in step.script)
    return view_of.code(commands, title=f"Step {number}, {step.title}: {touches}", lead=step.why)


def verification(result: Verification) -> View:
    views = []
    if result.applied:
        health = "health holds" if result.routes is None else "the routes that passed before that run pass"
        sentence = f"Verified: the effect is the one asked for, and {health}." if result.ok else "Not verified; see what was found."
        views.append(note("good" if result.ok else "bad", sentence))
        views.append(table(("", "asked for", "found", ""), [(e.name, e.asked, e.found, e.sign) for e in result.effects]))
        routes = "every route" if result.routes is None else f"the routes that passed before ({', '.join(result.routes) or 'none'})"
        passes = f"{result.wanted} probes in a row on {routes}"
        ended = "passed" if result.healthy else "did not pass"
        views.append(note("good" if result.healthy else "bad", f"{passes} {ended}. Outage: {result.outages.words}."))
        if result.ok and result.ill:
            views.append(note("warn", f"Not healthy, as before that run: {', '.join(result.ill)}."))
    else:
        word = "healthy" if result.healthy else "not healthy"
        views.append(note("good" if result.healthy else "bad", f"Nothing was applied; as it is, the stack is {word}."))
    views.append(chart.health(result.probes, result.outages, result.marks))
    return stack(*views)


def closing(closed: Closing) -> View:
    headline = note(closed.verdict.level, f"Verdict: {closed.verdict}. {closed.reason[:1].upper()}{closed.reason[1:]}.")
    rows = [("time", times.against(closed.seconds, closed.budget)), ("outage", closed.outage), ("record", closed.folder)]
    return stack(headline, table(("", ""), rows), *(note("info", f"Next: {action}") for action in closed.next_actions))


_FRAME: dict[type, Callable[[Any], View]] = {Opening: opening, Plan: plan, Standing: standing, Verification: verification, Closing: closing}
Choice = tuple[Callable[[Any], Table], Callable[[Any], str]]


def _modules(of: Iterable[Procedure[Any, Any]]) -> Iterator[Any]:
    """The modules with views: those that every run uses, then those of these procedures."""
    yield from (checklist, confirmation)
    for procedure in of:
        if procedure.views:
            yield import_module(procedure.views)


def view(thing: object) -> View:
    """The view of an object. An object of a type without a view is shown as text."""
    kind = type(thing)
    make = _FRAME.get(kind) or next((module.VIEWS[kind] for module in _modules(registry.loaded()) if kind in module.VIEWS), None)
    return make(thing) if make else note("info", str(thing))


def _choices(of: Iterable[Procedure[Any, Any]]) -> dict[type, Choice]:
    return {kind: choice for module in _modules(of) for kind, choice in getattr(module, "CHOICES", {}).items()}


def choices(found: Any) -> tuple[Table, list[str]]:
    """The table of candidates, and the name by which each of its rows is chosen."""
    listed, name = _choices(registry.loaded())[type(found)]
    table = listed(found)
    return table, [name(candidate) for candidate in found[: len(table.cells)]]


def register(name: str, show: Callable[[object], None], pick: Callable[[Any], None]) -> None:
    """Let a cell of the procedure `name` that ends in an object with a view show that view. `show` is called for it; in JupyterLab, `pick`
    is called for candidates."""
    shell = display.shell()
    if shell is None:
        return
    shown = [registry.procedure(name)]
    choices = _choices(shown)
    for kind in {**_FRAME, **{kind: None for module in _modules(shown) for kind in module.VIEWS}}:
        way = pick if kind in choices and display.interactive() else show
        shell.display_formatter.ipython_display_formatter.for_type(kind, way)
