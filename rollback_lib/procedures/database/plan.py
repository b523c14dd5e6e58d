"""The plan of a database rollback: how to restore a backup beside the live database and swap the two, and how to check the result."""

from datetime import UTC, datetime

from rollback_lib.commands.command import Command
from rollback_lib.facts import backups, copies, docker, engines, files, restores
from rollback_lib.facts.backups import Backup
from rollback_lib.facts.host import Host
from rollback_lib.facts.tables import LARGE_OBJECTS
from rollback_lib.plan.effect import Effect
from rollback_lib.plan.plan import Plan, some
from rollback_lib.plan.step import Changes, Step, When
from rollback_lib.procedures.common import drift, replicas, snapshots
from rollback_lib.procedures.common.replicas import Replicas
from rollback_lib.procedures.database import kinds
from rollback_lib.procedures.database.kinds.kind import NAMES, Names
from rollback_lib.procedures.database.losses import read
from rollback_lib.procedures.database.noted import After, Before
from rollback_lib.procedures.database.rationale import rationale
from rollback_lib.procedures.database.state import NAME, State, beside, section
from rollback_lib.procedures.database.target import Target
from rollback_lib.stack.model import Stack
from rollback_lib.text import times

RESTORE_DEADLINE = 6 * 3600.0  # seconds
SWAP_DEADLINE = 90.0  # seconds
OID = "oid"  # the name under which the incident keeps the oid of the database into which it restored


def plan(now: State, target: Target, *, incident: str) -> Plan:
    """The plan from `now` to `target`. Raises Refused if the live database cannot be replaced."""
    stack, entry, kind = now.stack, now.section, kinds.of(now.section)
    live, oid = kind.usable(now), snapshots.before(stack, incident, OID)
    new, kept, undone = (beside(live.name, word, incident) for word in ("restore", "before", "undone"))
    return Plan(
        procedure=NAME,
        incident=incident,
        stack=stack.name,
        host=stack.host,
        target=target.name,
        steps=_steps(now, target, Names(live.name, new, kept, oid), incident),
        undo=_undo(now, kept, undone),
        cleanup=(kind.drop(new), *kind.clear(incident), Command.of("rm", "-f", oid)),
        rationale=rationale(now, target),
        facts=_rows(now, target, kept),
        loses=_loses(now, target),
        notes=_notes(now, target, kept),
        drift=_drift(now),
        before=Before(
            database=live.name, oid=live.oid, properties=live.properties(now.key),
            clients={name: Replicas.of(mine) for name, mine in _clients(now).items()},
        ).plain(),
        after=After(section=entry.name, beside=new, kept=kept, tables=_tables_of(target)).plain(),
    )  # fmt: skip


def _steps(now: State, target: Target, names: Names, incident: str) -> tuple[Step, ...]:
    stack, backup, kind = now.stack, target.backup, kinds.of(now.section)
    reconnect, whom = _reconnect(now)
    title, why = kind.swapping
    return (
        Step("create", "Make a new database beside the live one", "The live one is not touched, and the service keeps running.",
             (snapshots.folders(stack, "before"), *kind.create(now, backup, names, incident)), deadline=RESTORE_DEADLINE),
        Step("restore", "Restore the backup into it", "It stops at the first error.", (kind.restore(now, backup, names, incident),),
             guards=() if backup.source else (backups.unchanged(backup),), deadline=RESTORE_DEADLINE),
        Step("prepare", "Make it like the live one", kind.preparing,
             kind.prepare(now, backup, names, incident), deadline=RESTORE_DEADLINE),
        Step("swap", title, why,
             (kind.numbers(names.live, names.restored), kind.swap(live=names.live, aside=names.kept, incoming=names.restored),
              kind.numbers(names.kept, names.live)),
             changes=Changes.DATA, part=NAMES, deadline=SWAP_DEADLINE),
        Step("reconnect", f"Recreate {whom or 'the services'}", "For services that do not reconnect by themselves.",
             reconnect, changes=Changes.STACK, part=replicas.PART, when=When.UNHEALTHY,
             skip=None if reconnect else "the stack names no container in `used_by`: services are to reconnect by themselves"),
        Step("remember", "Enter the restore in the ledger", "The next rollback knows from it that this backup can be restored.",
             (restores.enter(f"{stack.state}/{restores.FILE}", backup, copies.incident_of(incident)),)),
    )  # fmt: skip


