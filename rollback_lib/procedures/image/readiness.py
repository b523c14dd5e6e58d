"""Whether a service could go back to another image right now."""

from rollback_lib.commands.command import Command
from rollback_lib.facts import registry
from rollback_lib.facts.host import Unanswered
from rollback_lib.plan.step import Changes, Step
from rollback_lib.procedures.code.look import Look as Code
from rollback_lib.procedures.code.look import from_registry
from rollback_lib.procedures.common.readiness import Readiness, Seen, Trials
from rollback_lib.procedures.common.rows import AMBER, GREEN, RED, Row
from rollback_lib.procedures.image.plan import PULL_DEADLINE, pull
from rollback_lib.procedures.image.state import NAME, State, candidates
from rollback_lib.procedures.image.target import Target
from rollback_lib.text import tables


def trials(now: State, target: Target, incident: str) -> Trials:
    """The image to go back to is fetched if it is in the registry only, to be there when that is away. It stays, as a release does."""
    row, service = target.candidate, now.service
    if row.image or not row.digest or not (now.container and now.stack.section(NAME).started(service, now.container.compose.files)):
        return Trials()
    kept = now.stack.kept_image(service, row.commit.sha if row.commit else row.tag)
    commands = (pull(now, row), Command.of("docker", "tag", f"{now.named.name}@{row.digest}", kept))
    title = f"Fetch the image that a rollback of {service} would start"
    why = "It is on the host then, when the registry is away. It stays until its retention ends."
    return Trials((Step(_step(service), title, why, commands, changes=Changes.TRIAL, deadline=PULL_DEADLINE),))


def rows(seen: Seen[State, Target]) -> list[Row]:
    """The image to go back to, and where it is."""
    chosen = seen.target
    if isinstance(chosen, Unanswered):
        do = "see whether the registry has earlier images; each that is healthy here is kept by this run with --apply"
        return [Row(seen.label, RED if _nothing(seen) else AMBER, chosen.why, do), *_registry(seen)]
    row = chosen.candidate
    fetched = None if isinstance(seen.state, Unanswered) else seen.tried.get(_step(seen.state.service))
    where = "kept on the host" if row.image or (fetched and fetched.ok) else "in the registry" if row.in_registry else "nowhere"
    there = bool(row.image or row.in_registry)
    if fetched and not fetched.ok:
        return [
            Row(seen.label, RED, f"{row.tag[:12]} could not be fetched, {fetched.words}", "push it again, or fix the login"),
            *_registry(seen),
        ]
    said = f"would go back to {row.tag[:12]}, {chosen.why}; it is {where}"
    return [Row(seen.label, GREEN if there else RED, said, "" if there else "push it again"), *_registry(seen)]


def _registry(seen: Seen[State, Target]) -> list[Row]:
    """Whether the registry answers the host, with the login that the host has there."""
    if isinstance(seen.state, Unanswered):
        return []
    tags, where = seen.state.tags, seen.state.named.registry
    name = f"registry of {seen.state.service}"
    if isinstance(tags, registry.Unavailable):
        do = f"if it asks for a login: `docker login {where}` on the host; until it answers, only images on the host can be started"
        return [Row(name, AMBER, f"{where} does not answer ({tags.why})", do)]
    return [Row(name, GREEN, f"{where} answers, with {tables.count(len(tags), 'tag')}")]


def _nothing(seen: Seen[State, Target]) -> bool:
    """Whether there is no way back by an image: where others are, a person can name one; what is built here can be built again."""
    if seen.label in seen.look.looks:
        return isinstance(seen.state, Unanswered) or all(one.running for one in candidates(seen.state))
    code = seen.look.of(Code)
    return code is not None and from_registry(code.state)


def _step(service: str) -> str:
    """The name of the step that fetches the image of a service."""
    return f"fetch_{service.replace('.', '_')}"


READINESS: Readiness[State, Target] = Readiness(rank=20, rows=rows, trials=trials)
