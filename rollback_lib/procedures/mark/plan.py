"""The plan of a mark: keep the images of a release under rollback/ tags, keep copies of its files, and enter a line in the ledger for each
service."""

from collections.abc import Iterable

from rollback_lib.commands.command import Command
from rollback_lib.facts import releases
from rollback_lib.plan.plan import Plan
from rollback_lib.plan.step import Step
from rollback_lib.procedures.common import replace_file, retention, snapshots, whole
from rollback_lib.procedures.common.running_file import RunningFile
from rollback_lib.procedures.mark import files
from rollback_lib.procedures.mark.noted import After, Entered
from rollback_lib.procedures.mark.state import NAME, State
from rollback_lib.procedures.mark.target import Entry, Target, entries
from rollback_lib.stack.model import Stack


def plan(now: State, target: Target, *, incident: str) -> Plan:
    """The plan, with a single step that does not change the stack."""
    stack, good = now.stack, target.healthy
    kept = files.healthy(now) if good else files.bad(now) if target.running else []
    commands = [*_images(stack, target.entries if good else ()), *files.keep(now, kept, incident, good=good)]
    commands += _lines(stack, target.entries, incident, good=good)  # last, so that nothing is entered where the others fail
    commands += [whole.enter(stack, incident, files.doubtful(now))] if good else []
    guards = _guards(target.entries, kept) if good else ()
    title = f"Enter what is {'healthy' if good else 'bad'} in the ledger of releases"
    copies = [snapshots.kept_file(stack, one.kept, incident, good=good) for one in kept]
    return Plan(
        procedure=NAME,
        incident=incident,
        stack=stack.name,
        host=stack.host,
        target=target.name,
        steps=(Step(retention.REMEMBER, title, snapshots.REMEMBER, (snapshots.folders(stack, "kept"), *commands), guards=guards),),
        undo=(),
        cleanup=(Command.of("rm", "-f", *copies),) if copies else (),
        facts=(
            ("host", stack.host),
            ("release", "\n".join(one.words for one in target.entries)),
            ("files", "\n".join(one.path for one in kept) or "none is new"),
            ("changes", "nothing that serves"),
        ),
        notes=target.left_out,
        after=After(
            healthy=good,
            releases=tuple(
                Entered(service=one.service, commit=one.commit, image=one.image, kept=_kept(stack, one) if good else "")
                for one in target.entries
            ),
            files=tuple(one.path for one in kept),
        ).plain(),
    )


def known_good(now: State, incident: str) -> list[Command]:
    """Commands that enter everything that runs and can be entered as healthy."""
    found = tuple(entries(now)[0].values())
    copies = files.keep(now, files.healthy(now), incident, good=True)
    lines = _lines(now.stack, found, incident, good=True)
    return [*_images(now.stack, found), *copies, *lines, whole.enter(now.stack, incident, files.doubtful(now))]


def _guards(found: Iterable[Entry], kept: Iterable[RunningFile]) -> tuple[Command, ...]:
    """Commands for the check just before: they fail unless the same containers still run and the files are unchanged."""
    still = (
        'for id; do [ "$(docker container inspect --format "{{.State.Running}}" "$id" 2>/dev/null)" = true ] || '
        '{ echo "what runs has changed since it was looked at; mark it again" >&2; exit 1; }; done'
    )
    ids = [id for one in found for id in one.containers]
    return (Command.of("sh", "-euc", still, "sh", *ids), *replace_file.unchanged(*(one.file for one in kept)))


def _images(stack: Stack, found: Iterable[Entry]) -> list[Command]:
    """Commands that give the images rollback/ tags. An image with a tag is not dangling: it stays when a deploy moves the other tags."""
    return [Command.of("docker", "tag", one.image, _kept(stack, one)) for one in found]


def _kept(stack: Stack, one: Entry) -> str:
    return stack.kept_image(one.service, one.commit or one.image[7:19])


def _lines(stack: Stack, found: Iterable[Entry], incident: str, *, good: bool) -> list[Command]:
    ledger = f"{stack.state}/{releases.FILE}"
    return [
        releases.enter(ledger, one.service, one.commit, one.image, healthy=good, incident=incident, compose=one.compose) for one in found
    ]
