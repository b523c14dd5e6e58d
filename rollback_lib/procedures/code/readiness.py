"""Whether the code could be rolled back right now: the commit to go back to is built, for trial."""

from collections.abc import Callable, Iterable

from rollback_lib.commands.command import Command
from rollback_lib.errors import Refused
from rollback_lib.facts.host import Unanswered
from rollback_lib.plan.plan import some
from rollback_lib.plan.step import Changes, Step
from rollback_lib.procedures.code import images
from rollback_lib.procedures.code.look import Look, from_registry
from rollback_lib.procedures.code.plan import plan
from rollback_lib.procedures.code.state import State
from rollback_lib.procedures.code.target import Target
from rollback_lib.procedures.common import snapshots
from rollback_lib.procedures.common.readiness import Readiness, Seen, Trials, trial_row
from rollback_lib.procedures.common.rows import AMBER, GREEN, RED, Row
from rollback_lib.procedures.image.state import State as Image
from rollback_lib.stack.model import Stack

RELEASES = 3  # that were healthy here last
_BUILD = "build"
_TITLE, _WHY = "Build the commit that a rollback would go back to", "Under a rollback/ name, which is removed again."


def trials(now: State, target: Target, incident: str) -> Trials:
    """The build, unless the image comes from a registry."""
    names = {name: now.stack.kept_image(name, f"readiness-{incident}") for name in target.services}
    if not names or from_registry(now):
        return Trials()
    build, remove = images.commands(now, target, names), _unbuild(names.values())
    commands = (snapshots.folders(now.stack, "before", "build"), *build, *remove)
    step = Step(_BUILD, _TITLE, _WHY, commands, changes=Changes.TRIAL, deadline=images.BUILD_DEADLINE)
    return Trials((step,), cleanup=remove)


def rows(seen: Seen[State, Target]) -> list[Row]:
    """The commit to go back to, what new containers would lose, the build, and the images of the last good releases."""
    return [*_code(seen), *_releases(seen)]


def absent(stack: Stack) -> list[Row]:
    """Why there are no such rows."""
    why = "the stack names no service that is built here" if stack.tree else "the stack has no tree, so git tells nothing here"
    return [Row("code", GREEN, f"left out, with build and releases: {why}")]


def _code(seen: Seen[State, Target]) -> list[Row]:
    target, state = seen.target, seen.state
    if isinstance(target, Unanswered) or isinstance(state, Unanswered):
        why = target.why if isinstance(target, Unanswered) else "not known"
        return [Row("code", RED, why, "name a commit that was good, once, by rolling back to it")]
    sha, of_image = target.commit.short, from_registry(state)
    refused = "" if of_image else _refusal(lambda: plan(state, target, incident="readiness"))
    if refused:
        return [Row("code", RED, refused, "fix that on the host")]
    kept = "its image is kept" if state.main.kept_image(target.commit.sha) else "its image would be built"
    found = [Row("code", GREEN, f"would go back to {sha}, {target.why}; {kept}")]
    if not of_image:
        drift = plan(state, target, incident="readiness").drift
        found += [Row("drift", AMBER, line, "write it into the files; a rollback refuses until then") for line in drift]
        do = f"see output/{_BUILD}.txt of the record"
        found.append(trial_row(_BUILD, f"{sha} builds", f"{sha} does not build", seen.tried.get(_BUILD), do))
    return found


def _releases(seen: Seen[State, Target]) -> list[Row]:
    """Whether the image of each release that was healthy here lately is still to be had."""
    state = seen.state
    if isinstance(state, Unanswered):
        return []
    good = list(dict.fromkeys(one.commit for one in reversed(state.releases) if one.healthy and one.commit))[:RELEASES]
    tags = {tag for one in seen.every(Image) if one.service == state.main.service for tag in one.tagged}
    gone = [sha[:7] for sha in good if not state.main.kept_image(sha) and sha not in tags]
    if not good:
        return []
    if gone:
        do = "a rollback to it would build it: see the row of build"
        return [Row("releases", AMBER, f"the image of {some(gone)} is neither kept nor in the registry", do)]
    return [Row("releases", GREEN, f"the images of {some([sha[:7] for sha in good])}, healthy here, are kept or in the registry")]


def _unbuild(names: Iterable[str]) -> tuple[Command, ...]:
    return tuple(Command.of("sh", "-c", 'docker image rm "$1" >/dev/null 2>&1 || :', "sh", image) for image in names)


def _refusal(make: Callable[[], object]) -> str:
    """Why a plan would be refused; "" when it would not."""
    try:
        make()
    except Refused as error:
        return str(error)
    return ""


def _state(look: Look) -> State:
    return look.state


_NOTHING = Step(
    _BUILD, _TITLE, _WHY, changes=Changes.TRIAL, deadline=images.BUILD_DEADLINE,
    skip="nothing is built here, there is no such commit, or the image comes from a registry",
)  # fmt: skip
READINESS: Readiness[State, Target] = Readiness(rank=10, rows=rows, absent=absent, state=_state, trials=trials, untried=_NOTHING)
