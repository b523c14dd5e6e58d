"""Views of the database rollback."""

from datetime import datetime

from rollback_lib.notebook.view import Table, View, note, stack, table
from rollback_lib.notebook.views import common
from rollback_lib.notebook.views.common import SHOWN_CANDIDATES
from rollback_lib.plan.plan import some
from rollback_lib.procedures.database import Candidates, Losses, State, TableLoss, Target
from rollback_lib.text import times

SHOWN_TABLES = 40


def state(now: State) -> View:
    live, one = now.live, now.section
    rows = [("container", common.up(now.container))]
    rows.append(("server", f"Postgres {now.server.words}" if now.server else f"does not let {one.user} in, or does not run"))
    if live:
        rows += [("database", f"{live.name}, {live.size / 1e6:,.0f} MB"), *live.properties(now.key).items()]
        programs = sorted({f"{session.user} from {session.address} ({session.program or 'no name'})" for session in live.sessions})
        rows.append(("sessions", f"{len(live.sessions)}: {some(programs)}" if programs else "none"))
    elif now.server:
        rows.append(("database", f"there is no {one.database}; there are: {some(sorted(now.server.databases))}"))
    if now.content:
        tables = sorted(now.content.tables.values(), key=lambda found: found.rows or 0, reverse=True)
        rows.append(("tables", "\n".join(f"{found.name}: {found.words}{_newest(found.newest, found.by)}" for found in tables[:12])))
    if now.beside:
        rows.append(("kept beside it", "\n".join(f"{found.name}, {found.size / 1e6:,.0f} MB" for found in now.beside)))
    rows.append(("free disk", f"{now.free / 1e6:,.0f} MB" if now.free is not None else "could not be asked"))
    rows += [(f"used by {name}", common.replicas(mine)) for name, mine in now.clients.items()]
    return common.state(rows, now.probes, now.lines, one.container)


def listed(found: Candidates) -> Table:
    rows = []
    for one in found[:SHOWN_CANDIDATES]:
        backup = one.backup
        whole = {True: "yes", False: "no", None: "known once it is read"}[backup.whole]
        size = f"{backup.size / 1e6:,.1f} MB" if backup.size else "0"
        when = times.minute(backup.changed)
        rows.append(
            (backup.name, when, times.ago(backup.changed), size, backup.format or "", whole, backup.version, one.wrong or one.verdict)
        )
    return table(("backup", "made", "age", "size", "format", "complete", "of Postgres", "known of it"), rows)


def candidates(found: Candidates) -> View:
    older = len(found) - SHOWN_CANDIDATES
    return stack(listed(found), note("info", f"{older} older ones are not shown.")) if older > 0 else listed(found)


def target(one: Target) -> View:
    rows = [(name, f"{number:,}") for name, number in sorted(one.contents.rows.items())]
    said = f"{one.backup.path}\nChosen: {one.why}. It was read to its end, and it is whole."
    if not rows:
        return note("info", f"{one.backup.path}\nChosen: {one.why}. All its files are there; its tables are known once it is restored.")
    return stack(note("info", said), table(("table", "rows in the backup"), rows[:SHOWN_TABLES]))


def losses(one: Losses) -> View:
    if not one.tables:
        return note("info", "What is lost is known once the backup is restored: it does not list its tables before.")
    now = f"{one.old} now" if one.old == one.name else one.old
    other = f"{one.new} now" if one.old != one.name else f"{one.new}, restored" if one.restored else f"{one.new}, as it says itself"
    notes = []
    if one.foreign:
        notes.append(note("info", f"Foreign tables, whose rows lie elsewhere and are not touched: {some(one.foreign)}."))
    if not one.differ and not one.estimated:
        return stack(note("good", f"{len(one.tables)} tables are the same in {now} and {other}."), *notes)
    headline = note("warn", f"{len(one.differ)} of {len(one.tables)} tables differ.")
    if one.estimated:
        said = (
            f"{len(one.estimated)} could not be counted in time; ≈ is an estimate of Postgres, and nobody knows whether they are the same."
        )
        headline = stack(headline, note("warn", said))
    rows = [_row(loss) for loss in (*one.differ, *one.estimated)[:SHOWN_TABLES]]
    shown = table(("table", f"rows in {now}", f"rows in {other}", f"newest in {now}", f"newest in {other}", "columns"), rows)
    same = [loss.table for loss in one.tables if loss.same]
    if same:
        notes.append(note("info", f"The same on both sides: {some(same)}."))
    return stack(headline, shown, *notes)


def _row(one: TableLoss) -> tuple[str, ...]:
    old, new = ("not there" if side is None else side.words.removesuffix(" rows") for side in (one.old, one.new))
    columns = [f"only before: {', '.join(one.old_columns)}"] * bool(one.old_columns)
    columns += [f"only in the other: {', '.join(one.new_columns)}"] * bool(one.new_columns)
    moments = (_moment(side.newest if side else None) for side in (one.old, one.new))
    return one.table, old, new, *moments, "\n".join(columns)


def _newest(moment: datetime | None, by: str) -> str:
    return f", newest {times.minute(moment)} ({by})" if moment else ""


def _moment(moment: datetime | None) -> str:
    return times.second(moment) if moment else ""


VIEWS = {State: state, Candidates: candidates, Target: target, Losses: losses}
CHOICES = {Candidates: (listed, lambda one: one.backup.name)}
