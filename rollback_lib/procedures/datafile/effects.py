"""What a data file rollback has to bring about, compared with the host."""

from rollback_lib.facts import datafiles, docker
from rollback_lib.facts.datafiles import Put, Server
from rollback_lib.facts.datafiles.content import KEYS
from rollback_lib.facts.docker import Container
from rollback_lib.facts.host import Host, result_of
from rollback_lib.plan.effect import Effect
from rollback_lib.plan.plan import Plan
from rollback_lib.procedures.common import replicas
from rollback_lib.procedures.datafile.noted import After, Before
from rollback_lib.procedures.datafile.plan import FILE
from rollback_lib.procedures.datafile.state import REDIS, section
from rollback_lib.stack.model import Stack

EARLIER, RESTORED, HALF = "the earlier one", "the restored one", "half exchanged"


def effects(host: Host, stack: Stack, plan: Plan) -> list[Effect]:
    """What the rollback asks for, compared with the host now."""
    before, after = Before.read(plan.before), After.read(plan.after)
    put, server, containers = _look(host, stack, plan)
    found = _which(before, put)
    rows = [
        Effect(f"file at {before.path}", RESTORED, found, part=FILE, between=found == HALF),
        Effect(f"kept in {after.kept}", "what was there", "what was there" if put.kept else "nothing", part=FILE, between=True),
        *_containers(before, after, containers),
    ]
    wanted = (after.rows or {}).get(KEYS)
    if server and wanted is not None:
        # From version 7 on, Redis says what it loaded. Before, its keys can only be counted, and some may be new by now.
        loaded = server.loaded if server.loaded is not None else sum(server.keys.values())
        said = "loading" if server.loading else f"{loaded:,}"
        rows.append(Effect("keys that Redis loaded", f"{wanted:,}", said, settles=True, condition=True, part=replicas.PART))
    elif section(stack, after.section).kind == REDIS:
        rows.append(Effect("Redis", "answers", "does not answer", settles=True, condition=True, part=replicas.PART))
    return rows


def undo_effects(host: Host, stack: Stack, plan: Plan) -> list[Effect]:
    """The state before the rollback, compared with the host now."""
    before, after = Before.read(plan.before), After.read(plan.after)
    put, _, containers = _look(host, stack, plan)
    found = _which(before, put)
    return [
        Effect(f"file at {before.path}", EARLIER, found, part=FILE, between=found == HALF),
        *_containers(before, after, containers, back=True),
    ]


def assumed(host: Host, stack: Stack, plan: Plan) -> list[Effect]:
    """The state that the plan assumes, compared with the host now."""
    before, after = Before.read(plan.before), After.read(plan.after)
    put, _, containers = _look(host, stack, plan)
    rows = [replicas.assumed(known, name, _named(containers, name)) for name, known in before.containers.items()]
    path = f"file at {before.path}"
    users = sorted({one.container for one in host.ask(datafiles.mounts()).result() if one.holds(before.path)} | {after.container})
    return [
        Effect(path, EARLIER, _which(before, put)), *rows,
        Effect("containers that have it mounted", " ".join(sorted(before.containers)), " ".join(users)),
    ]  # fmt: skip


def _look(host: Host, stack: Stack, plan: Plan) -> tuple[Put, Server | None, list[Container]]:
    before, after = Before.read(plan.before), After.read(plan.after)
    of_redis = section(stack, after.section).kind == REDIS
    put = host.ask(datafiles.put(before.path, after.kept, after.undone, after.restore))
    server = host.ask(datafiles.server(after.container)) if of_redis else None
    containers = host.ask(docker.concerned(stack, sorted(before.containers)))
    return put.result(), result_of(server), containers.result()


def _which(before: Before, put: Put) -> str:
    """Which file is there. A Redis replaces its own with each save, so its folders tell; of SQLite, the number of the file, too."""
    if put.half or (put.kept and (put.restore or put.undone)):
        return HALF
    if before.inode and not put.kept and put.inode != before.inode:
        return "another one, that somebody put there" if put.inode else "no file"
    if before.inode and put.kept and put.inode in (0, before.inode):
        return "no file" if not put.inode else "the earlier one, although it was kept"
    return RESTORED if put.kept else EARLIER


def _containers(before: Before, after: After, containers: list[Container], *, back: bool = False) -> list[Effect]:
    """Whether the containers are those of before, and run if they ran. After the rollback, the one that writes the file has to run."""
    rows = []
    for name, known in before.containers.items():
        mine = _named(containers, name)
        ids = replicas.short_ids(known.ids), replicas.short_ids(one.id for one in mine)
        rows.append(Effect(f"{name}: container", *ids, part=replicas.PART, between=True))
        if known.up or (not back and name == after.container):
            rows.append(replicas.running(known, name, mine, settles=True))
    return rows


def _named(containers: list[Container], name: str) -> list[Container]:
    return [one for one in {one.id: one for one in containers}.values() if one.name == name]
