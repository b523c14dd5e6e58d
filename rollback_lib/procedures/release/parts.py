"""The plans of which the plan of a release rollback is made. Each is made by its own procedure, and keeps what it needs under a name of
its own, INCIDENT.PART."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from rollback_lib.commands.command import Command
from rollback_lib.errors import Refused
from rollback_lib.facts import docker
from rollback_lib.facts.host import Host, Unanswered
from rollback_lib.plan.effect import Effect
from rollback_lib.plan.plan import Plan
from rollback_lib.plan.step import Step
from rollback_lib.procedures import caddyfile, code, database, env, image
from rollback_lib.procedures.caddyfile.plan import LOADED, TARGET
from rollback_lib.procedures.common import replicas, snapshots
from rollback_lib.procedures.procedure import Effects
from rollback_lib.procedures.release.noted import After
from rollback_lib.procedures.release.state import State
from rollback_lib.procedures.release.target import Target
from rollback_lib.stack.model import Stack

CADDYFILE = "Caddyfile"  # the name of its part
FILES = "files"  # the part of the host that the step names in which all files are changed; git may replace the Caddyfile
_PROCEDURES = {one.NAME: one.PROCEDURE for one in (code, image, caddyfile, database)} | {"env": env.PROCEDURE}


@dataclass(frozen=True)
class Parts:
    """The plans, by what they are about, in the order in which their steps run."""

    plans: dict[str, Plan]

    def commands(self, *names: str, undo: bool = False) -> tuple[Command, ...]:
        """The commands of the steps with these names, of all plans."""
        return tuple(command for step in self._steps(names, undo) for command in step.commands)

    def guards(self, *names: str) -> tuple[Command, ...]:
        """The guards of the steps with these names, of all plans."""
        return tuple(command for step in self._steps(names, undo=False) for command in step.guards)

    def step(self, procedure: str, name: str, *, undo: bool = False) -> Step | None:
        """A step of the plan of a procedure; None if there is no such plan or step, or it is not needed."""
        mine = (plan for plan in self.plans.values() if plan.procedure == procedure)
        steps = (step for plan in mine for step in (plan.undo if undo else plan.steps))
        return next((step for step in steps if step.name == name and not step.skip), None)

    def _steps(self, names: Iterable[str], undo: bool) -> Iterator[Step]:
        for plan in self.plans.values():
            yield from (step for step in (plan.undo if undo else plan.steps) if step.name in names and not step.skip)

    @property
    def databases(self) -> dict[str, Plan]:
        """The plans of databases, by the names of the databases in the stack."""
        mine = (plan for plan in self.plans.values() if plan.procedure == database.NAME)
        return {database.After.read(plan.after).section: plan for plan in mine}

    @property
    def noted(self) -> dict[str, Plan]:
        """The plans as the whole plan notes them: what their effects need."""
        return {
            name: Plan(plan.procedure, plan.incident, plan.stack, plan.host, plan.target, (), (), before=plan.before, after=plan.after)
            for name, plan in self.plans.items()
        }


def parts(now: State, target: Target, incident: str, dirty: str) -> Parts:
    """The plans that lead to the target. Raises Refused as their procedures do."""
    plans: dict[str, Plan] = {}
    if target.code:
        apart = _of_others(now, target, incident)
        plans["tree"] = code.plan(*target.code, incident=f"{incident}.code", dirty=dirty, recreates=False, apart=apart)
    for number, (path, (held, new)) in enumerate(target.envs.items()):
        name = path.rpartition("/")[2] if len(target.envs) == 1 else path
        plans[name] = env.plan(held, new, incident=f"{incident}.env{number}", recreates=False)
        # Where git replaces a file, the guard of the tree looks at it, just before both.
        plans[name] = _without_guard(plans[name], "put") if _moved(now, target, path) else plans[name]
    for number, (name, (there, image_)) in enumerate(target.images.items()):
        plans[f"image of {name}"] = image.plan(there, image_, incident=f"{incident}.image{number}", recreates=False)
    if target.caddy:
        made = caddyfile.plan(*target.caddy, incident=_of_caddyfile(incident))
        plans[CADDYFILE] = _without_guard(made, "put") if target.caddy[0].replaced else made
    for number, (name, (live, backup)) in enumerate(target.databases.items()):
        others = {client: mine for client, mine in live.clients.items() if not _recreated(now, target, mine)}
        plans[f"database {name}"] = database.plan(replace(live, clients=others), backup, incident=f"{incident}.database{number}")
    return Parts(plans)


def _of_others(now: State, target: Target, incident: str) -> dict[str, str]:
    """The paths in the tree that other parts write to, each with the file that has what they write, if the tree's guard looks at it."""
    kept = target.release.files or {}
    written = {path: kept[path].kept if path in kept else "" for path in target.envs}
    if target.caddy and now.stack.caddyfile:
        written[now.stack.caddyfile.file] = snapshots.before(now.stack, _of_caddyfile(incident), TARGET)
    return {path: copy for file, copy in written.items() if (path := now.stack.in_tree(file))}


