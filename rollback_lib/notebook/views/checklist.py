"""View of the checklist before a rollback."""

from rollback_lib.notebook.view import View, note, stack, table
from rollback_lib.run.checklist import Checklist


def checklist(one: Checklist) -> View:
    rows = []
    for point in one.points:
        sign = "✔ answered" if point.answered else "✘ open, and required" if point.required else "▲ open"
        rows.append((sign, point.question, point.answer))
    views: list[View] = [table(("", "checklist", "what is known"), rows)]
    if one.refusing:
        names = ",".join(point.name for point in one.refusing)
        views.append(note("bad", f"Open, and required before anything is changed. Find out, then say so: checked={names}"))
    if one.word:
        views.append(note("info", f"When it begins, this goes to {', '.join(one.told)}:\n{one.word}"))
    return stack(*views)


VIEWS = {Checklist: checklist}
