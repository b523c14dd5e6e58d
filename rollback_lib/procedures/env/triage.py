"""How triage weighs a bad change of an env file."""

import re
from datetime import timedelta

from rollback_lib.plan.plan import some
from rollback_lib.procedures.code.look import Look as Code
from rollback_lib.procedures.common import snapshots
from rollback_lib.procedures.common.age import by_age
from rollback_lib.procedures.common.change import Change, Level
from rollback_lib.procedures.common.finding import Finding
from rollback_lib.procedures.common.stack_state import StackState
from rollback_lib.procedures.common.symptoms import Symptoms
from rollback_lib.procedures.common.triage import Triage
from rollback_lib.procedures.database.look import Look as Database
from rollback_lib.procedures.env import history
from rollback_lib.procedures.env.state import State, document, lines_of
from rollback_lib.procedures.redeploy.state import State as Redeploy
from rollback_lib.text import times

_OWN = re.compile(r"([A-Za-z0-9_-]+)(?::\d+)?")  # a host without a dot, one of Docker's own names, and its port
_HERE = ("localhost", "host")


def weigh(one: Finding, held: State, now: StackState, seen: Symptoms) -> None:
    """Weigh one env file."""
    if held.unreadable:
        one.add(4, f"compose cannot read it: {held.unreadable}", sure=True)
    readers = [name for name in dict.fromkeys((*held.readers, *held.filled)) if name in seen.ill]
    if not readers:
        one.add(-1, "every service that reads it works" if not held.unreadable else "what runs keeps what it had")
        return
    stale = [name for name in readers if held.holds(name, held.understood(name)) is False]
    if stale:
        one.add(1, f"{some(stale)} holds something else than the file says: it was not recreated after a change")
    for name in readers:
        for key, host in _unknown_hosts(now, held, name):
            one.add(4, f"{key} names the host {host}, and no container has that name", sure=True)
    _changes_of_env(one, now, held, readers)
    had = [name for name in seen.missing if history.had(held, name)]
    if had:
        one.add(4, f"{some(readers)} asks for {some(had)}, which an older version of the file has", sure=True)
    if foreign := history.strangers(now):
        one.warnings.append(f"the code that runs asks for {some(foreign)}, which the earlier env file lacks: roll back the code as well")
    if seen.refused and all(known.reachable for known in now.every(Database)):
        one.add(1, f"{some(readers)} cannot reach or log in to something: {seen.last}")


def _changes_of_env(one: Finding, now: StackState, held: State, readers: list[str]) -> None:
    known, stable = snapshots.standing(held.versions, held.content)
    if stable:
        one.add(-4, "the file is as it was when the stack was healthy here")
        return
    if stable is False:
        one.add(2, f"the file is one that was found {known}")
    changed = history.changed(held)
    if changed is None:
        one.add(0, "no other version of the file is known, so nobody can tell whether it was changed")
        return
    keys = history.changed_keys(held)
    if keys and set(keys) <= history.tags(held):
        one.add(-4, f"only {some(keys)} was changed, which holds the tag of an image: that is for the image rollback")
        return
    one.add(*by_age(changed, f"it was changed {times.minute(changed)}: {some(keys, 6) or 'in no variable'}"))
    code = now.of(Code)
    if code is None or code.arrived is None or changed >= code.arrived:
        one.add(1, "no later change of the service is known")
    if any(changed <= held.containers[name].created + timedelta(minutes=5) for name in readers):
        one.add(1, "the container was made after that")
    else:
        one.add(-4, "the container was made before that, and has what the file said then")


def _unknown_hosts(now: StackState, held: State, service: str) -> list[tuple[str, str]]:
    """Variables of the file whose address names a host without a dot that is no container of this host, with that host."""
    around = now.of(Redeploy)
    if around is None:
        return []
    known = set(_HERE)
    for one in around.attachments.all:
        known |= {one.container, *one.aliases}
    known |= {one.service for one in held.containers.values()}
    found = []
    for key, value in held.containers[service].environment.items():
        host = host_of(value.reveal().decode(errors="replace"))
        if host and key in lines_of(held.content) and host not in known:
            found.append((key, host))
    return found


def host_of(value: str) -> str:
    """The host of an address, if that is a name without a dot; "" for anything else, and nothing else of the value."""
    address = re.search(r"://([^/?#\s]*)", value)
    host = _OWN.fullmatch(address[1].rpartition("@")[2]) if address else None
    return host[1] if host and not host[1].isdigit() else ""


def changes(held: State) -> list[Change]:
    """When the file was changed."""
    return [Change(held.file.changed, Level.FILE, "env file", held.path)] if held.file else []


TRIAGE = Triage(
    situation="Bad env change", look=document, weigh=weigh, changes=changes, absent="the stack names no env file",
    explains=True, suspects=True,
)  # fmt: skip
