"""Whether a database could be rolled back right now: its newest backup is restored beside it, for trial."""

from dataclasses import dataclass
from datetime import UTC, datetime

from rollback_lib.facts import restores as ledger
from rollback_lib.facts.host import Host, Unanswered
from rollback_lib.plan.plan import some
from rollback_lib.plan.step import Changes, Step
from rollback_lib.procedures.common import from_backup, retention
from rollback_lib.procedures.common.readiness import DROP, Readiness, Seen, Trials, trial_row
from rollback_lib.procedures.common.rows import AMBER, GREEN, RED, Row
from rollback_lib.procedures.database import kinds
from rollback_lib.procedures.database.noted import After
from rollback_lib.procedures.database.plan import RESTORE_DEADLINE, plan
from rollback_lib.procedures.database.state import State
from rollback_lib.procedures.database.target import Target
from rollback_lib.text import tables, times

RESTORE = "restore_"


@dataclass(frozen=True)
class Restored:
    """What came back of a backup: the number of tables (None: nothing was restored), the rows in words, as some may be estimated, and which
    tables have fewer than the backup says."""

    tables: int | None
    rows: str
    missing: str

    @property
    def words(self) -> str:
        """For people."""
        return "nothing" if self.tables is None else f"{tables.count(self.tables, 'table')}, {self.rows}"


def trials(now: State, target: Target, incident: str) -> Trials:
    """The restore, to its end."""
    made, name = plan(now, target, incident=incident), now.section.name
    commands = [command for step in made.steps if step.name in ("create", "restore", "prepare") for command in step.script]
    enter = ledger.enter(f"{now.stack.state}/{ledger.FILE}", target.backup, incident)
    title, why = f"Restore {target.backup.name} beside {name}", "For real, to its end; the live database is not touched."
    step = Step(_step(name), title, why, (*commands, enter), changes=Changes.TRIAL, deadline=RESTORE_DEADLINE)
    cleanup = tuple(made.cleanup)
    return Trials((step,), drop=cleanup, cleanup=cleanup, made=After.read(made.after).beside)


def measure(host: Host, now: State, target: Target, made: str) -> Restored:
    """Count what was restored, against what the backup says of itself."""
    content = host.ask(now.engine.content(made)).result()
    if content is None:
        return Restored(None, "no rows", "")
    short = [
        table for table, count in target.contents.rows.items()
        if table not in content.tables or content.tables[table].fewer_than(count)
    ]  # fmt: skip
    rows = f"{'' if content.exact else '≈ '}{tables.count(content.rows, 'row')}"
    return Restored(len(content.tables), rows, some(sorted(short)) if short else "")


def rows(seen: Seen[State, Target]) -> list[Row]:
    """The backup's age, what came back of it, and what earlier runs left beside the database."""
    name, state, target = seen.name, seen.state, seen.target
    if isinstance(state, Unanswered) or isinstance(target, Unanswered):
        why = target.why if isinstance(target, Unanswered) else "not known"
        return [Row(f"database {name}", RED, why, "fix that, or there is no way back for this database")]
    hours = (datetime.now(UTC) - target.backup.changed).total_seconds() / 3600
    fresh = state.section.fresh
    size = f", {target.backup.size / 1e6:,.1f} MB" if target.backup.size else ""
    said = f"{target.backup.name}, {hours:.1f} h old{size}, whole" + (
        f", from {target.backup.source.words}" if target.backup.source else ""
    )
    found = [Row(f"backup of {name}", from_backup.level(fresh, hours), said, from_backup.late(fresh, hours)), _restore(seen, state)]
    found += [Row(f"backups of {name}", AMBER, f"{one.place} gave no list: {one.why}", "fix that on the host") for one in state.away]
    if state.beside:
        found.append(_beside(seen, state))
    drop = seen.tried.get(DROP)
    if drop and not drop.ok:
        found.append(Row(f"dropping of {name}", RED, drop.words, f"drop {seen.made} by hand"))
    return found


def _restore(seen: Seen[State, Target], state: State) -> Row:
    label, tried, restored = f"restore of {seen.name}", seen.tried.get(_step(seen.name)), seen.measured
    if tried is None:
        return trial_row(label, "", "", None, "")
    if not isinstance(restored, Restored) or restored.tables is None:
        return Row(label, RED, f"it was not restored, {tried.words}", f"see output/{_step(seen.name)}.txt of the record")
    if restored.missing:
        return Row(label, RED, f"rows are missing in {restored.missing}", "the backup is not what it says; make a new one")
    words = f"{restored.words} came back, in {times.exactly(tried.seconds)}"
    late = tried.seconds > state.stack.budgets.database
    return Row(label, AMBER if late else GREEN, words, "that is longer than the budget of a database" if late else "")


def _beside(seen: Seen[State, Target], state: State) -> Row:
    """Databases that earlier runs left beside the live one. None is dropped by itself: its rows may be nowhere else."""
    words = []
    for one in sorted(state.beside, key=lambda one: one.name):
        when = retention.of_database(seen.copies, one.name)
        age = f"{(datetime.now(UTC) - when).days} days" if when else "its age is not known"
        words.append(f"{one.name} ({one.size / 1e6:,.0f} MB, {age})")
    drop = kinds.of(state.section).dropping("NAME")
    return Row(f"kept beside {seen.name}", AMBER, some(words), f"it stays until somebody drops it; when nobody needs its rows: `{drop}`")


def _step(name: str) -> str:
    """The name of the step that restores that database's backup."""
    return RESTORE + name.replace(".", "_")


READINESS: Readiness[State, Target] = Readiness(rank=60, rows=rows, trials=trials, measure=measure)