def _undo(now: State, kept: str, undone: str) -> tuple[Step, ...]:
    kind = kinds.of(now.section)
    reconnect, whom = _reconnect(now)
    back = kind.swap(live=kind.usable(now).name, aside=undone, incoming=kept, needed=False)
    return (
        Step("undo_swap", "Swap the names back", f"What was restored stays as {undone}, with all that was written since.",
             (back,), changes=Changes.STACK, part=NAMES, deadline=SWAP_DEADLINE),
        *((Step("undo_reconnect", f"Recreate {whom}", "For services that do not reconnect by themselves.", reconnect,
                changes=Changes.STACK, part=replicas.PART, when=When.UNHEALTHY),) if reconnect else ()),
    )  # fmt: skip


def _reconnect(now: State) -> tuple[tuple[Command, ...], str]:
    """The commands that recreate the services that use the database, and their names in words."""
    clients = _clients(now).values()
    return tuple(mine[0].compose.up({mine[0].service: docker.count(mine)}) for mine in clients), ", ".join(
        mine[0].service for mine in clients
    )


def effects(host: Host, stack: Stack, plan: Plan) -> list[Effect]:
    """What the rollback asks for, compared with the host now."""
    before, after = Before.read(plan.before), After.read(plan.after)
    entry = section(stack, after.section)
    engine, name, old, was_live = engines.of(entry), before.database, after.kept, str(before.oid)
    known = host.ask(engine.server())
    entered = host.ask(files.file(snapshots.before(stack, plan.incident, OID)))
    outlines = host.ask(engine.outline(name)), host.ask(engine.outline(old))
    counted = _counted(host, before)
    found, oid = known.result(), entered.result()
    databases = found.databases if found else {}
    live, kept = databases.get(name), databases.get(old)
    restored = oid.content.reveal().decode().strip() if oid else "not known"
    rows = [
        Effect(f"database behind the name {name}", f"the restored one (oid {restored})", _called(live, restored, "the restored one"),
               part=NAMES),
        Effect(f"kept as {old}", f"the earlier one (oid {was_live})", _called(kept, was_live, "the earlier one"), part=NAMES),
    ]  # fmt: skip
    if live:
        rows += [Effect(word, before.properties[word], said, part=NAMES) for word, said in live.properties(host.key).items()]
    rows += counted
    content, was = (answer.result() for answer in outlines)
    if live and kept and not (content and was):
        rows.append(
            Effect("tables, sequences and extensions", "as in the backup", f"{engine.name} did not say", condition=True, part=NAMES)
        )
    if content and was:
        tables = after.tables or sorted(content.tables)
        rows += [
            Effect("tables of the backup that are missing", "none",
                   some([table for table in tables if table not in content.tables]) or "none", part=NAMES),
            *kinds.of(entry).effects(was, content),
        ]  # fmt: skip
    return rows


def undo_effects(host: Host, stack: Stack, plan: Plan) -> list[Effect]:
    """The state before the rollback, compared with the host now."""
    before, after = Before.read(plan.before), After.read(plan.after)
    entry, name, wanted = section(stack, after.section), before.database, str(before.oid)
    server = host.ask(engines.of(entry).server()).result()
    live = server.databases.get(name) if server else None
    properties = live.properties(host.key) if live else {}
    return [
        Effect(f"database behind the name {name}", f"the earlier one (oid {wanted})", _called(live, wanted, "the earlier one"),
               part=NAMES),
        *(Effect(word, before.properties[word], said, part=NAMES) for word, said in properties.items()),
        *_counted(host, before),
    ]  # fmt: skip


def assumed(host: Host, stack: Stack, plan: Plan) -> list[Effect]:
    """The state that the plan assumes, compared with the host now."""
    return undo_effects(host, stack, plan)


def _clients(now: State) -> dict[str, list[docker.Container]]:
    """The replicas of each compose service that uses the database, by the name of the container in the stack file."""
    return {name: mine for name, mine in now.clients.items() if mine and mine[0].service}


