"""What a data file rollback has to bring about, compared with the host."""

from typing import Any

from rollback_lib.facts import datafiles, docker
from rollback_lib.facts.datafiles import REDIS, SQLITE, Put, Server
from rollback_lib.facts.datafiles.content import KEYS
from rollback_lib.facts.docker import Container
from rollback_lib.facts.host import Host, result_of
from rollback_lib.plan.effect import Effect
from rollback_lib.plan.plan import Plan
from rollback_lib.procedures.common import replicas, snapshots
from rollback_lib.procedures.datafile.noted import After, Before
from rollback_lib.procedures.datafile.plan import FILE, NOTE
from rollback_lib.procedures.datafile.state import section
from rollback_lib.stack.model import Stack

EARLIER, RESTORED, HALF = "the earlier one", "the restored one", "half exchanged"


def effects(host: Host, stack: Stack, plan: Plan) -> list[Effect]:
    """What the rollback asks for, compared with the host now."""
    before, after = Before.read(plan.before), After.read(plan.after)
    put, server, containers = _look(host, stack, plan)
    found = _which(stack, before, after, put)
    rows = [
        Effect(f"file at {before.path}", RESTORED, found, part=FILE, between=found == HALF),
        Effect(f"kept in {after.kept}", "what was there", "what was there" if put.kept else "nothing", part=FILE, between=True),
        *_containers(before, after, containers),
    ]
    return [*rows, _loaded(after, put, server)] if section(stack, after.section).kind == REDIS else rows


def _loaded(after: After, put: Put, server: Server | None) -> Effect:
    """Whether Redis has loaded what is in the backup. From version 7 on it says how many keys it loaded. Before, they can only be counted,
    and some may be new. Once it has saved its keys, it may have loaded these."""
    wanted = (after.rows or {}).get(KEYS)
    known: dict[str, Any] = {"settles": True, "condition": True, "part": replicas.PART}
    if server is None or wanted is None or put.brought not in (0, put.inode):
        return Effect("Redis", "answers", "answers" if server and not server.loading else "does not answer", **known)
    loaded = server.loaded if server.loaded is not None else sum(server.keys.values())
    return Effect("keys that Redis loaded", f"{wanted:,}", "loading" if server.loading else f"{loaded:,}", **known)


def undo_effects(host: Host, stack: Stack, plan: Plan) -> list[Effect]:
    """The state before the rollback, compared with the host now."""
    before, after = Before.read(plan.before), After.read(plan.after)
    put, _, containers = _look(host, stack, plan)
    found = _which(stack, before, after, put)
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
        Effect(path, EARLIER, _which(stack, before, after, put)), *rows,
        Effect("containers that have it mounted", " ".join(sorted(before.containers)), " ".join(users)),
    ]  # fmt: skip


def _look(host: Host, stack: Stack, plan: Plan) -> tuple[Put, Server | None, list[Container]]:
    before, after = Before.read(plan.before), After.read(plan.after)
    of_redis = section(stack, after.section).kind == REDIS
    note = snapshots.before(stack, plan.incident, NOTE)
    put = host.ask(datafiles.put(before.path, after.kept, after.undone, after.restore, note))
    server = host.ask(datafiles.server(after.container)) if of_redis else None
    containers = [host.ask(docker.named(name)) for name in before.containers]
    return put.result(), result_of(server), [one for answer in containers if (one := answer.result())]


def _which(stack: Stack, before: Before, after: After, put: Put) -> str:
    """Which file is there, as the folders beside it tell. Of SQLite, its number tells, too; a Redis makes a new file with each save."""
    if put.half or (put.kept and (put.restore or put.undone)):
        return HALF
    wanted = put.brought if put.kept else before.inode
    if section(stack, after.section).kind == SQLITE and wanted not in (0, put.inode):
        return "another one, that somebody put there" if put.inode else "no file"
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
    return [one for one in containers if one.name == name]
