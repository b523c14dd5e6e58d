"""The plan of a data file rollback: how to bring a backup beside the file, stop whoever has it, exchange the two, and start them again."""

from datetime import UTC, datetime

from rollback_lib.commands.command import Command
from rollback_lib.facts import backups, copies, restores
from rollback_lib.facts.datafiles import REDIS, SQLITE
from rollback_lib.facts.datafiles.redis import INFO
from rollback_lib.facts.docker import Container
from rollback_lib.plan.plan import Plan, some
from rollback_lib.plan.step import Changes, Step
from rollback_lib.plan.writes import How, Write
from rollback_lib.procedures.common import replicas, snapshots
from rollback_lib.procedures.common.replicas import Replicas
from rollback_lib.procedures.datafile import exchange
from rollback_lib.procedures.datafile.losses import compare
from rollback_lib.procedures.datafile.noted import After, Before
from rollback_lib.procedures.datafile.rationale import rationale
from rollback_lib.procedures.datafile.stage import RAW, Log, stage
from rollback_lib.procedures.datafile.state import NAME, State, beside, usable
from rollback_lib.procedures.datafile.target import Target
from rollback_lib.text import times

NOTE = "put"  # the name under which an incident notes the number (inode) of the file that it brings
FILE = "file"  # the part of the host that steps and effects name: what lies at the path
FETCH_DEADLINE, STOP_DEADLINE, START_DEADLINE = 3600.0, 600.0, 900.0  # seconds
SAVING = 300  # seconds that a Redis has to save its keys when it is stopped
_BESIDE = ("-wal", "-shm", "-journal")  # what SQLite has beside a file; it belongs to that file alone
# Waits until a Redis has loaded its files; it ends when the container does, or is started again and again.
_LOADED = r"""
name=$1 info=$2
restarts=$(docker inspect --format '{{.RestartCount}}' "$name")
until docker exec "$name" sh -c "$info" 2>/dev/null | grep -q '^loading:0'; do
    now=$(docker inspect --format '{{.State.Status}} {{.RestartCount}}' "$name")
    case $now in "running $restarts" | "restarting $restarts") sleep 0.2 ;;
        *) docker logs --tail 3 "$name" >&2; echo "$name does not load its files: $now" >&2; exit 1 ;; esac
done
"""


def plan(now: State, target: Target, *, incident: str) -> Plan:
    """The plan from `now` to `target`. Raises Refused if the file cannot be replaced."""
    container, place = usable(now)
    stack, entry = now.stack, now.section
    restore, kept, undone = (beside(place.path, word, incident) for word in ("restore", "before", "undone"))
    after = After(section=entry.name, restore=restore, kept=kept, undone=undone, container=container.name, parts=parts_of(now),
                  rows=target.content.rows)  # fmt: skip
    inode = place.file.inode if place.file and entry.kind == SQLITE else 0
    return Plan(
        procedure=NAME,
        incident=incident,
        stack=stack.name,
        host=stack.host,
        target=target.name,
        steps=_steps(now, target, after, incident),
        undo=_undo(now, after),
        cleanup=(Command.of("rm", "-rf", restore), Command.of("rm", "-f", snapshots.before(stack, incident, NOTE))),
        writes=(Write(place.path.rpartition("/")[0], How.FOLDER),),
        rationale=rationale(now, target),
        facts=_rows(now, target, kept),
        loses=tuple(one.words for one in compare(now, target.content.rows) if not one.same),
        notes=_notes(now, target, kept),
        before=Before(path=place.path, inode=inode, containers={one.name: Replicas.of([one]) for one in now.users}).plain(),
        after=after.plain(),
    )


def _steps(now: State, target: Target, after: After, incident: str) -> tuple[Step, ...]:
    container, place = usable(now)
    stack = now.stack
    whom = some(_stopped(now)) or "nobody"
    source = () if target.backup.source else (backups.unchanged(target.backup),)
    note = snapshots.before(stack, incident, NOTE)
    fetch = (
        snapshots.folders(stack, "before"),
        Command.of("rm", "-rf", after.restore),
        Command.of("mkdir", "-m", "700", after.restore),
        backups.raw(target.backup).to(f"{after.restore}/{RAW}"),
        stage(place, after.restore, target.content.hash, note, _log(now)),
    )
    return (
        Step("fetch", "Bring the backup beside the file", "In the same folder, so that a rename is enough; the service keeps running.",
             fetch, guards=source, deadline=FETCH_DEADLINE),
        Step("stop", f"Stop {whom}", "Whoever has the file mounted: nobody may write while it is replaced, nor write it once more after.",
             _stop(now), changes=Changes.STACK, part=replicas.PART, deadline=STOP_DEADLINE,
             skip=None if _stopped(now) else "no container that has the file mounted runs"),
        Step("put", "Exchange the file for the backup", "The file and all that belongs to it are kept beside it, as after the stop.",
             (exchange.exchange(place.path, after.parts, incoming=after.restore, out=after.kept),), changes=Changes.DATA, part=FILE,
             guards=(exchange.closed(place.path, _names(now)),), deadline=STOP_DEADLINE),
        Step("start", f"Start {some(_started(now))}", "The same containers, as many as before; the service of the file first.",
             _start(now, container, _started(now)), changes=Changes.STACK, part=replicas.PART, deadline=START_DEADLINE),
        Step("remember", "Enter the restore in the ledger", "The next rollback knows from it that this backup could be used.",
             (restores.enter(f"{stack.state}/{restores.FILE}", target.backup, copies.incident_of(incident)),)),
    )  # fmt: skip


