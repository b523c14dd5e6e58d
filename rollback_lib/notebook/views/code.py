"""Views of the code rollback."""

from rollback_lib.notebook.view import Table, View, note, table
from rollback_lib.notebook.views import common
from rollback_lib.notebook.views.common import SHOWN_CANDIDATES
from rollback_lib.procedures.code import Candidates, Deployed, State, Target
from rollback_lib.text import times


def state(now: State) -> View:
    move = next((move for move in now.reflog if move.commit.sha == now.head.sha), None)
    deploy = (
        f"{move.commit.subject} ({move.commit.author}), arrived {times.ago(move.when)} by {move.action}" if move else "not in the reflog"
    )
    rows = [
        ("tree", f"{now.stack.work_tree} at {now.head.sha[:7]}, {now.head.branch or 'detached HEAD'}"),
        ("last deploy", deploy),
        *[("history", "not whole: a shallow clone")] * now.repository.shallow,
        ("uncommitted", ", ".join(now.head.dirty) or "nothing: the tree is clean"),
        *((f"{one.service} containers", common.replicas(one.replicas)) for one in now.services),
        *((f"{one.service} made of", _made_of(one)) for one in now.services),
        ("compose", now.compose),
    ]
    return common.state(rows, now.probes, now.lines, now.main.service)


def _made_of(one: Deployed) -> str:
    image = one.container.image[7:19] if one.container else ""
    return f"commit {one.running[:7]} (by the {one.by}), image {image}" if one.running else one.by


def listed(found: Candidates) -> Table:
    rows = []
    for one in found[:SHOWN_CANDIDATES]:
        marks = ["runs now"] * one.running + ["HEAD"] * (one.head and not one.running) + ["image kept"] * one.kept
        deployed = times.ago(one.deployed) if one.deployed else "never seen here"
        rows.append((one.commit.short, one.commit.subject, one.commit.author, deployed, one.verdict or "not known", ", ".join(marks)))
    return table(("commit", "subject", "author", "deployed", "verdict", ""), rows)


def target(one: Target) -> View:
    alone = "".join(f"\nLeft alone: {name}, {why}." for name, why in one.others.items())
    return note("info", f"{one.commit.sha} {one.commit.subject}\nChosen: {one.why}.{alone}")


VIEWS = {State: state, Candidates: listed, Target: target}
CHOICES = {Candidates: (listed, lambda one: one.commit.sha)}
