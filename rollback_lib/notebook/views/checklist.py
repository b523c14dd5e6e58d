"""View of the checklist before a rollback."""

from rollback_lib.notebook.view import View, note, stack, table, words
from rollback_lib.run.checklist import Checklist


def checklist(found: Checklist) -> View:
    rows: list[tuple[object, ...]] = []
    for point in found.points:
        sign = "✔ answered" if point.answered else "✘ open, and required" if point.required else "▲ open"
        rows.append((sign, point.question, words(point.answer)))
    views: list[View] = [table(("", "checklist", "what is known"), rows)]
    if found.refusing:
        names = ",".join(point.name for point in found.refusing)
        views.append(note("bad", f"Open, and required before anything is changed. Find out, then say so: checked={names}"))
    if found.word:
        views.append(note("info", f"When it begins, this goes to {', '.join(found.told)}:\n{found.word}"))
    return stack(*views)


VIEWS = {Checklist: checklist}
