"""Views of the env rollback. They show names, lengths and keyed hashes, never values."""

from rollback_lib.notebook.view import Table, View, note, stack, table
from rollback_lib.notebook.views import common
from rollback_lib.notebook.views.common import SHOWN_CANDIDATES
from rollback_lib.plan.plan import some
from rollback_lib.procedures.env import Candidates, State, Target
from rollback_lib.procedures.env.plan import masked
from rollback_lib.text import times

HOLDS = {True: "holds what the file says", False: "holds something else than the file says", None: "cannot be compared"}


def state(now: State) -> View:
    file = now.file
    there = f"{now.path}, mode {file.mode}, {file.size} bytes, changed {times.ago(file.changed)}" if file else f"{now.path} is missing"
    rows = [("file", there), ("compose", f"cannot read it: {now.unreadable}" if now.unreadable else "reads it")]
    for name in now.readers:
        rows.append((f"container of {name}", f"{common.up(now.containers[name])}\n{HOLDS[now.holds(name, now.understood(name))]}"))
    if not now.readers:
        rows.append(("services that read it", "none as an env file"))
    return common.state(rows, now.probes, now.lines, now.stack.main)


def listed(found: Candidates) -> Table:
    rows = []
    for candidate in found[:SHOWN_CANDIDATES]:
        kinds = {"differ": candidate.changed, "more": candidate.added, "missing": candidate.removed}
        words = [f"{word}: {some(keys, 6)}" for word, keys in kinds.items() if keys]
        differs = "the file that is there" if candidate.current else candidate.unclear or "\n".join(words) or "comments or order only"
        rows.append(
            (
                candidate.version.name,
                times.ago(candidate.version.when),
                candidate.version.where,
                candidate.version.verdict or "not known",
                differs,
            )
        )
    return table(("version", "kept", "where", "verdict", "variables, against the file that is there"), rows)


def candidates(found: Candidates) -> View:
    if not found:
        return note("warn", "No other version is kept. Change single variables with `assign` and `remove`, or put a copy beside the file.")
    return listed(found)


def target(chosen: Target) -> View:
    rows = [
        (row.key, masked(chosen.key, row.old), masked(chosen.key, row.new), "" if row.asked else "▲ not asked for")
        for row in chosen.differences
    ]
    shown = table(("variable", "now", "then", ""), rows, title="What changes for compose") if rows else note("good", "No variable changes.")
    return stack(note("info", f"{chosen.name}\nChosen: {chosen.why}. Compose can read it."), shown)


VIEWS = {State: state, Candidates: candidates, Target: target}
CHOICES = {Candidates: (listed, lambda candidate: candidate.version.name)}
