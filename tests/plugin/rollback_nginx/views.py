"""The views of the nginx rollback in a notebook."""

from rollback_lib.notebook.view import Table, View, code, note, stack, table
from rollback_lib.notebook.views import common
from rollback_lib.text import times
from rollback_nginx.state import Candidates, State
from rollback_nginx.target import Target


def state(now: State) -> View:
    file = now.file
    rows = [
        ("file", f"{now.section.file}, changed {times.ago(file.changed)}" if file else f"{now.section.file} is missing"),
        ("nginx accepts it", f"no: {now.refused}" if now.refused else "yes"),
        ("workers", ", ".join(now.workers) or "none"),
        ("container", common.up(now.container)),
    ]
    return common.state(rows, now.probes, now.lines, now.section.service)


def listed(found: Candidates) -> Table:
    rows = [
        (
            candidate.version.name,
            candidate.version.said,
            times.ago(candidate.version.when),
            candidate.version.verdict or "not known",
            "on the host now" * candidate.current,
        )
        for candidate in found[: common.SHOWN_CANDIDATES]
    ]
    return table(("version", "subject", "age", "verdict", ""), rows)


def target(chosen: Target) -> View:
    said = note("info", f"{chosen.name} {chosen.version.said}\nChosen: {chosen.why}. nginx accepts it.")
    return stack(said, code(chosen.diff or "(no difference)", title="What changes in the file"))


VIEWS = {State: state, Candidates: listed, Target: target}
CHOICES = {Candidates: (listed, lambda candidate: candidate.version.name)}
