"""Views of the Caddyfile rollback."""

from rollback_lib.notebook.view import Table, View, note, stack, table
from rollback_lib.notebook.views import common
from rollback_lib.notebook.views.common import SHOWN_CANDIDATES
from rollback_lib.notebook.views.diffs import diff
from rollback_lib.procedures.caddyfile import NAME, Candidates, State, Target
from rollback_lib.text import times

SHOWN_DIFFS = 4
LOADED = {True: "yes", False: "no: it runs with something else", None: "not known"}


def state(now: State) -> View:
    section = now.stack.section(NAME)
    file = now.file
    seen = "not known"
    if now.inside and file:
        same = now.inside.hash == file.hash
        seen = "the same" if same else "another one: the file was replaced on the host after Caddy was started"
    accepted = f"no: {now.of_file}" if isinstance(now.of_file, str) else "yes" if now.of_file else "not known"
    rows = [
        ("file", f"{section.file}, {file.kind}, changed {times.ago(file.changed)}" if file else f"{section.file} is missing"),
        ("in the container", f"{now.path_inside or 'not mounted'}: {seen}"),
        ("Caddy reads it", accepted),
        ("Caddy runs with it", LOADED[now.loaded]),
        ("container", common.up(now.container)),
    ]
    return common.state(rows, now.probes, now.lines, section.service)


def listed(found: Candidates) -> Table:
    rows = [
        (known.name, known.said, times.ago(known.when), known.verdict or "not known", "on the host now" * candidate.current)
        for candidate in found[:SHOWN_CANDIDATES]
        for known in (candidate.version,)
    ]
    return table(("version", "subject", "age", "verdict", ""), rows)


def candidates(found: Candidates) -> View:
    diffs = [
        diff(candidate.changes, title=f"From what is on the host to {candidate.version.name}", folded=True)
        for candidate in found
        if not candidate.current
    ]
    return stack(listed(found), *diffs[:SHOWN_DIFFS])


def target(chosen: Target) -> View:
    return stack(
        note("info", f"{chosen.version.name} {chosen.version.said}\nChosen: {chosen.why}. Caddy accepts it."),
        diff(chosen.diff or "(no difference)", title="What changes in the file"),
    )


VIEWS = {State: state, Candidates: candidates, Target: target}
CHOICES = {Candidates: (listed, lambda candidate: candidate.version.name)}
