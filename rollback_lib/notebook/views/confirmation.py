"""View of what a person is asked to confirm."""

from rollback_lib.notebook.view import View, note, stack, table
from rollback_lib.plan.step import Step
from rollback_lib.run.stages import Confirmation


def confirmation(pending: Confirmation) -> View:
    plan, lost = pending.plan, "; ".join(pending.plan.loses)
    title = f"Plan {plan.hash}: {plan.procedure} on {plan.host}, to {plan.target}"
    rows = [(str(number), step.title, _what(step)) for number, step in enumerate(plan.steps, 1)]
    views: list[View] = [table(("", "what will happen", ""), rows, title=title)]
    if lost:
        views.append(note("warn", f"What will be lost or changed: {lost}."))
    else:
        views.append(note("info", "Nothing is lost for good: undo restores all of it."))
    if pending.holder:
        views.append(note("warn", f"The stack is held by {pending.holder}. Ask them: until they are done, the cells below refuse."))
    return stack(*views)


def _what(step: Step) -> str:
    if step.skip:
        return f"not needed: {step.skip}"
    return "changes the stack" if step.touches else "leaves the stack as it is"


VIEWS = {Confirmation: confirmation}
