"""What a release rollback has to bring about, and what its undo has to: the effects of its parts, and those of the containers."""

from collections.abc import Sequence

from rollback_lib.facts import docker
from rollback_lib.facts.docker import Container
from rollback_lib.facts.host import Answer, Host
from rollback_lib.plan.effect import Effect
from rollback_lib.plan.plan import Plan
from rollback_lib.procedures.common import replicas
from rollback_lib.procedures.common.replicas import Replicas
from rollback_lib.procedures.env.state import Held, look
from rollback_lib.procedures.release import parts
from rollback_lib.procedures.release.noted import After, Before
from rollback_lib.stack.model import Stack

_NONE = Replicas(count=0, containers=())


def effects(host: Host, stack: Stack, plan: Plan) -> list[Effect]:
    """What the rollback asks for, compared with the host now."""
    before, after = Before.read(plan.before), After.read(plan.after)
    project, wanted = host.ask(docker.project(stack)), host.ask(docker.stored(set(after.images.values())))
    rows = parts.reached(host, stack, plan)
    there = all(row.ok for row in rows if row.part == parts.FILES)
    of, stored, held = docker.by_service(project.result()), wanted.result(), _held(host, stack)
    for name, image in after.images.items():
        mine, known = of.get(name, []), before.services.get(name)
        found = stored[image].id if image in stored else "no image of the release"
        rows += replicas.after(known.replicas if known else _NONE, name, mine, image=found)
        rows += _environment(held, name, mine, there=there)
    return rows


def undo_effects(host: Host, stack: Stack, plan: Plan) -> list[Effect]:
    """The state before the rollback, compared with the host now."""
    before, after = Before.read(plan.before), After.read(plan.after)
    project, wanted = host.ask(docker.project(stack)), host.ask(docker.stored(set(after.images.values())))
    rows = parts.prior(host, stack, plan)
    of, stored = docker.by_service(project.result()), wanted.result()
    for name, known in before.services.items():
        mine, image = of.get(name, []), stored.get(after.images.get(name, ""))
        rows += replicas.back(known.replicas, name, mine, image=image.id if image else None)
        if known.held:
            has = ", ".join(host.key.of_environments(one.environment for one in mine)) or "no container"
            rows.append(Effect(f"{name}: what its containers have", ", ".join(known.held), has, part=replicas.PART, between=True))
    return rows


def assumed(host: Host, stack: Stack, plan: Plan) -> list[Effect]:
    """The state that the plan assumes, compared with the host now."""
    before = Before.read(plan.before)
    project: Answer[list[Container]] = host.ask(docker.project(stack))
    rows = parts.assumed(host, stack, plan)
    of = docker.by_service(project.result())
    return [*rows, *(replicas.assumed(known.replicas, name, of.get(name, [])) for name, known in before.services.items())]


def _held(host: Host, stack: Stack) -> Held | None:
    """The variables that the services have, and those that compose would give them now. By then the files are those of the release."""
    return look(host, stack, stack.env.paths[0]) if stack.env else None


def _environment(held: Held | None, name: str, containers: Sequence[Container], *, there: bool) -> list[Effect]:
    """Whether the containers of a service have the environment that the files give. It does not count unless the files of the release are
    `there`: in the middle of an undo, the containers may still be those of the release, and the files the earlier ones."""
    if held is None or not containers:
        return []
    meant = held.understood(name)
    asked = held.key.of_environment(held.expected(name, meant)) if meant else "nothing"
    found = ", ".join(held.key.of_environments(held.held(name, meant)))
    return [Effect(f"{name}: what its containers hold", asked, found, decides=there, part=replicas.PART, between=True)]
