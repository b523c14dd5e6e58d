"""The reasons for a code rollback: which commit it reverts, and what is known of the target commit."""

from rollback_lib.facts import releases
from rollback_lib.plan.plan import Rationale
from rollback_lib.procedures.code.state import State
from rollback_lib.procedures.code.target import Target
from rollback_lib.text import times


def rationale(now: State, target: Target) -> Rationale:
    """The reasons, taken from the reflog, the history, and the ledger of releases."""
    known, stable = releases.standing(now.releases, target.commit.sha)
    ran = next((move for move in now.reflog if move.commit.sha == target.commit.sha), None)
    if stable is None and ran:
        known = f"deployed here {times.minute(ran.when)}, its health was never verified"
    return Rationale(change(now), f"{target.commit.short}: {known}", stable)


def change(now: State) -> str:
    """The commit that runs, in words: its author, when it was made, and when it came to this host. "" if it is not known."""
    commit = next((candidate for candidate in (*now.log, *(move.commit for move in now.reflog)) if candidate.sha == now.running), None)
    if commit is None:
        return ""
    came = next((move for move in now.reflog if move.commit.sha == commit.sha), None)
    arrived = f", here since {times.minute(came.when)} by {came.action}" if came else ""
    return f"commit {commit.short} “{commit.subject}” by {commit.author}, made {times.minute(commit.when)}{arrived}"
