"""Why a service does not work: its code or image, its env file, its database."""

import re
from datetime import UTC, datetime, timedelta

from rollback_lib.facts.together import Unanswered
from rollback_lib.plan import some
from rollback_lib.procedures import env, keeping
from rollback_lib.procedures.code import State as CodeState
from rollback_lib.procedures.code.grounds import change
from rollback_lib.procedures.env.state import lines_of
from rollback_lib.procedures.triage.finding import Finding
from rollback_lib.procedures.triage.state import Databases, Deployed, State
from rollback_lib.procedures.triage.symptoms import Symptoms

LATELY, TODAY = timedelta(hours=1), timedelta(hours=24)
_ADDRESS = re.compile(r"://(?:[^/@\s]*@)?([A-Za-z0-9_-]+)(?=[:/?]|$)")  # a host without a dot: one of Docker's own names
_HERE = ("localhost", "host")


def deployed(now: State, seen: Symptoms) -> Finding:
    """The code, or the image where the service's image comes from a registry."""
    found = now.deployed
    if isinstance(found, Unanswered):
        one = Finding("code", "Bad code deploy")
        one.add(0, f"not known: {found.why}")
        return one
    of_image = from_registry(found.state)
    one = Finding("image" if of_image else "code", "Bad image deploy" if of_image else "Bad code deploy")
    if found.target and not of_image:
        one.parameters = {"target": found.target}
    service = now.stack.code.service
    if service not in seen.ill:
        one.add(-1, f"{service} itself works")
        return one
    _arrival(one, now, found)
    asked = [name for name in seen.missing if not _ever_had(now, name)]
    if asked:
        one.add(2, f"{service} asks for {some(asked)}, which no version of the env file has", sure=True)
    elif foreign := strangers(now):
        one.add(2, f"since the target it asks for {some(foreign)}, which the env file before its change has not")
    elif seen.errors and not seen.refused and not seen.undefined:
        one.add(1, f"{service} says: {seen.errors[-1]}")
    if found.migrations:
        one.warnings.append(
            f"between the target and what runs the tree changes {some(list(found.migrations))}: the older code may not know that schema"
        )
    for name, database in now.databases.items():
        if isinstance(database, Databases) and database.since and database.since[0][1]:
            when, gap = database.since[0]
            one.warnings.append(
                f"the schema of {name} is newer than its backup of {when:%Y-%m-%d %H:%M} UTC ({_words(gap.gone, gap.new)}): "
                "code from before that meets a schema newer than itself"
            )
    return one


def from_registry(now: CodeState) -> bool:
    """Whether the service's container was started with the compose files that take its image from a registry."""
    section, container = now.stack.image, now.container
    return bool(section and container and set(section.files) <= set(container.compose.files))


def _arrival(one: Finding, now: State, found: Deployed) -> None:
    state = found.state
    came = arrived(found)
    standing = [release for release in state.releases if release.commit == state.running]
    if standing and standing[-1].healthy:
        one.add(-4, f"the commit that runs was healthy here {standing[-1].when:%Y-%m-%d %H:%M} UTC")
        return
    if standing:
        one.add(2, f"the commit that runs was found bad here before ({standing[-1].incident})", sure=True)
    if came is None or state.container is None:
        one.add(0, "when it was deployed is not known")
        return
    one.add(*_age(came, f"what runs came here: {change(state) or came.isoformat()}"))
    others = [other for other in (env_changed(now),) if other]
    if all(came >= other for other in others):
        one.add(1, "no later change of the service is known")
    else:
        one.add(0, "the env file was changed later")
    if came - timedelta(minutes=5) <= state.container.created <= came + timedelta(hours=6):
        one.add(1, "the container was made of it then")
    else:
        one.add(-1, f"the container was made {state.container.created:%Y-%m-%d %H:%M} UTC, long after it came")


def arrived(found: Deployed) -> datetime | None:
    """When the code that runs came to the host: by the reflog, or, where that does not say, with its image."""
    state = found.state
    move = next((move for move in state.reflog if move.commit.sha == state.running), None)
    return move.when if move else found.image


def env_file(now: State, seen: Symptoms) -> Finding:
    """The env file."""
    one = Finding("env", "Bad env change")
    held = now.env
    if held is None or isinstance(held, Unanswered):
        one.add(0, f"not known: {held.why}" if held else "the stack names no env file")
        return one
    if held.unreadable:
        one.add(4, f"compose cannot read it: {held.unreadable}", sure=True)
    readers = [name for name in held.readers if name in seen.ill]
    if not readers:
        one.add(-1, "every service that reads it works" if not held.unreadable else "what runs goes on with what it had")
        return one
    stale = [name for name in readers if held.holds(name, held.understood(name)) is False]
    if stale:
        one.add(1, f"{some(stale)} holds something else than the file says: it was not made anew after a change")
    for name in readers:
        for key, host in unknown_hosts(now, held, name):
            one.add(4, f"{key} names the host {host}, and no container has that name", sure=True)
    _changes_of_env(one, now, held, readers)
    had = [name for name in seen.missing if _ever_had(now, name)]
    if had:
        one.add(4, f"{some(readers)} asks for {some(had)}, which an older version of the file has", sure=True)
    if foreign := strangers(now):
        one.warnings.append(f"the code that runs asks for {some(foreign)}, which the env file before has not: roll back the code as well")
    if seen.refused and all(isinstance(known, Unanswered) or known.reachable for known in now.databases.values()):
        one.add(1, f"{some(readers)} cannot reach or log in to something: {seen.errors[-1] if seen.errors else ''}")
    return one


