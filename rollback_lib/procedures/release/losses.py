"""What a release rollback loses: the lists of its databases, in one list that a person accepts."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from rollback_lib.facts import whole_release
from rollback_lib.facts.host import Host
from rollback_lib.plan.plan import Plan
from rollback_lib.procedures import database
from rollback_lib.procedures.release import parts
from rollback_lib.procedures.release.noted import After
from rollback_lib.procedures.release.state import State
from rollback_lib.procedures.release.target import Target
from rollback_lib.stack.model import Stack


@dataclass(frozen=True)
class Losses:
    """The losses of each database, and sentences on what else to know of them; none of both if no database is part of the plan."""

    databases: tuple[database.Losses, ...]
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What a person types to accept them."""
        return ", ".join(one.name for one in self.databases)

    @property
    def hash(self) -> str:
        return hashlib.sha256(repr(self).encode()).hexdigest()[:12]

    @property
    def lines(self) -> tuple[str, ...]:
        return (*self.notes, *(f"{one.name}: {line}" for one in self.databases for line in one.lines))

    @property
    def restored(self) -> bool:
        return all(one.restored for one in self.databases)


def losses(host: Host, now: State, target: Target, plan: Plan) -> Losses:
    """Compare each live database with the restored one; or with the backup itself, if nothing is restored yet. Raises what the losses of a
    database rollback raise."""
    of = parts.databases(plan)
    found = tuple(database.losses(host, there, chosen, of[name]) for name, (there, chosen) in target.databases.items())
    return Losses(found, tuple(_other_schema(host, now.stack, plan)))


def weigh(host: Host, stack: Stack, plan: Plan) -> Losses:
    """The same, for a run that resumes a plan. Raises TargetRefused if a restored database is gone, Refused if Postgres does not answer."""
    found = tuple(database.weigh(host, stack, part) for part in parts.databases(plan).values())
    return Losses(found, tuple(_other_schema(host, stack, plan)))


def kept(host: Host, stack: Stack, plan: Plan) -> Losses:
    """Compare each database that was live before with the one that is live now."""
    found = [database.kept(host, stack, part) for part in parts.databases(plan).values()]
    return Losses(
        tuple(one for one in found if isinstance(one, database.Losses)), tuple(one for one in found if isinstance(one, str))
    )  # fmt: skip


def _other_schema(host: Host, stack: Stack, plan: Plan) -> Iterator[str]:
    """Sentences on the databases whose backup, now restored, has another schema than the release had: it is from before a migration."""
    wanted, beside = After.read(plan.after).schemas, _beside(plan)
    sections = {name: database.section(stack, name) for name in wanted}
    asked = {
        name: host.ask(whole_release.schema(section.model_copy(update={"database": beside[name]}))) for name, section in sections.items()
    }  # fmt: skip
    for name, answer in asked.items():
        if answer.result() not in (None, wanted[name]):
            yield (
                f"The tables or columns in the backup of {name} are not those that the release had: the backup is from before a change of "
                "the schema, and the code of the release may need that."
            )


def _beside(plan: Plan) -> Mapping[str, str]:
    return {name: database.After.read(part.after).beside for name, part in parts.databases(plan).items()}