def _of_caddyfile(incident: str) -> str:
    return f"{incident}.caddyfile"


def _moved(now: State, target: Target, path: str) -> bool:
    """Whether git replaces the file when the tree is put on its target. The guard of the tree looks at it then, before both."""
    return target.code is not None and now.stack.in_tree(path) in {change.path for change in target.code[1].changes}


def _recreated(now: State, target: Target, containers: Sequence[docker.Container]) -> bool:
    """Whether these containers are of a service that the release rollback recreates."""
    names = {one.name for service in target.recreate for one in now.of(service)}
    return any(one.name in names for one in containers)


def databases(plan: Plan) -> dict[str, Plan]:
    """The plans of databases that a plan has noted, by the names of the databases in the stack."""
    known = (part for part in After.read(plan.after).parts.values() if part.procedure == database.NAME)
    return {database.After.read(part.after).section: part for part in known}


def swap_of(name: str) -> str:
    """The name of the step that swaps in the database with that name in the stack."""
    return f"swap_{name.replace('.', '_')}"


def swaps(plan: Plan) -> tuple[Step, ...]:
    """The steps of a plan that swap in its databases, one for each."""
    return tuple(step for step in plan.steps if step.part == database.NAMES)


def _without_guard(plan: Plan, name: str) -> Plan:
    return replace(plan, steps=tuple(replace(step, guards=()) if step.name == name else step for step in plan.steps))


def reached(host: Host, stack: Stack, plan: Plan) -> list[Effect]:
    """What the parts ask for, compared with the host now."""
    return _each(host, stack, plan, {name: one.effects for name, one in _PROCEDURES.items()})


def prior(host: Host, stack: Stack, plan: Plan) -> list[Effect]:
    """The state before the parts, compared with the host now."""
    return _each(host, stack, plan, {name: one.undo_effects for name, one in _PROCEDURES.items()})


def assumed(host: Host, stack: Stack, plan: Plan) -> list[Effect]:
    """The state that the parts assume, compared with the host now."""
    return _each(host, stack, plan, {name: one.assumed for name, one in _PROCEDURES.items()})


def _each(host: Host, stack: Stack, plan: Plan, look: dict[str, Effects]) -> list[Effect]:
    """The effects of all parts, which are asked for side by side. Raises Refused if the host gives no answer."""
    known = After.read(plan.after).parts
    asked = {name: host.beside(look[part.procedure], stack, part) for name, part in known.items()}
    rows: list[Effect] = []
    for name, answer in asked.items():
        found = answer.result()
        if isinstance(found, Unanswered):
            raise Refused(found.why)
        rows += [_renamed(effect, name) for effect in found]
    return rows


def _renamed(effect: Effect, name: str) -> Effect:
    part = effect.part if effect.part in (replicas.PART, LOADED, database.NAMES, "") else FILES
    return replace(effect, name=f"{name}: {effect.name}", part=part)