def _undo(now: State, after: After) -> tuple[Step, ...]:
    container, place = usable(now)
    again = _stopped(now)
    return (
        Step("undo_stop", f"Stop {some(_started(now))}", "Nobody may write while the file is replaced.", _stop(now, again=True),
             changes=Changes.STACK, part=replicas.PART, deadline=STOP_DEADLINE),
        Step("undo_put", "Put the earlier file back", f"Its hash is compared first; what is there goes to {after.undone}.",
             (exchange.back(place.path, after.parts, after.kept),
              exchange.exchange(place.path, after.parts, incoming=after.kept, out=after.undone, unless=after.restore)),
             changes=Changes.STACK, part=FILE, guards=(exchange.closed(place.path, _names(now)),), deadline=STOP_DEADLINE),
        Step("undo_start", f"Start {some(again) or 'nobody'}", "As many as ran before.",
             (*_start(now, container, again), Command.of("rm", "-rf", after.restore)),
             changes=Changes.STACK, part=replicas.PART, deadline=START_DEADLINE),
    )  # fmt: skip


def parts_of(now: State) -> tuple[str, ...]:
    """What belongs to the data file, as names in its folder: all of it goes and comes back together."""
    _, place = usable(now)
    name = place.path.rpartition("/")[2]
    if now.section.kind == SQLITE:
        return (*(name + end for end in _BESIDE), name)
    log = _log(now)
    return (*((log.place,) if log else ()), name)


def _log(now: State) -> Log | None:
    """The log of changes of a Redis that would be loaded instead of its snapshot; None if it keeps none."""
    container, place = usable(now)
    if now.section.kind != REDIS:
        return None
    asked = " ".join(container.command)
    if place.append_only:
        return Log(place.append_only, place.log)
    if (now.server and now.server.append_only) or "--appendonly yes" in asked:
        return Log("appendonlydir", "appendonly.aof")
    return None


def _up(one: Container) -> bool:
    return one.state in ("running", "restarting", "paused")


def _names(now: State) -> tuple[str, ...]:
    """All containers that have the file mounted."""
    return replicas.names(now.users)


def _stopped(now: State) -> list[str]:
    """The containers that are stopped: those that have the file mounted and run. The service of the file comes last."""
    return sorted((one.name for one in now.users if _up(one)), key=lambda name: (_mine(now, name), name))


def _started(now: State) -> list[str]:
    """The containers that are started: those that ran, and those of the service that should. The service of the file comes first."""
    idle = [one.name for one in now.containers if not _up(one) and not one.completed]
    return sorted({*_stopped(now), *idle}, key=lambda name: (not _mine(now, name), name))


def _mine(now: State, name: str) -> bool:
    return name in {one.name for one in now.containers}


def _stop(now: State, *, again: bool = False) -> tuple[Command, ...]:
    """The commands that stop the containers, those of the service last. A Redis gets time to save."""
    names = list(reversed(_started(now))) if again else _stopped(now)
    late = ("-t", str(SAVING)) if now.section.kind == REDIS else ()
    return tuple(Command.of("docker", "stop", *(late if _mine(now, name) else ()), name) for name in names)


def _start(now: State, container: Container, names: list[str]) -> tuple[Command, ...]:
    """The commands that start containers, and wait until a Redis has loaded its files before whoever uses it is started."""
    loaded = (Command.of("sh", "-euc", _LOADED, "sh", container.name, INFO),) if now.section.kind == REDIS else ()
    mine = tuple(Command.of("docker", "start", name) for name in names if _mine(now, name))
    others = tuple(Command.of("docker", "start", name) for name in names if not _mine(now, name))
    return (*mine, *(loaded if container.name in names else ()), *others)


def _rows(now: State, target: Target, kept: str) -> tuple[tuple[str, str], ...]:
    backup, (container, place) = target.backup, usable(now)
    hours = (datetime.now(UTC) - backup.changed).total_seconds() / 3600
    origin = f", from {backup.source.words}" if backup.source else ""
    return (
        ("host", now.stack.host),
        ("file", f"{now.section.file} of {container.name}, on the host {place.path}, {place.size / 1e6:,.1f} MB"),
        ("has it mounted", ", ".join(f"{one.name} ({one.state})" for one in now.users)),
        ("backup", f"{backup.path}, {target.content.bytes / 1e6:,.1f} MB unpacked{origin}"),
        ("made", f"{times.minute(backup.changed)}, {hours:.1f} h ago: what was written since is not in it"),
        ("in it", target.content.counted),
        ("known of it", now.verdict(backup) or "nothing yet: it was never restored here"),
        ("proven", target.content.proven),
        ("disk", f"{place.free / 1e6:,.0f} MB free, about {target.needs / 1e6:,.0f} MB needed"),
        ("the file that is there", f"stays in {kept} until someone removes it"),
    )


def _notes(now: State, target: Target, kept: str) -> tuple[str, ...]:
    notes = [f"The earlier file is in {kept}, as it was after the stop. When nobody needs it any more, on the host: `rm -r {kept}`."]
    log = _log(now)
    if log:
        notes.append(
            f"Redis loads its log of changes, {log.place}, and not the snapshot. So a log that begins with the backup takes its place; the "
            "earlier one is kept beside."
        )
    if target.content.rows is None:
        notes.append(f"What is in the backup could not be counted ({target.content.proven}): what would be lost is not known.")
    idle = [one.name for one in now.users if not _up(one) and one.name not in _started(now)]
    if idle:
        notes.append(f"{some(idle)}: has the file mounted and does not run; left as it is.")
    notes += [f"{one.place} gave no list of its backups ({one.why}): a newer one may be there." for one in now.away]
    return tuple(notes)
