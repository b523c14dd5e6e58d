"""Evidence that a service does not work because of its code or its image."""

from datetime import datetime, timedelta

from rollback_lib.facts.host import Unanswered
from rollback_lib.facts.releases import Release
from rollback_lib.plan.plan import some
from rollback_lib.procedures.code import State as CodeState
from rollback_lib.procedures.code.rationale import change
from rollback_lib.procedures.code.state import older
from rollback_lib.procedures.common.finding import Finding
from rollback_lib.procedures.triage.age import by_age
from rollback_lib.procedures.triage.envfile import env_changed, ever_had, strangers
from rollback_lib.procedures.triage.state import Databases, Deployed, Pulled, State, arrived
from rollback_lib.procedures.triage.symptoms import Symptoms
from rollback_lib.text import times


def deployments(now: State, seen: Symptoms) -> list[Finding]:
    """The findings about the code that is built on the host, and about the images that come from a registry."""
    found = [] if now.deployed is None else [_built(now, seen, now.deployed)]
    several = now.stack.image is not None and len(now.stack.image.names) > 1
    return found + [_pulled(now, seen, name, one, several=several) for name, one in now.pulled.items()]


def _built(now: State, seen: Symptoms, found: Deployed | Unanswered) -> Finding:
    """The finding about the code; or about the image, if the service's image comes from a registry."""
    if isinstance(found, Unanswered):
        one = Finding("code", "Bad code deploy")
        one.add(0, f"not known: {found.why}")
        return one
    of_image = from_registry(found.state)
    one = Finding("image" if of_image else "code", "Bad image deploy" if of_image else "Bad code deploy")
    if found.target and not of_image:
        one.parameters = {"target": found.target}
    names = [mine.service for mine in found.state.services]
    service = next((name for name in names if name in seen.ill), "")
    if not service:
        one.add(-1, f"{some(names)} itself works" if len(names) == 1 else f"{some(names)} work themselves")
        return one
    if not _arrival(one, now, found):
        return one
    _words(one, now, seen, service)
    if found.migrations:
        one.warnings.append(
            f"between the target and what runs the tree changes {some(list(found.migrations))}: the older code may not know that schema"
        )
    one.warnings += _newer_schemas(now)
    return one


def _words(one: Finding, now: State, seen: Symptoms, service: str) -> None:
    """Add the evidence for bad code in the last lines of a service that does not work."""
    asked = [name for name in seen.missing if not ever_had(now, name)]
    if asked:
        one.add(2, f"{service} asks for {some(asked)}, which no version of the env file has", sure=True)
    elif foreign := strangers(now):
        one.add(2, f"since the target it asks for {some(foreign)}, which the env file lacked before its change")
    elif seen.errors and not seen.refused and not seen.undefined:
        one.add(1, f"{service} says: {seen.errors[-1]}")


def _newer_schemas(now: State) -> list[str]:
    found = []
    for name, database in now.databases.items():
        if isinstance(database, Databases) and database.since and database.since[0][1]:
            when, gap = database.since[0]
            found.append(
                f"the schema of {name} is newer than its backup of {times.minute(when)} ({gap.words}): "
                "code from before that meets a schema newer than itself"
            )
    return found


def _pulled(now: State, seen: Symptoms, name: str, found: Pulled | Unanswered, *, several: bool) -> Finding:
    """The finding about the image of a service that is not built on the host."""
    one = Finding("image", f"Bad image deploy ({name})" if several else "Bad image deploy", {"service": name} if several else {})
    if isinstance(found, Unanswered):
        one.add(0, f"not known: {found.why}")
        return one
    if name not in seen.ill:
        one.add(-1, f"{name} itself works")
        return one
    container = found.container
    standing = [release for release in found.releases if container and release.image == container.image]
    if standing and standing[-1].healthy:
        one.add(-4, f"the image that runs was healthy here {times.minute(standing[-1].when)}")
        return one
    if standing:
        one.add(2, f"the image that runs was found bad here before ({standing[-1].incident})", sure=True)
    if container is None or found.image is None:
        one.add(0, "when its image came is not known")
    else:
        one.add(*by_age(found.image, f"the image that runs, {container.image_name}, came here {times.minute(found.image)}"))
        _since(one, now, found.image, container.created)
    _words(one, now, seen, name)
    return one


def from_registry(now: CodeState) -> bool:
    """Whether the service's container was started with the compose files that take its image from a registry."""
    section, container = now.stack.image, now.container
    return bool(section and container and now.main.service in section.names and set(section.files) <= set(container.compose.files))


def made_of_it(found: Deployed) -> bool:
    """Whether the image that runs can be made from the commit that came last. False if the image was on the host before the commit."""
    return not older(found.image, arrived(found))


def last_word(now: CodeState) -> Release | None:
    """The last line of the ledger about what the service runs: about its commit, or its image if that has no known commit. None if there
    is none."""
    image = now.container.image if now.container else ""
    mine = [one for one in now.releases if (one.commit == now.running if one.commit else one.image == image)]
    return mine[-1] if mine else None


def _arrival(one: Finding, now: State, found: Deployed) -> bool:
    """Add the evidence from when the code came to the host. False if the code cannot be the cause."""
    state = found.state
    came = arrived(found)
    last = last_word(state)
    if last and last.healthy:
        one.add(-4, f"the commit that runs was healthy here {times.minute(last.when)}")
        return False
    if last:
        one.add(2, f"the commit that runs was found bad here before ({last.incident})", sure=True)
    if came is None or state.container is None:
        one.add(0, "when it was deployed is not known")
        return True
    if found.image and not made_of_it(found):
        one.add(-4, f"the image that runs was here {times.minute(found.image)} already, so it was not built from the commit that came")
        return False
    one.add(*by_age(came, f"what runs came here: {change(state) or came.isoformat()}"))
    _since(one, now, came, state.container.created)
    return True


def _since(one: Finding, now: State, came: datetime, made: datetime) -> None:
    """Add further evidence about a change that came at this time, to a service whose container was made at `made`."""
    changed = env_changed(now)
    if changed is None or came >= changed:
        one.add(1, "no later change of the service is known")
    else:
        one.add(0, "the env file was changed later")
    if came - timedelta(minutes=5) <= made <= came + timedelta(hours=6):
        one.add(1, "the container was made of it then")
    else:
        one.add(-1, f"the container was made {times.minute(made)}, long after it came")
