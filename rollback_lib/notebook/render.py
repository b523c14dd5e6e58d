"""One view for each thing a notebook shows."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from rollback_lib.notebook import chart
from rollback_lib.notebook.view import View, code, note, stack, table
from rollback_lib.plan import Plan, Step
from rollback_lib.procedures.code import Candidates, State, Target
from rollback_lib.record.verdict import Verdict
from rollback_lib.stages import Closing, Opening, Verification

SHOWN_CANDIDATES = 12
DIFF_LINES = 400
_LEVEL = {
    Verdict.SUCCEEDED: "good", Verdict.NOTHING_TO_DO: "good", Verdict.PLANNED: "info", Verdict.REFUSED: "warn", Verdict.ABORTED: "warn",
    Verdict.RESTORED: "warn", Verdict.PARTLY: "bad", Verdict.UNKNOWN: "bad",
}  # fmt: skip


def ago(when: datetime) -> str:
    """How long ago, in the largest unit that fits."""
    seconds = (datetime.now(UTC) - when).total_seconds()
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit} ago"
    return f"{max(seconds, 0):.0f} s ago"


def opening(one: Opening) -> View:
    usual = f"usually {sorted(one.usual)[len(one.usual) // 2]:.0f} s here, in {len(one.usual)} runs" if one.usual else "no earlier run here"
    rows = [
        ("incident", one.incident), ("procedure", f"{one.procedure} rollback of {one.stack}"), ("host", one.host), ("who", one.who),
        ("mode", "plan: nothing will be changed" if one.mode == "plan" else "apply: the host will be changed once confirmed"),
        ("on failure", one.on_failure), ("budget", f"{one.budget:.0f} s ({usual})"), ("reason", one.reason or "none given"),
        ("record", one.folder),
    ]  # fmt: skip
    return table(("", ""), rows)


def state(now: State) -> View:
    container = now.container
    move = next((move for move in now.reflog if move.commit.sha == now.head.sha), None)
    deploy = f"{move.commit.subject} ({move.commit.author}), arrived {ago(move.when)} by {move.action}" if move else "not in the reflog"
    up = f"{container.name}: {container.state}, started {ago(container.started)}, {container.restarts} restarts" if container else "none"
    made_of = f"commit {now.running[:7]} (by the {now.by}), image {container.image[7:19]}" if container and now.running else now.by
    rows = [
        ("tree", f"{now.stack.tree} at {now.head.sha[:7]}, {now.head.branch or 'detached HEAD'}"),
        ("last deploy", deploy),
        ("in no commit", ", ".join(now.head.dirty) or "nothing: the tree is clean"),
        ("container", up),
        ("made of", made_of),
        ("compose", now.compose),
    ]  # fmt: skip
    rows += [
        (
            f"route {probe.route}",
            f"{'✔' if probe.ok else '✘'} {probe.status or 'no answer'} in {probe.seconds * 1000:.0f} ms: {probe.said.strip()}",
        )
        for probe in now.probes
    ]
    sick = [probe.route for probe in now.probes if not probe.ok]
    headline = note("bad", f"Not healthy: {', '.join(sick)}.") if sick else note("good", "Every route is healthy.")
    logs = code("\n".join(now.lines) or "(no lines)", title=f"Last lines of {now.stack.code.service}", folded=not sick)
    return stack(headline, table(("", ""), rows), logs)


def candidates(found: Candidates) -> View:
    rows = []
    for one in found[:SHOWN_CANDIDATES]:
        marks = ["runs now"] * one.running + ["HEAD"] * (one.head and not one.running) + ["image kept"] * one.kept
        deployed = ago(one.deployed) if one.deployed else "never seen here"
        rows.append((one.commit.short, one.commit.subject, one.commit.author, deployed, one.verdict or "not known", ", ".join(marks)))
    return table(("commit", "subject", "author", "deployed", "verdict", ""), rows)


def target(one: Target) -> View:
    return note("info", f"{one.commit.sha} {one.commit.subject}\nChosen: {one.why}.")


def plan(one: Plan) -> View:
    if one.nothing_to_do:
        return stack(note("good", "The target is what runs: there is nothing to do."), table(("", ""), one.facts))
    views = [table(("", ""), one.facts, title=f"Plan {one.hash}: {one.procedure} rollback of {one.stack} on {one.host}")]
    views += [_step(number, step) for number, step in enumerate(one.steps, 1)]
    tree = "What changes in the tree: " + "; ".join(one.loses) + "."
    views.append(note("warn", tree) if one.loses else note("info", "No file of the tree changes."))
    views += [note("info", text) for text in one.notes]
    lines = one.diff.splitlines()
    more = [f"… {len(lines) - DIFF_LINES} more lines are in plan.diff of the record"] if len(lines) > DIFF_LINES else []
    views.append(code("\n".join(lines[:DIFF_LINES] + more) or "(no difference)", title="Diff, from what is to the target", folded=True))
    views.append(code(one.undo_shell(), title="Undo, saved as undo.sh", folded=True))
    return stack(*views)


def _step(number: int, step: Step) -> View:
    if step.skip:
        return note("good", f"Step {number}, {step.title}: not needed, {step.skip}.")
    touches = "changes what serves users" if step.touches else "leaves what serves users alone"
    commands = "\n".join(str(command) for command in step.commands)
    return code(commands, title=f"Step {number}, {step.title}: {touches}", lead=step.why)


def verification(one: Verification) -> View:
    views = []
    if one.applied:
        sentence = "Verified: the effect is the one asked for, and health holds." if one.ok else "Not verified; see what was found."
        views.append(note("good" if one.ok else "bad", sentence))
        views.append(table(("", "asked for", "found", ""), [(e.name, e.asked, e.found, "✔" if e.ok else "✘") for e in one.effects]))
        passes = f"{one.wanted} probes in a row on every route"
        outage = f" Users met failures for {one.outage:.1f} s while we watched." if one.outage else " No probe failed while we watched."
        views.append(note("good" if one.healthy else "bad", (f"{passes} passed." if one.healthy else f"{passes} did not pass.") + outage))
    else:
        word = "healthy" if one.healthy else "not healthy"
        views.append(note("good" if one.healthy else "bad", f"Nothing was applied; as it is, the stack is {word}."))
    views.append(chart.health(one.probes, one.marks))
    return stack(*views)


def closing(one: Closing) -> View:
    late = "within" if one.seconds <= one.budget else "over"
    headline = note(_LEVEL[one.verdict], f"Verdict: {one.verdict}. {one.reason[:1].upper()}{one.reason[1:]}.")
    rows = [("time", f"{one.seconds:.1f} s, {late} the budget of {one.budget:.0f} s"), ("record", one.folder)]
    return stack(headline, table(("", ""), rows), *(note("info", f"Next: {action}") for action in one.next_actions))


_VIEWS: dict[type, Callable[[Any], View]] = {
    Opening: opening, State: state, Candidates: candidates, Target: target, Plan: plan, Verification: verification, Closing: closing,
}  # fmt: skip


def view(thing: object) -> View:
    """The view of a thing; one that has none is shown as its text."""
    make = _VIEWS.get(type(thing))
    return make(thing) if make else note("info", str(thing))


def register() -> None:
    """Let a cell that ends in one of these things show its view."""
    get = getattr(sys.modules.get("IPython"), "get_ipython", None)
    shell = get() if get else None
    if shell is None:
        return
    for kind in _VIEWS:
        shell.display_formatter.formatters["text/html"].for_type(kind, lambda thing: view(thing)._repr_html_())
        shell.display_formatter.formatters["text/plain"].for_type(kind, lambda thing, printer, cycle: printer.text(str(view(thing))))
