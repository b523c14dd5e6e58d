"""The plan of a database rollback: how to restore a backup beside the live database and swap the two, and how to check the result."""

import re
from datetime import UTC, datetime

from rollback_lib.commands.command import Command
from rollback_lib.commands.psql import literal
from rollback_lib.facts import backups, copies, docker, files, postgres, restores
from rollback_lib.facts.backups import Backup
from rollback_lib.facts.host import Host
from rollback_lib.facts.postgres import Kind
from rollback_lib.plan.effect import Effect
from rollback_lib.plan.plan import Plan, some
from rollback_lib.plan.step import Changes, Step, When
from rollback_lib.procedures.common import drift, replicas, snapshots
from rollback_lib.procedures.common.replicas import Replicas
from rollback_lib.procedures.database import sql
from rollback_lib.procedures.database.losses import read
from rollback_lib.procedures.database.noted import After, Before
from rollback_lib.procedures.database.rationale import rationale
from rollback_lib.procedures.database.state import NAME, State, beside, maintenance, section, server_of
from rollback_lib.procedures.database.target import Target, usable
from rollback_lib.stack.model import Stack
from rollback_lib.text import times

RESTORE_DEADLINE = 6 * 3600.0  # seconds
SWAP_DEADLINE = 90.0  # seconds
NAMES = "names"  # the part of the host that steps and effects name: which database has which name
DEFAULT_MEMORY, MOST_MEMORY = 64, 1024  # MB of maintenance_work_mem: the server's default, and the most that is given to a restore
_MB = 1024 * 1024
JOBS = 8  # the most processes that restore in parallel
OID = "oid"  # the name under which the incident keeps the oid of the database into which it restored
# psql knows \restrict since these minor versions; an older psql stops at it. (CVE-2025-8714)
_RESTRICT = {17: 6, 16: 10, 15: 14, 14: 19, 13: 22}
# In the data of a dump, a line may begin with the same characters (\r is a carriage return there). So only the head is edited.
_UNRESTRICTED = ("-e", r"1,20{/^\\restrict [A-Za-z0-9]*$/d}", "-e", r"/^\\unrestrict [A-Za-z0-9]*$/d")
# pg_dump sets transaction_timeout since this version. It may be newer than the server, which then does not know the setting.
_TIMEOUT = 17
_UNTIMED = ("-e", "1,40{/^SET transaction_timeout = 0;$/d}")


