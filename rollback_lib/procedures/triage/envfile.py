"""Evidence that a service does not work because of an env file."""

import re
from datetime import datetime, timedelta

from rollback_lib.facts.host import Unanswered
from rollback_lib.plan.plan import some
from rollback_lib.procedures import env
from rollback_lib.procedures.common import snapshots
from rollback_lib.procedures.common.finding import Finding
from rollback_lib.procedures.env.state import lines_of
from rollback_lib.procedures.triage.age import by_age
from rollback_lib.procedures.triage.state import Deployed, State, arrived
from rollback_lib.procedures.triage.symptoms import Symptoms
from rollback_lib.text import times

_OWN = re.compile(r"([A-Za-z0-9_-]+)(?::\d+)?")  # a name without a dot, as Docker gives to containers, and a port
_HERE = ("localhost", "host")


def env_files(now: State, seen: Symptoms) -> list[Finding]:
    """A finding for each env file."""
    if not now.envs:
        one = Finding("env", "Bad env change")
        one.add(0, "the stack names no env file")
        return [one]
    return [_env_file(now, seen, path, held) for path, held in now.envs.items()]


def _env_file(now: State, seen: Symptoms, path: str, held: env.State | Unanswered) -> Finding:
    several = len(now.envs) > 1
    one = Finding("env", f"Bad env change ({path})" if several else "Bad env change", {"file": path} if several else {})
    if isinstance(held, Unanswered):
        one.add(0, f"not known: {held.why}")
        return one
    if held.unreadable:
        one.add(4, f"compose cannot read it: {held.unreadable}", sure=True)
    readers = [name for name in dict.fromkeys((*held.readers, *held.filled)) if name in seen.ill]
    if not readers:
        one.add(-1, "every service that reads it works" if not held.unreadable else "what runs keeps what it had")
        return one
    stale = [name for name in readers if held.holds(name, held.understood(name)) is False]
    if stale:
        one.add(1, f"{some(stale)} holds something else than the file says: it was not recreated after a change")
    for name in readers:
        for key, host in unknown_hosts(now, held, name):
            one.add(4, f"{key} names the host {host}, and no container has that name", sure=True)
    _changes_of_env(one, now, held, readers)
    had = [name for name in seen.missing if _had(held, name)]
    if had:
        one.add(4, f"{some(readers)} asks for {some(had)}, which an older version of the file has", sure=True)
    if foreign := strangers(now):
        one.warnings.append(f"the code that runs asks for {some(foreign)}, which the earlier env file lacks: roll back the code as well")
    if seen.refused and all(isinstance(known, Unanswered) or known.reachable for known in now.databases.values()):
        one.add(1, f"{some(readers)} cannot reach or log in to something: {seen.last}")
    return one


def _changes_of_env(one: Finding, now: State, held: env.State, readers: list[str]) -> None:
    known, stable = snapshots.standing(held.versions, held.content)
    if stable:
        one.add(-4, "the file is as it was when the stack was healthy here")
        return
    if stable is False:
        one.add(2, f"the file is one that was found {known}")
    changed = _changed(held)
    if changed is None:
        one.add(0, "no other version of the file is known, so nobody can tell whether it was changed")
        return
    keys = changed_keys(held)
    one.add(*by_age(changed, f"it was changed {times.minute(changed)}: {some(keys, 6) or 'in no variable'}"))
    came = arrived(now.deployed) if isinstance(now.deployed, Deployed) else None
    if came is None or changed >= came:
        one.add(1, "no later change of the service is known")
    if any(changed <= held.containers[name].created + timedelta(minutes=5) for name in readers):
        one.add(1, "the container was made after that")
    else:
        one.add(-4, "the container was made before that, and has what the file said then")


def strangers(now: State) -> list[str]:
    """Variables that the code after the target asks for, and that the earlier versions of the env files do not have."""
    if not isinstance(now.deployed, Deployed):
        return []
    before = [version for held in _known(now) if (version := version_before(held))]
    had = {key for version in before for key in lines_of(version.file.content.reveal())}
    return [name for name in now.deployed.asks if before and name not in had]


def env_changed(now: State) -> datetime | None:
    """When an env file was last changed; None if no other version of any env file is known."""
    return max((when for held in _known(now) if (when := _changed(held))), default=None)


def _known(now: State) -> list[env.State]:
    return [held for held in now.envs.values() if not isinstance(held, Unanswered)]


def _changed(held: env.State) -> datetime | None:
    if held.file is None:
        return None
    return held.file.changed if any(one.file.content != held.file.content for one in held.versions) else None


def changed_keys(held: env.State) -> list[str]:
    """The variables in which the file differs from the newest other version that is not known to be bad."""
    before = version_before(held)
    if before is None:
        return []
    new, old = lines_of(held.content), lines_of(before.file.content.reveal())
    return sorted(key for key in new.keys() | old.keys() if new.get(key) != old.get(key))


def version_before(held: env.State) -> snapshots.Version | None:
    """The newest version that differs from the present file and is not known to be bad; None if there is none."""
    others = (one for one in held.versions if one.file.content.reveal() != held.content and not one.verdict.startswith("bad"))
    return next(others, None)


def unknown_hosts(now: State, held: env.State, service: str) -> list[tuple[str, str]]:
    """Variables of the file with an address whose host is unknown, and that host. An unknown host is a name without a dot that no container
    has."""
    if isinstance(now.redeploy, Unanswered):
        return []
    known = set(_HERE)
    for one in now.redeploy.attachments.all:
        known |= {one.container, *one.aliases}
    known |= {one.service for one in held.containers.values()}
    found = []
    for key, value in held.containers[service].environment.items():
        host = host_of(value.reveal().decode(errors="replace"))
        if host and key in lines_of(held.content) and host not in known:
            found.append((key, host))
    return found


def host_of(value: str) -> str:
    """The host in an address, if it is a name without a dot; "" otherwise. No other part of the value is returned."""
    address = re.search(r"://([^/?#\s]*)", value)
    host = _OWN.fullmatch(address[1].rpartition("@")[2]) if address else None
    return host[1] if host and not host[1].isdigit() else ""


def ever_had(now: State, key: str) -> bool:
    """Whether a kept version of any env file has this variable."""
    return any(_had(held, key) for held in _known(now))


def _had(held: env.State, key: str) -> bool:
    return any(key in lines_of(one.file.content.reveal()) for one in held.versions)
