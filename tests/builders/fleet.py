"""Outcomes of stacks for tests of fleets."""

from typing import Any

from rollback_lib.fleet.outcome import Outcome

ENDS = {
    "planned": {"verdict": "planned", "status": 0, "plan": "afb49fd011ee", "target": "b6d91b1719b4", "shell": "docker compose up -d\n"},
    "nothing to do": {"verdict": "planned", "status": 0, "plan": "fac2852e8943", "steps": [{"name": "build", "state": "not needed"}]},
    "done": {"verdict": "succeeded", "status": 0},
    "undone": {"verdict": "succeeded", "status": 0, "procedure": "undo"},
    "locked": {"verdict": "refused", "status": 3, "error": "Locked", "reason": "ben holds the stack"},
    "drifted": {"verdict": "refused", "status": 3, "error": "Drifted", "reason": "the tree is at another commit"},
    "unreachable": {"verdict": "refused", "status": 3, "error": "ConnectionRefused", "reason": "no answer"},
    "not approved": {"verdict": "refused", "status": 3, "error": "NotApproved", "reason": "the approval is missing"},
    "refused": {"verdict": "refused", "status": 3, "error": "TargetRefused", "reason": "there is no such commit"},
    "not ready": {"verdict": "not-ready", "status": 7},
    "failed and restored": {"verdict": "failed-restored", "status": 4, "error": "Failed"},
    "failed and partly changed": {"verdict": "failed-partly", "status": 5, "error": "Failed"},
    "not known": {"verdict": "unknown", "status": 6, "error": "LinkLost"},
}  # fmt: skip


def outcome(kind: str, stack: str = "a", **more: Any) -> Outcome:
    """The outcome of a stack that came to that, with the rest as given."""
    given = {"stack": f"parameters/fleet/{stack}.yaml", "name": f"shop-{stack}", "host": f"host-{stack}", "incident": f"00000{stack}"}
    steps = {"steps": [{"name": "build", "state": "not begun"}]} if kind == "planned" else {}
    return Outcome.of({**given, **steps, **ENDS[kind], **more})
