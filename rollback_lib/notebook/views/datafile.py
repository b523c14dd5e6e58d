"""Views of the data file rollback."""

from rollback_lib.notebook.view import Table, View, note, stack, table
from rollback_lib.notebook.views import common
from rollback_lib.notebook.views.common import SHOWN_CANDIDATES
from rollback_lib.procedures.datafile import Candidates, Losses, State, Target
from rollback_lib.report import losses as bars
from rollback_lib.text import tables, times

SHOWN_TABLES = 40


def state(now: State) -> View:
    place, entry = now.place, now.section
    rows = [("container", common.up(now.container)), ("file", entry.file)]
    if place and place.closed:
        rows.append(("on the host", f"{place.path}: the login user may not look there"))
    elif place:
        file = place.file
        said = f"{file.size / 1e6:,.1f} MB, {file.rights}" if file else "not there"
        rows.append(("on the host", f"{place.path}: {said}"))
        belongs = [f"{part.path}: {part.size / 1e6:,.1f} MB" for part in place.parts if part.path != place.path]
        rows += [("belongs to it", "\n".join(belongs))] if belongs else []
        rows += [("log of changes", f"{place.append_only}, which Redis loads instead")] if place.append_only else []
        rows.append(("free disk", f"{place.free / 1e6:,.0f} MB"))
        rows += [("kept beside it", "\n".join(f"{path}, {size / 1e6:,.1f} MB" for path, size in place.kept))] if place.kept else []
    if now.content:
        rows.append(("in it", now.content.wrong or f"{now.content.counted} ({now.content.proven})"))
    if now.server:
        rows.append(("in it", f"{now.server.words} keys, Redis {now.server.version}"))
    others = [common.up(one) for one in now.users if one.service != entry.service]
    rows += [("also has it mounted", "\n".join(others))] if others else []
    rows += [("backups elsewhere", f"{one.place} gave no list: {one.why}") for one in now.away]
    return common.state(rows, now.probes, now.lines, entry.service)


def listed(found: Candidates) -> Table:
    rows = []
    for candidate in found[:SHOWN_CANDIDATES]:
        backup = candidate.backup
        size = f"{backup.size / 1e6:,.2f} MB" if backup.size else "" if backup.source else "0"
        rows.append(
            (
                backup.name,
                times.minute(backup.changed),
                times.ago(backup.changed),
                size,
                backup.format or "",
                candidate.wrong or candidate.verdict,
                backup.source.words if backup.source else "the host",
            )
        )
    return table(("backup", "made", "age", "size", "stored", "known of it", "from"), rows)


def candidates(found: Candidates) -> View:
    return common.newest_of(listed(found), len(found), "older backup")


def target(chosen: Target) -> View:
    content = chosen.content
    said = note("info", f"{chosen.backup.path}\nChosen: {chosen.why}. Read to its end: {content.proven}.")
    if content.rows is None:
        return stack(said, note("warn", "What is in it could not be counted, so what would be lost is not known."))
    return stack(
        said, table(("", "in the backup"), [(name, f"{number:,}") for name, number in sorted(content.rows.items())][:SHOWN_TABLES])
    )


def losses(compared: Losses) -> View:
    if compared.unknown:
        return note("warn", f"What is lost is not known: {compared.unknown}.")
    if not compared.differ:
        return note("good", f"As many on both sides: {tables.count(len(compared.rows), 'count')} compared.")
    rows = [(one.table, *("not there" if side is None else f"{side:,}" for side in (one.old, one.new))) for one in compared.differ]
    drawn = bars.picture([bars.Loss(one.table, _side(one.old), _side(one.new)) for one in compared.differ])
    headline = note("warn", f"{len(compared.differ)} of {tables.count(len(compared.rows), 'count')} differ.")
    return stack(headline, View("", "", drawn), table(("", "now", f"in {compared.backup}"), rows[:SHOWN_TABLES]))


def _side(count: int | None) -> bars.Side | None:
    return None if count is None else bars.Side(count, True, "")


VIEWS = {State: state, Candidates: candidates, Target: target, Losses: losses}
CHOICES = {Candidates: (listed, lambda candidate: candidate.backup.name)}
