"""Views of the release rollback."""

from collections.abc import Sequence

from rollback_lib.facts.whole_release import WholeRelease
from rollback_lib.notebook.view import Table, View, note, stack, table
from rollback_lib.notebook.views import common
from rollback_lib.notebook.views import database as of_database
from rollback_lib.procedures.release import Candidate, Candidates, Losses, State, Target
from rollback_lib.procedures.release.dimensions import lanes
from rollback_lib.report.lanes import letter, picture
from rollback_lib.text import tables, times

_DRAWN = 7  # how many releases the picture has, besides what runs now


def state(now: State) -> View:
    """What runs, and how it came there from release to release."""
    head = now.code.head if now.code else None
    rows = [
        ("commit", f"{head.sha[:7]}{', with uncommitted changes' if head.dirty else ''}" if head else "there is no tree"),
        *((f"{name} containers", common.replicas(now.of(name))) for name in now.present.services),
        ("releases", f"{tables.count(len(now.releases), 'moment')} at which the stack was healthy here"),
    ]
    return stack(common.state(rows, now.probes, now.code.lines if now.code else (), now.stack.main), timeline(now.releases, now))


def timeline(releases: Sequence[WholeRelease], now: State) -> View:
    """The last releases and what runs now, side by side: what has the same letter is the same."""
    if not releases:
        return note("warn", "No release is known that was healthy here: there is nothing to go back to yet.")
    shown = [*reversed(releases[:_DRAWN]), now.present]
    labels = [*(times.minute(one.when) for one in shown[:-1]), "now"]
    found = {one.words: versions for one, versions in lanes(shown).items()}
    lines = [("", *labels), *((name, *map(letter, versions)) for name, versions in found.items())]
    drawn = picture([label[5:16] for label in labels[:-1]] + labels[-1:], found, [one.commit in now.bad for one in shown])
    if not found:
        return note("info", "Nothing differs between the releases and what runs now.")
    return View("", "\n".join(["What changed (the same letter is the same version)", *tables.lines(lines)]), drawn)


def listed(found: Candidates) -> Table:
    """A row for each release."""
    rows = [(one.release.incident, f"{times.minute(one.release.when)}, {times.ago(one.release.when)}", _verdict(one), _differs(one))
            for one in found]  # fmt: skip
    return table(("release", "healthy at", "known", "what is different now"), rows)


def _verdict(one: Candidate) -> str:
    by = f", by {one.release.by}" if one.release.by else ""
    return f"{'found bad since' if one.bad else 'healthy here'}{by}"


def _differs(one: Candidate) -> str:
    lines = [f"{found.dimension.words}: {found.words}" for found in one.differences]
    return "\n".join(lines) or "nothing"


def target(chosen: Target) -> View:
    release = chosen.release
    what = [one.dimension.words for one in chosen.differences if one.restored]
    what += [f"database {name} from {backup.backup.name}" for name, (_, backup) in chosen.databases.items()]
    said = note("info", f"Release {release.incident}, healthy {times.minute(release.when)}.\nChosen: {chosen.why}.\n"
                        f"Brings back: {', '.join(what) or 'nothing, it runs already'}.")  # fmt: skip
    return stack(said, *(note("warn", risk) for risk in chosen.risks))


def losses(found: Losses) -> View:
    if not found.databases and not found.notes:
        return note("info", "No database is part of this plan.")
    return stack(*(note("warn", one) for one in found.notes), *map(of_database.losses, found.databases))


VIEWS = {State: state, Candidates: listed, Target: target, Losses: losses}
CHOICES = {Candidates: (listed, lambda candidate: candidate.release.incident)}