def plan(now: State, target: Target, *, incident: str) -> Plan:
    """The plan from `now` to `target`. Raises Refused if the live database cannot be replaced."""
    stack, entry, live = now.stack, now.section, usable(now)
    new, kept, undone = (beside(live.name, word, incident) for word in ("restore", "before", "undone"))
    remove = Command.of("docker", "exec", entry.container, "rm", "-rf", _copy(incident))
    return Plan(
        procedure=NAME,
        incident=incident,
        stack=stack.name,
        host=stack.host,
        target=target.name,
        steps=_steps(now, target, new, kept, incident),
        undo=_undo(now, kept, undone),
        cleanup=(sql.drop(now.access, maintenance(entry), new), remove, Command.of("rm", "-f", snapshots.before(stack, incident, OID))),
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


def _steps(now: State, target: Target, new: str, kept: str, incident: str) -> tuple[Step, ...]:
    stack, entry, live = now.stack, now.section, usable(now)
    copy = _copy(incident)
    server, home = now.access, maintenance(entry)
    oid = snapshots.before(stack, incident, OID)
    reconnect, whom = _reconnect(now)
    archive = target.backup.format in backups.ARCHIVES
    remove = Command.of("docker", "exec", entry.container, "rm", "-rf", copy)
    bring = (_bring(target.backup, entry.container, copy),) if archive else ()
    return (
        Step("create", "Make a new database beside the live one", "The live one is not touched, and the service keeps running.",
             (snapshots.folders(stack, "before"), sql.drop(server, home, new),  # what a run that was cut off left half done
              server.psql(home).saying(sql.create(live, new) + ";"), *bring),
             deadline=RESTORE_DEADLINE),
        Step("restore", "Restore the backup into it", "It stops at the first error.", (_restore(now, target.backup, new, copy),),
             guards=() if target.backup.source else (backups.unchanged(target.backup),), deadline=RESTORE_DEADLINE),
        Step("prepare", "Make it like the live one", "What no dump has: settings, grants, comment, extensions; and statistics.",
             (sql.written_by(server, sql.EXTENSIONS, live.name, new), server.psql(new).saying("SET statement_timeout = 0;\nANALYZE;"),
              server.psql(home).saying(sql.carry_over(live.name, new) + ";"),
              server.psql(home, words=("-A", "-t")).saying(f"SELECT oid FROM pg_database WHERE datname = {literal(new)};").to(oid),
              *((remove,) if archive else ())),
             deadline=RESTORE_DEADLINE),
        Step("swap", "Swap the two names", "New sessions are refused meanwhile, open ones are ended, both names change in one transaction.",
             (sql.sequences(server, home, live.name, new),
              sql.swap(server, home, live=live.name, aside=kept, incoming=new),
              sql.sequences(server, home, kept, live.name)),
             changes=Changes.DATA, part=NAMES, deadline=SWAP_DEADLINE),
        Step("reconnect", f"Recreate {whom or 'the services'}", "For services that do not reconnect by themselves.",
             reconnect, changes=Changes.STACK, part=replicas.PART, when=When.UNHEALTHY,
             skip=None if reconnect else "the stack names no container in `used_by`: services are to reconnect by themselves"),
        Step("remember", "Enter the restore in the ledger", "The next rollback knows from it that this backup can be restored.",
             (restores.enter(f"{stack.state}/{restores.FILE}", target.backup, copies.incident_of(incident)),)),
    )  # fmt: skip


def _undo(now: State, kept: str, undone: str) -> tuple[Step, ...]:
    server, home, live = now.access, maintenance(now.section), usable(now)
    reconnect, whom = _reconnect(now)
    return (
        Step("undo_swap", "Swap the names back", f"What was restored stays as {undone}, with all that was written since.",
             (sql.swap(server, home, live=live.name, aside=undone, incoming=kept, needed=False),),
             changes=Changes.STACK, part=NAMES, deadline=SWAP_DEADLINE),
        *((Step("undo_reconnect", f"Recreate {whom}", "For services that do not reconnect by themselves.", reconnect,
                changes=Changes.STACK, part=replicas.PART, when=When.UNHEALTHY),) if reconnect else ()),
    )  # fmt: skip


def _copy(incident: str) -> str:
    """The path of the backup in the container, if it is copied there."""
    return f"/tmp/rollback-{incident}"


def _bring(backup: Backup, container: str, copy: str) -> Command:
    """The command that puts an archive into the container, from a place right through to there."""
    if backup.source is None:
        return Command.of("docker", "cp", backup.path, f"{container}:{copy}")
    return backups.raw(backup).pipe("docker", "exec", "-i", container, "sh", "-euc", 'cat >"$1"', "sh", copy)


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
    server, name, old, was_live = server_of(entry), before.database, after.kept, str(before.oid)
    known = host.ask(postgres.server(server, maintenance(entry)))
    entered = host.ask(files.file(snapshots.before(stack, plan.incident, OID)))
    outlines = host.ask(postgres.outline(server, name)), host.ask(postgres.outline(server, old))
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
        rows.append(Effect("tables, sequences and extensions", "as in the backup", "Postgres did not say", condition=True, part=NAMES))
    if content and was:
        tables = after.tables or sorted(content.tables)
        rows += [
            Effect("tables of the backup that are missing", "none",
                   some([table for table in tables if table not in content.tables]) or "none", part=NAMES),
            Effect("extensions that are missing", "none", some(sorted(set(was.extensions) - set(content.extensions))) or "none",
                   part=NAMES),
            Effect("sequences that would give a number out twice", "none", _twice(was, content), part=NAMES),
        ]  # fmt: skip
    return rows


def undo_effects(host: Host, stack: Stack, plan: Plan) -> list[Effect]:
    """The state before the rollback, compared with the host now."""
    before, after = Before.read(plan.before), After.read(plan.after)
    entry, name, wanted = section(stack, after.section), before.database, str(before.oid)
    server = host.ask(postgres.server(server_of(entry), maintenance(entry))).result()
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


def _called(found: postgres.Database | None, wanted: str, word: str) -> str:
    if found is None:
        return "no database"
    return f"{word} (oid {found.oid})" if str(found.oid) == wanted else f"another one (oid {found.oid})"


def _twice(was: postgres.Content, now: postgres.Content) -> str:
    """In words, the sequences that are behind those of the earlier database, and so would give a number out twice."""
    old, new = was.sequences, now.sequences
    if old is None or new is None:
        return "not known: somebody held one of them"
    return some([key for key, sequence in old.items() if key in new and _behind(new[key].last, sequence.last)]) or "none"


def _behind(value: int | None, kept: int | None) -> bool:
    return kept is not None and (value is None or value < kept)


def _restore(now: State, backup: Backup, new: str, copy: str) -> Command:
    server = now.access
    if backup.format in backups.ARCHIVES:
        # A parallel restore reads the backup at several places at once, so it needs a file in the container, not a stream.
        jobs = min(JOBS, now.processors)
        words = ("--exit-on-error", "--jobs", str(jobs))
        return server.program("pg_restore", *words, database=new, rest=(copy,), settings=_memory(now, jobs))
    psql = server.psql(new, words=("-1", "-o", "/dev/null"), settings=_memory(now, 1))
    left_out = _left_out(now, backup)
    if backup.format == backups.PLAIN and not left_out and not backup.source:
        return psql.reading(backup.path)
    source = backups.stream(backup, server)
    return (source.pipe("sed", *left_out) if left_out else source).pipe(*psql.argv)


def _memory(now: State, sessions: int) -> dict[str, str]:
    """The memory with which each session may build an index, if that is more than the server's default: a thirty-second of what the
    container may use, divided by the number of sessions. An index that is sorted in memory is built faster than one sorted on disk."""
    each = min(MOST_MEMORY, now.memory // 32 // sessions // _MB // 64 * 64)
    return {"maintenance_work_mem": f"{each}MB"} if each > DEFAULT_MEMORY else {}


def _left_out(now: State, backup: Backup) -> tuple[str, ...]:
    """Arguments for `sed` that remove the lines of a dump at which this psql or this server would stop."""
    known = knows_restrict(now.psql)
    timed = now.server is not None and backups.major(backup.by) >= _TIMEOUT > now.server.version // 10000
    return (() if known else _UNRESTRICTED) + (_UNTIMED if timed else ())


def knows_restrict(version: str) -> bool:
    """Whether psql of this version knows `\\restrict`, with which recent dumps begin."""
    found = re.match(r"(\d+)(?:\.(\d+))?", version)
    major, minor = (int(found[1]), int(found[2] or 0)) if found else (0, 0)
    return major > max(_RESTRICT) or minor >= _RESTRICT.get(major, 1000)


def _rows(now: State, target: Target, kept: str) -> tuple[tuple[str, str], ...]:
    backup, live = target.backup, usable(now)
    hours = (datetime.now(UTC) - backup.changed).total_seconds() / 3600
    sessions = some(sorted({f"{session.user} from {session.address}" for session in live.sessions})) or "none"
    return (
        ("host", now.stack.host),
        (
            "database",
            f"{live.name} in {now.section.container}, {live.size / 1e6:,.0f} MB, Postgres {now.server.words if now.server else ''}",
        ),
        ("sessions now", f"{len(live.sessions)} ({sessions})"),
        ("backup", f"{backup.path}, {_format(backup)}, of Postgres {backup.version}"),
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
    return tuple(sorted((target.contents.rows.keys() | target.contents.others.keys()) - {postgres.LARGE_OBJECTS}))


def _loses(now: State, target: Target) -> tuple[str, ...]:
    lines = [loss.words for loss in read(now.content, target) if not loss.same]
    return tuple(lines[:12]) + ((f"and {len(lines) - 12} tables more",) if len(lines) > 12 else ())


def _notes(now: State, target: Target, kept: str) -> tuple[str, ...]:
    entry = now.section
    drop = f"docker exec {entry.container} dropdb -U {entry.user} {Command.of(kept)}"
    notes = [
        f"The old database is {kept}, with all its rows. When nobody needs them any more, on the host: `{drop}`.",
        "Sequences continue where those of the old database were, so rows can be copied back from it.",
    ]
    tables = now.content.tables.values() if now.content else ()
    foreign = {table.name for table in tables if table.kind is Kind.FOREIGN} | {
        name for name, kind in target.contents.others.items() if kind is Kind.FOREIGN
    }
    if foreign:
        notes.append(f"The rows of foreign tables lie elsewhere and are not touched: {some(sorted(foreign))}.")
    notes += [f"{one.place} gave no list of its backups ({one.why}): a newer one may be there." for one in now.away]
    missing = [name for name, mine in now.clients.items() if not mine]
    if missing:
        notes.append(f"There is no container {', '.join(missing)}, which the stack names in `used_by`; it cannot be recreated.")
    if target.backup.format not in backups.ARCHIVES and not knows_restrict(now.psql):
        notes.append(f"psql {now.psql} in {entry.container} does not know \\restrict; those lines are left out. An update would bring it.")
    return tuple(notes)
