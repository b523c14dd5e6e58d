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
        *((f"{deployed.service} containers", common.replicas(deployed.replicas)) for deployed in now.services),
        *((f"{deployed.service} made of", _made_of(deployed)) for deployed in now.services),
        ("compose", now.compose),
    ]
    return common.state(rows, now.probes, now.lines, now.main.service)


def _made_of(deployed: Deployed) -> str:
    image = deployed.container.image[7:19] if deployed.container else ""
    return f"commit {deployed.running[:7]} (by the {deployed.by}), image {image}" if deployed.running else deployed.by


def listed(found: Candidates) -> Table:
    rows = []
    for candidate in found[:SHOWN_CANDIDATES]:
        marks = ["runs now"] * candidate.running + ["HEAD"] * (candidate.head and not candidate.running) + ["image kept"] * candidate.kept
        deployed = times.ago(candidate.deployed) if candidate.deployed else "never seen here"
        rows.append(
            (
                candidate.commit.short,
                candidate.commit.subject,
                candidate.commit.author,
                deployed,
                candidate.verdict or "not known",
                ", ".join(marks),
            )
        )
    return table(("commit", "subject", "author", "deployed", "verdict", ""), rows)


def target(chosen: Target) -> View:
    alone = "".join(f"\nLeft alone: {name}, {why}." for name, why in chosen.others.items())
    return note("info", f"{chosen.commit.sha} {chosen.commit.subject}\nChosen: {chosen.why}.{alone}")


VIEWS = {State: state, Candidates: listed, Target: target}
CHOICES = {Candidates: (listed, lambda candidate: candidate.commit.sha)}
