"""The commit to go back to."""

import re
from dataclasses import dataclass

from rollback_lib.errors import ParameterError, Refused, TargetRefused
from rollback_lib.facts import git
from rollback_lib.facts.fact import Dialogue
from rollback_lib.procedures.code.state import State
from rollback_lib.procedures.procedure import check_target
from rollback_lib.stack import Stack

REVISION = re.compile(r"[0-9A-Za-z][0-9A-Za-z._/~^-]{0,199}")
DIRTY = ("refuse", "save")


@dataclass(frozen=True)
class Target:
    """The chosen commit as git on the host knows it, and why it was chosen; `changes` lead from HEAD to it."""

    commit: git.Commit
    why: str
    changes: list[git.Change]
    diff: str
    in_the_way: list[str]

    @property
    def name(self) -> str:
        """What the target is called in the record."""
        return self.commit.sha


def check(stack: Stack, target: object = "", dirty: object = "refuse") -> None:
    """The parameters, checked before anything is contacted. Raises ParameterError."""
    check_target(target, REVISION, "a commit, tag or branch")
    if dirty not in DIRTY:
        raise ParameterError(f"dirty: one of {', '.join(DIRTY)} is expected, not {dirty!r}")


def choose(now: State, target: str) -> tuple[str, str]:
    """The revision to go back to, and why: `target` as named, else the commit that the most speaks for.

    Raises TargetRefused when none was named and nothing speaks for any.
    """
    if target:
        return target, "named as the target"
    bad = {release.commit for release in now.releases if not release.healthy} - {
        release.commit for release in now.releases if release.healthy
    }
    for release in reversed(now.releases):
        if release.healthy and release.commit and release.commit != (now.running or now.head.sha) and release.commit not in bad:
            return release.commit, f"the newest release that was healthy here ({release.when:%Y-%m-%d %H:%M} UTC)"
    running = now.running or now.head.sha
    arrived = [move for move in now.reflog if now.container is None or move.when <= now.container.created]
    for move in arrived:
        if move.commit.sha != running and move.commit.sha not in bad:
            return move.commit.sha, f"what was deployed here before ({move.when:%Y-%m-%d %H:%M} UTC, by the reflog)"
    raise TargetRefused(
        "no target was named, and neither the ledger nor the reflog of the host knows an earlier release; name a commit: target=SHA"
    )


def examine(now: State, target: str) -> Dialogue[Target]:
    """The commit to go back to, what leads there, and what stands in the way."""
    check(now.stack, target)
    revision, why = choose(now, target)
    tree = now.stack.tree
    try:
        commit: git.Commit = (yield {"commit": git.resolve(tree, revision)})["commit"]
    except Refused as error:
        raise TargetRefused(str(error)) from None
    found = yield {
        "changes": git.changes(tree, now.head.sha, commit.sha),
        "diff": git.diff(tree, now.head.sha, commit.sha),
        "in_the_way": git.in_the_way(tree, now.head.sha, commit.sha),
    }
    return Target(commit=commit, why=why, **found)
