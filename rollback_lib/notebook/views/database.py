"""Views of the database rollback."""

from datetime import datetime

from rollback_lib.facts.tables import Table as Content
from rollback_lib.notebook.view import Table, View, note, stack, table
from rollback_lib.notebook.views import common
from rollback_lib.notebook.views.common import SHOWN_CANDIDATES
from rollback_lib.plan.plan import some
from rollback_lib.procedures.database import Candidates, Losses, State, TableLoss, Target
from rollback_lib.report import losses as bars
from rollback_lib.text import tables, times

SHOWN_TABLES = 40


def state(now: State) -> View:
    live, section = now.live, now.section
    rows = [("container", common.up(now.container))]
    rows.append(("server", f"{now.server.title}" if now.server else f"does not let {section.user} in, or does not run"))
    if live:
        rows += [("database", f"{live.name}, {live.size / 1e6:,.0f} MB"), *live.properties(now.key).items()]
        programs = sorted({f"{session.user} from {session.address} ({session.program or 'no name'})" for session in live.sessions})
        rows.append(("sessions", f"{len(live.sessions)}: {some(programs)}" if programs else "none"))
    elif now.server:
        rows.append(("database", f"there is no {section.database}; there are: {some(sorted(now.server.databases))}"))
    if now.content:
        biggest = sorted(now.content.tables.values(), key=lambda found: found.rows or 0, reverse=True)
        rows.append(("tables", "\n".join(f"{found.name}: {found.words}{_newest(found.newest, found.by)}" for found in biggest[:12])))
    if now.beside:
        rows.append(("kept beside it", "\n".join(f"{found.name}, {found.size / 1e6:,.0f} MB" for found in now.beside)))
    rows.append(("free disk", f"{now.free / 1e6:,.0f} MB" if now.free is not None else "could not be asked"))
    rows += [("backups elsewhere", f"{one.place} gave no list: {one.why}") for one in now.away]
    rows += [(f"used by {name}", common.replicas(mine)) for name, mine in now.clients.items()]
    return common.state(rows, now.probes, now.lines, section.container)


def listed(found: Candidates) -> Table:
    rows = []
    for candidate in found[:SHOWN_CANDIDATES]:
        backup = candidate.backup
        whole = {True: "yes", False: "no", None: "known once it is read"}[backup.whole]
        size = f"{backup.size / 1e6:,.1f} MB" if backup.size else "" if backup.source else "0"
        when = times.minute(backup.changed)
        rows.append(
            (
                backup.name,
                when,
                times.ago(backup.changed),
                size,
                backup.format or "",
                whole,
                backup.version,
                candidate.wrong or candidate.verdict,
                backup.source.words if backup.source else "the host",
            )
        )
    kinds = {candidate.backup.of for candidate in found if candidate.backup.version} or {"Postgres"}
    of = f"of {' or '.join(sorted(kinds))}"
    headings = ("backup", "made", "age", "size", "format", "complete", of, "known of it", "from")
    several = any(candidate.backup.source for candidate in found)  # else they are all files of the host
    return table(headings if several else headings[:-1], rows if several else [row[:-1] for row in rows])


def candidates(found: Candidates) -> View:
    return common.newest_of(listed(found), len(found), "older backup")


def target(chosen: Target) -> View:
    rows = [(name, f"{number:,}") for name, number in sorted(chosen.contents.rows.items())]
    said = f"{chosen.backup.path}\nChosen: {chosen.why}. It was read to its end, and it is whole."
    if not rows:
        return note(
            "info", f"{chosen.backup.path}\nChosen: {chosen.why}. All its files are there; its tables are known once it is restored."
        )
    return stack(note("info", said), table(("table", "rows in the backup"), rows[:SHOWN_TABLES]))


def losses(compared: Losses) -> View:
    if not compared.tables:
        return note("info", "What is lost is known once the backup is restored: it does not list its tables before.")
    now = f"{compared.old} now" if compared.old == compared.name else compared.old
    other = (
        f"{compared.new} now"
        if compared.old != compared.name
        else f"{compared.new}, restored"
        if compared.restored
        else f"{compared.new}, as it says itself"
    )
    notes = []
    if compared.foreign:
        notes.append(note("info", f"Foreign tables, whose rows lie elsewhere and are not touched: {some(compared.foreign)}."))
    if not compared.differ and not compared.estimated:
        return stack(
            note("good", f"No table differs in {now} and {other}: {tables.count(len(compared.tables), 'table')} compared."), *notes
        )
    headline = note("warn", f"{len(compared.differ)} of {len(compared.tables)} tables differ.")
    if compared.estimated:
        said = f"{len(compared.estimated)} could not be counted in time; ≈ is an estimate, and nobody knows whether they are the same."
        headline = stack(headline, note("warn", said))
    rows = [_row(loss) for loss in (*compared.differ, *compared.estimated)[:SHOWN_TABLES]]
    shown = table(("table", f"rows in {now}", f"rows in {other}", f"newest in {now}", f"newest in {other}", "columns"), rows)
    same = [loss.table for loss in compared.tables if loss.same]
    if same:
        notes.append(note("info", f"The same on both sides: {some(same)}."))
    return stack(headline, _bars(compared), shown, *notes)


def _bars(compared: Losses) -> View:
    """The rows of each table that differs as bars, on both sides."""
    drawn = bars.picture([bars.Loss(one.table, _side(one.old), _side(one.new)) for one in (*compared.differ, *compared.estimated)])
    return View("", "", drawn)


def _side(table: Content | None) -> bars.Side | None:
    return bars.Side(table.rows, table.exact, _moment(table.newest)) if table else None


def _row(loss: TableLoss) -> tuple[str, ...]:
    old, new = ("not there" if side is None else side.words.removesuffix(" rows") for side in (loss.old, loss.new))
    columns = [f"only before: {', '.join(loss.old_columns)}"] * bool(loss.old_columns)
    columns += [f"only in the other: {', '.join(loss.new_columns)}"] * bool(loss.new_columns)
    moments = (_moment(side.newest if side else None) for side in (loss.old, loss.new))
    return loss.table, old, new, *moments, "\n".join(columns)


def _newest(moment: datetime | None, by: str) -> str:
    return f", newest {times.minute(moment)} ({by})" if moment else ""


def _moment(moment: datetime | None) -> str:
    return times.second(moment) if moment else ""


VIEWS = {State: state, Candidates: candidates, Target: target, Losses: losses}
CHOICES = {Candidates: (listed, lambda candidate: candidate.backup.name)}
