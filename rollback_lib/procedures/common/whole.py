"""Entering what runs as a whole release, once it is proven healthy: by a mark, by readiness, or by a rollback after its verification."""

from collections.abc import Collection
from dataclasses import replace

from rollback_lib.commands.command import Command
from rollback_lib.facts import whole_release
from rollback_lib.plan.plan import Plan
from rollback_lib.plan.step import Step
from rollback_lib.procedures.common import retention, snapshots
from rollback_lib.stack.model import Stack


def enter(stack: Stack, incident: str, but: Collection[str] = ()) -> Command:
    """The command that enters what runs. The files at the paths in `but` are left out, since the stack may not run with them."""
    return whole_release.enter(stack, incident, {path: name for path, name in _files(stack).items() if path not in but})


def with_entry(plan: Plan, stack: Stack) -> Plan:
    """The same rollback, which also enters what runs then, in the step after its verification."""
    if not (plan.touches and retention.has_place(plan)):
        return plan
    return replace(plan, steps=tuple(_also(step, enter(stack, plan.incident)) for step in plan.steps))


def _also(step: Step, command: Command) -> Step:
    if step.name != retention.REMEMBER:
        return step
    return replace(step, commands=(*(() if step.skip else step.commands), command), skip=None)


def _files(stack: Stack) -> dict[str, str]:
    """The files with which the stack runs, by their paths, each with the name under which its versions are kept."""
    found = {path: snapshots.of_env(stack, path) for path in (stack.env.paths if stack.env else ())}
    return found | ({stack.caddyfile.file: snapshots.CADDYFILE} if stack.caddyfile else {})
