"""States of a repository that a rollback cannot handle. They are refused before anything is planned."""

from rollback_lib.errors import Refused
from rollback_lib.facts import git
from rollback_lib.plan.plan import some
from rollback_lib.procedures.code.state import State


def check(now: State, commit: git.Commit, changes: list[git.Change], unseen: list[str]) -> None:
    """Raises Refused if the tree cannot be put on the commit and back again, byte for byte. `unseen` are changed files that git was told
    not to show (assume-unchanged or skip-worktree)."""
    tree, shape = now.stack.work_tree, now.repository
    if shape.inside:
        raise Refused(f"{tree} is the folder {shape.inside} of a git work tree, and not its top; name the top as `tree` in the stack")
    if shape.pending:
        raise Refused(
            f"git is in the middle of a {shape.pending} in {tree}, which a rollback would end; finish it there, or give it up: "
            f"`git -C {tree} {shape.pending} --abort`"
        )
    if shape.lock:
        raise Refused(f"another git is at work in {tree}, or was killed there; when none is, remove {shape.lock}, then run again")
    if now.head.submodules:
        raise Refused(
            f"submodules of {tree} have changes of their own, or are at another commit than the tree names ({some(now.head.submodules)}), "
            f"and no stash keeps that; commit it, or put them back: `git -C {tree} submodule update --recursive`"
        )
    lost = sorted({change.path for change in changes} & set(unseen))
    if lost:
        raise Refused(
            f"{commit.short} has other versions of files whose changes git was told not to show ({some(lost)}), and would overwrite them; "
            f"put them away, or have them shown: `git -C {tree} update-index --no-assume-unchanged --no-skip-worktree FILE`"
        )
    moved = [change.path for change in changes if change.submodule]
    if moved:
        raise Refused(
            f"{commit.short} names other commits of the submodules {some(moved)} than {now.head.sha[:7]}, and a rollback does not move "
            f"submodules; choose a target that names the same, or go back by hand: `git -C {tree} checkout {commit.sha} && "
            f"git -C {tree} submodule update --init --recursive`"
        )
