"""The changes of env files, from their versions: when, in which variables, and which variables they had before."""

from datetime import datetime

from rollback_lib.commands.image import tag_variable
from rollback_lib.procedures.code.look import Look as Code
from rollback_lib.procedures.common import snapshots
from rollback_lib.procedures.common.stack_state import StackState
from rollback_lib.procedures.env.state import State, lines_of


def version_before(held: State) -> snapshots.Version | None:
    """The newest version of the file that is another one and not known to be bad."""
    others = (one for one in held.versions if one.file.content.reveal() != held.content and not one.verdict.startswith("bad"))
    return next(others, None)


def changed(held: State) -> datetime | None:
    """When the file was changed; None if no other version of it is known."""
    if held.file is None:
        return None
    return held.file.changed if any(one.file.content != held.file.content for one in held.versions) else None


def changed_keys(held: State) -> list[str]:
    """The variables in which the file differs from the newest other version that is not known to be bad."""
    before = version_before(held)
    if before is None:
        return []
    new, old = lines_of(held.content), lines_of(before.file.content.reveal())
    return sorted(key for key in new.keys() | old.keys() if new.get(key) != old.get(key))


def tags(held: State) -> set[str]:
    """The variables that hold the tags of the images of the image rollback."""
    services = held.stack.image.names if held.stack.image else []
    written = [services_of[name].image for services_of in held.written.values() for name in services if name in services_of]
    return {variable for image in written if (variable := tag_variable(image))}


def had(held: State, key: str) -> bool:
    """Whether a known version of the file has that variable."""
    return any(key in lines_of(one.file.content.reveal()) for one in held.versions)


def env_changed(now: StackState) -> datetime | None:
    """When an env file was changed last; None if no other version of any is known."""
    return max((when for held in now.every(State) if (when := changed(held))), default=None)


def ever_had(now: StackState, key: str) -> bool:
    """Whether a known version of an env file has that variable."""
    return any(had(held, key) for held in now.every(State))


def strangers(now: StackState) -> list[str]:
    """Variables that the code asks for since the target, and that the env files have only since they were changed."""
    code = now.of(Code)
    if code is None:
        return []
    before = [version for held in now.every(State) if (version := version_before(held))]
    known = {key for version in before for key in lines_of(version.file.content.reveal())}
    return [name for name in code.asks if before and name not in known]
