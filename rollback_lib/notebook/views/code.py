"""Views of the code rollback."""

from rollback_lib.notebook.view import Table, View, note, table
from rollback_lib.notebook.views import common
from rollback_lib.notebook.views.common import SHOWN_CANDIDATES, ago
from rollback_lib.procedures.code import Candidates, State, Target


def state(now: State) -> View:
    move = next((move for move in now.reflog if move.commit.sha == now.head.sha), None)
    deploy = f"{move.commit.subject} ({move.commit.author}), arrived {ago(move.when)} by {move.action}" if move else "not in the reflog"
    image = now.container.image[7:19] if now.container else ""
    rows = [
        ("tree", f"{now.stack.tree} at {now.head.sha[:7]}, {now.head.branch or 'detached HEAD'}"),
        ("last deploy", deploy),
        ("in no commit", ", ".join(now.head.dirty) or "nothing: the tree is clean"),
        ("container", common.up(now.container)),
        ("made of", f"commit {now.running[:7]} (by the {now.by}), image {image}" if now.running else now.by),
        ("compose", now.compose),
    ]
    return common.state(rows, now.probes, now.lines, now.stack.code.service)


def listed(found: Candidates) -> Table:
    rows = []
    for one in found[:SHOWN_CANDIDATES]:
        marks = ["runs now"] * one.running + ["HEAD"] * (one.head and not one.running) + ["image kept"] * one.kept
        deployed = ago(one.deployed) if one.deployed else "never seen here"
        rows.append((one.commit.short, one.commit.subject, one.commit.author, deployed, one.verdict or "not known", ", ".join(marks)))
    return table(("commit", "subject", "author", "deployed", "verdict", ""), rows)


def target(one: Target) -> View:
    return note("info", f"{one.commit.sha} {one.commit.subject}\nChosen: {one.why}.")


VIEWS = {State: state, Candidates: listed, Target: target}
CHOICES = {Candidates: (listed, lambda one: one.commit.sha)}