def _changes_of_env(one: Finding, now: State, held: env.State, readers: list[str]) -> None:
    _, stable = keeping.standing(held.versions, held.content)
    if stable:
        one.add(-4, "the file is as it was when the stack was healthy here")
        return
    changed = env_changed(now)
    if changed is None:
        one.add(0, "no other version of the file is known, so nobody can tell whether it was changed")
        return
    keys = changed_keys(held)
    one.add(*_age(changed, f"it was changed {changed:%Y-%m-%d %H:%M} UTC: {some(keys, 6) or 'in no variable'}"))
    came = None if isinstance(now.deployed, Unanswered) else arrived(now.deployed)
    if came is None or changed >= came:
        one.add(1, "no later change of the service is known")
    if any(changed <= held.containers[name].created + timedelta(minutes=5) for name in readers):
        one.add(1, "the container was made after that")
    else:
        one.add(-4, "the container was made before that, and has what the file said then")


def strangers(now: State) -> list[str]:
    """Variables that the code asks for since the target, and that the env file has only since it was changed."""
    held, found = now.env, now.deployed
    if held is None or isinstance(held, Unanswered) or isinstance(found, Unanswered):
        return []
    before = version_before(held)
    had = lines_of(before.file.content.reveal()) if before else {}
    return [name for name in found.asks if before and name not in had]


def env_changed(now: State) -> datetime | None:
    """When the env file was changed; None where no other version of it is known."""
    held = now.env
    if held is None or isinstance(held, Unanswered) or held.file is None:
        return None
    return held.file.changed if any(one.file.content != held.file.content for one in held.versions) else None


def changed_keys(held: env.State) -> list[str]:
    """The variables in which the file differs from the newest other version that is not known to be bad."""
    before = version_before(held)
    if before is None:
        return []
    new, old = lines_of(held.content), lines_of(before.file.content.reveal())
    return sorted(key for key in new.keys() | old.keys() if new.get(key) != old.get(key))


def version_before(held: env.State) -> keeping.Version | None:
    """The newest version of the file that is another one and not known to be bad."""
    others = (one for one in held.versions if one.file.content.reveal() != held.content and not one.verdict.startswith("bad"))
    return next(others, None)


def unknown_hosts(now: State, held: env.State, service: str) -> list[tuple[str, str]]:
    """Variables of the file whose address names a host without a dot that is no container of this host, with that host."""
    if isinstance(now.redeploy, Unanswered):
        return []
    known = set(_HERE)
    for one in now.redeploy.attachments.all:
        known |= {one.container, *one.aliases}
    known |= {one.service for one in held.containers.values()}
    found = []
    for key, value in held.containers[service].environment.items():
        host = _ADDRESS.search(value.reveal().decode(errors="replace"))
        if host and key in lines_of(held.content) and host[1] not in known and not host[1].isdigit():
            found.append((key, host[1]))
    return found


def _ever_had(now: State, key: str) -> bool:
    held = now.env
    if held is None or isinstance(held, Unanswered):
        return False
    return any(key in lines_of(one.file.content.reveal()) for one in held.versions)


def databases(now: State, seen: Symptoms) -> list[Finding]:
    """One finding for each database."""
    return [_database(now, seen, name, one) for name, one in now.databases.items()]


def _database(now: State, seen: Symptoms, name: str, database: Databases | Unanswered) -> Finding:
    one = Finding("database", f"Database migration issue ({name})", {"database": name})
    if isinstance(database, Unanswered):
        one.add(0, f"not known: {database.why}")
        return one
    users = [route.service for route in now.stack.routes]
    used = [
        client
        for client in database.section.used_by
        if any(client in (service, f"{service}-1") or f"-{service}-" in client for service in users)
    ]
    ill = [service for service in seen.ill if any(f"-{service}-" in client or client == service for client in used)]
    if not database.reachable:
        state = database.container.state if database.container else "missing"
        one.add(
            0,
            f"its server does not answer (container {database.section.container}: {state}); a backup does not mend that, starting it does",
        )
        return one
    if not database.since:
        one.add(0, "no backup says which tables it had")
        return one
    when, gap = database.since[0]
    same = next((known for known, other in database.since if not other), None)
    if not gap:
        one.add(-2, f"its tables are those of the backup of {when:%Y-%m-%d %H:%M} UTC")
        return one
    between = f", and was still as in that of {same:%Y-%m-%d %H:%M} UTC" if same else ""
    words = f"its schema has changed since the backup of {when:%Y-%m-%d %H:%M} UTC{between}: {_words(gap.gone, gap.new)}"
    if not ill:
        one.add(0, f"{words}; but every service that uses it works")
    elif gap.gone:
        one.add(4, words, sure=True)
    else:
        one.add(1, words)
    if ill and seen.undefined:
        one.add(2, f"{some(ill)} misses a table or column: {next((line for line in reversed(seen.errors)), '')}")
    return one


def _words(gone: tuple[str, ...], new: tuple[str, ...]) -> str:
    parts = [f"gone: {some(gone)}"] if gone else []
    return "; ".join(parts + ([f"new: {some(new)}"] if new else []))


def _age(when: datetime, words: str) -> tuple[int, str]:
    """Points for a change by its age: what broke just now was changed lately."""
    age = datetime.now(UTC) - when
    return (2 if age < LATELY else 1 if age < TODAY else 0), words
