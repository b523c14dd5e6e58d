"""A short look at a stack: could a rollback be planned right now? It reads no backup to its end, and tries nothing."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from rollback_lib.facts import backups, engines, references
from rollback_lib.facts.host import Host
from rollback_lib.health.watch import probe_once
from rollback_lib.procedures import readiness
from rollback_lib.procedures.common import from_backup
from rollback_lib.procedures.common.readiness import NOT_TRIED
from rollback_lib.procedures.common.rows import GREEN, RED, Row, worst
from rollback_lib.stack.model import Database, Stack

_LATER = ("known good",)  # rows of what only a run that is applied does


@dataclass(frozen=True)
class Looked:
    """The rows of a look at a stack."""

    stack: Stack
    rows: tuple[Row, ...]

    @property
    def ready(self) -> bool:
        """Whether nothing stands in the way of a plan."""
        return worst(self.rows) != RED

    def data(self) -> dict[str, Any]:
        """For programs."""
        return {"stack": self.stack.name, "host": self.stack.host, "ready": self.ready, "rows": [row.__dict__ for row in self.rows]}


def look(host: Host, stack: Stack) -> Looked:
    """Ask every procedure what it would go back to, each database for its server and its newest backup, and every route once."""
    servers = {one.name: host.ask(engines.of(one).server()) for one in stack.databases}
    newest = {one.name: host.ask(backups.listing(one.backups, most=1)) for one in stack.databases if one.backups}
    others = [(one, host.ask(backups.of_source(place.source))) for one in stack.databases for place in one.sources]
    short = stack.model_copy(update={"databases": []})  # their contents would be counted, and their backups read
    values = references.values(host, [reference for route in stack.routes for reference in route.headers.values()])
    probes = tuple(probe_once(stack.routes, stack.health.timeout, values))
    now = replace(readiness.document(host, short), probes=probes)
    target = readiness.examine(host, now)
    plan = readiness.plan(now, target, incident="check")
    report = readiness.report(now, target, plan, {}, readiness.Restored({}))
    rows = [row for row in report.rows if row.found != NOT_TRIED and row.name not in _LATER]
    for one in stack.databases:
        rows.append(_server(one, servers[one.name].result()))
        rows += [_backup(one, newest[one.name].result())] if one.name in newest else []
    rows += [_place(one, answer.result()) for one, answer in others]
    return Looked(stack, tuple(rows))


def _server(one: Database, found: engines.Server | None) -> Row:
    name = f"database {one.name}"
    if found is None:
        how = " without a password" if one.kind == "postgres" else ""
        return Row(name, RED, f"{one.container} does not let {one.user} in{how}, or does not run", "fix that, or the section")
    if one.database not in found.databases:
        return Row(name, RED, f"{one.container} has no database {one.database}", f"there are: {', '.join(sorted(found.databases))}")
    if not found.superuser:
        return Row(name, RED, f"{one.user} is no superuser in {one.container}", "name one who is")
    return Row(name, GREEN, f"{one.user} is let in by {one.container}, as a superuser; {found.title}")


def _backup(one: Database, found: list[backups.Backup]) -> Row:
    name = f"backup of {one.name}"
    if not found:
        return Row(name, RED, f"there is none by {one.backups}", "correct the pattern, or make one")
    (newest,) = found
    hours = (datetime.now(UTC) - newest.changed).total_seconds() / 3600
    if newest.wrong:
        return Row(name, RED, f"{newest.path}: {newest.wrong}", "make a new one")
    level = from_backup.level(one.fresh, hours)
    whole = "its end is there" if newest.whole else "whether it is whole, only reading it tells"
    return Row(name, level, f"{newest.name}, {hours:.1f} h old; {whole}", "" if level == GREEN else "see why no newer one was made")


def _place(one: Database, found: list[backups.Backup] | backups.Away) -> Row:
    """Another place of backups: whether it gives a list, and how old the newest is."""
    if isinstance(found, backups.Away):
        return Row(f"backup of {one.name}", RED, f"{found.place} gave no list: {found.why}", "fix that, or the section")
    if not found:
        return Row(f"backup of {one.name}", RED, "one of its places in `sources` has no backup", "correct the section, or make one")
    assert found[0].source
    hours = (datetime.now(UTC) - found[0].changed).total_seconds() / 3600
    level = from_backup.level(one.fresh, hours)
    said = f"{found[0].path} of {found[0].source.words}, {hours:.1f} h old; whether it is whole, only reading it tells"
    return Row(f"backup of {one.name}", level, said, "" if level == GREEN else "see why no newer one was made")