def _drift(now: State) -> tuple[str, ...]:
    """What the services that use the database would lose if they are recreated."""
    found: list[str] = []
    for name, mine in _clients(now).items():
        defined = now.defined.get(name)
        if isinstance(defined, dict) and mine[0].service in defined:
            found += drift.of_service(mine, defined[mine[0].service], now.environments)
    return tuple(found)


def _counted(host: Host, before: Before) -> list[Effect]:
    """Whether the services that use the database have as many replicas as before."""
    found = {name: host.ask(docker.named(name)) for name in before.clients}
    there = {name: container for name, answer in found.items() if (container := answer.result())}
    mine = {name: host.ask(docker.together_with(container)) for name, container in there.items()}
    rows = [replicas.counted(before.clients[name], container.service, mine[name].result()) for name, container in there.items()]
    gone = [name for name in before.clients if name not in there]
    return [*rows, *(Effect(f"container {name}", "there", "none", part=replicas.PART, between=True) for name in gone)]


def _called(found: engines.Database | None, wanted: str, word: str) -> str:
    if found is None:
        return "no database"
    return f"{word} (oid {found.oid})" if str(found.oid) == wanted else f"another one (oid {found.oid})"


def _rows(now: State, target: Target, kept: str) -> tuple[tuple[str, str], ...]:
    backup, kind = target.backup, kinds.of(now.section)
    live = kind.usable(now)
    hours = (datetime.now(UTC) - backup.changed).total_seconds() / 3600
    sessions = some(sorted({f"{session.user} from {session.address}" for session in live.sessions})) or "none"
    return (
        ("host", now.stack.host),
        (
            "database",
            f"{live.name} in {now.section.container}, {live.size / 1e6:,.0f} MB, {now.server.title if now.server else ''}",
        ),
        ("sessions now", f"{len(live.sessions)} ({sessions})"),
        ("backup", f"{backup.path}, {_format(backup)}, of {backup.of} {backup.version}"),
        ("made", f"{times.minute(backup.changed)}, {hours:.1f} h ago: what was written since is not in it"),
        ("known of it", now.verdict(backup) or "nothing yet: it was never restored here"),
        ("read to its end", "it is whole" if target.contents.rows else "its files are all there; its tables are known once it is restored"),
        ("disk", f"{(now.free or 0) / 1e6:,.0f} MB free, about {target.needs / 1e6:,.0f} MB needed" if now.free else "could not be asked"),
        ("the live one", f"stays as {kept} until someone drops it"),
    )


def _format(backup: Backup) -> str:
    """In words, the format of a backup, its size if that is known, and the place that it comes from."""
    size = f", {backup.size / 1e6:,.1f} MB" if backup.size else ""
    return f"{backup.format}{size}" + (f", from {backup.source.words}" if backup.source else "")


def _tables_of(target: Target) -> tuple[str, ...]:
    """The tables of the backup, and whatever else has rows in it. Empty for a directory, whose tables are not known yet."""
    return tuple(sorted((target.contents.rows.keys() | target.contents.others.keys()) - {LARGE_OBJECTS}))


def _loses(now: State, target: Target) -> tuple[str, ...]:
    lines = [loss.words for loss in read(now.content, target) if not loss.same]
    return tuple(lines[:12]) + ((f"and {len(lines) - 12} tables more",) if len(lines) > 12 else ())


def _notes(now: State, target: Target, kept: str) -> tuple[str, ...]:
    kind = kinds.of(now.section)
    drop = kind.dropping(str(Command.of(kept)))
    notes = [
        f"The old database is {kept}, with all its rows. When nobody needs them any more, on the host: `{drop}`.",
        *kind.notes(now, target.backup, target.contents),
    ]
    notes += [f"{one.place} gave no list of its backups ({one.why}): a newer one may be there." for one in now.away]
    missing = [name for name, mine in now.clients.items() if not mine]
    if missing:
        notes.append(f"There is no container {', '.join(missing)}, which the stack names in `used_by`; it cannot be recreated.")
    return tuple(notes)
