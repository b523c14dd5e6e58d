"""How triage weighs that several things were changed at once, and what changed since the stack was healthy."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from rollback_lib.facts import whole_release
from rollback_lib.facts.host import Host
from rollback_lib.facts.whole_release import KeptFile, Ran, WholeRelease
from rollback_lib.plan.plan import some
from rollback_lib.procedures.caddyfile.state import State as Caddyfile
from rollback_lib.procedures.code.look import Look as Code
from rollback_lib.procedures.common.change import Change, Level
from rollback_lib.procedures.common.finding import Finding
from rollback_lib.procedures.common.stack_state import StackState
from rollback_lib.procedures.common.symptoms import Symptoms
from rollback_lib.procedures.common.triage import Triage
from rollback_lib.procedures.env.state import State as Env
from rollback_lib.procedures.redeploy.state import State as Redeploy
from rollback_lib.procedures.release.dimensions import Dimension, Kind, different
from rollback_lib.stack.model import Stack
from rollback_lib.text import times

_TOGETHER = timedelta(minutes=30)  # changes that are no further apart came with one deploy


@dataclass(frozen=True)
class Look:
    """The newest release that was entered whole, None if there is none, and a hash of the schema of each database now."""

    newest: WholeRelease | None
    schemas: Mapping[str, str]
    asked: datetime


def look(host: Host, stack: Stack) -> Look:
    """Ask for the releases and the schemas."""
    known = host.ask(whole_release.whole_releases(stack.state))
    schemas = {one.name: host.ask(whole_release.schema(one)) for one in stack.databases}
    found = {name: answer.result() for name, answer in schemas.items()}
    return Look(next(reversed(known.result()), None), {name: one for name, one in found.items() if one}, datetime.now(UTC))


def weigh(one: Finding, known: Look, now: StackState, seen: Symptoms) -> None:
    """Weigh whether more than one thing was changed since the newest release."""
    release = known.newest
    if release is None:
        one.add(0, "no release was marked as healthy here, so there is none to go back to; see `rollback mark`")
        return
    changed = _changed(now, release)
    if len(changed) < 2:
        only = f"only {next(iter(changed))}" if changed else "nothing that a rollback brings back"
        one.add(-1, f"{only} was changed since the release of {times.minute(release.when)}")
        return
    one.add(2, f"since the release of {times.minute(release.when)} were changed: {some(list(changed))}")
    moments = [when for when in changed.values() if when]
    if len(moments) > 1 and max(moments) - min(moments) <= _TOGETHER:
        one.add(1, "all of it at about the same time, as with one deploy")
    schemas = schemas_changed(known)
    if schemas:
        one.warnings.append(
            f"the schema of {some(schemas)} has changed since, too; it is taken back only if asked: `databases={','.join(schemas)}`"
        )


def schemas_changed(known: Look) -> list[str]:
    """The databases with another schema than that of the newest release."""
    then = known.newest.databases if known.newest else None
    return [name for name, found in known.schemas.items() if then and name in then and then[name].schema not in ("", found)]


def changes(known: Look) -> list[Change]:
    """The newest release, and the schemas that are others since then."""
    if known.newest is None:
        return []
    release = known.newest
    by = f", by {release.by}" if release.by else ""
    said = [Change(release.when, Level.PROVEN, "release", f"{release.incident} was healthy here{by}")]
    words = "is another one than that of the release; when it was changed is not known"
    return said + [Change(known.asked, Level.FILE, "schema", f"that of {name} {words}") for name in schemas_changed(known)]


def _changed(now: StackState, release: WholeRelease) -> dict[str, datetime | None]:
    """What was changed since the release, each with the time if that is known. A Caddyfile that came with the commit is part of it."""
    code, caddy = now.of(Code), now.of(Caddyfile)
    found = different(release, _present(now))
    kinds = {one.kind for one in found}
    changed: dict[str, datetime | None] = {}
    if Kind.COMMIT in kinds or Kind.IMAGE in kinds:
        changed["the commit" if Kind.COMMIT in kinds else "an image"] = code.arrived if code else None
    for held in now.every(Env):
        if Dimension(Kind.FILE, held.path) in found:
            changed[held.path.rpartition("/")[2]] = held.file.changed if held.file else None
    if caddy and caddy.file and Dimension(Kind.FILE, caddy.file.path) in found:
        with_commit = Kind.COMMIT in kinds and caddy.file.hash == caddy.committed
        if not with_commit:
            changed["the Caddyfile"] = caddy.file.changed
    return changed


def _present(now: StackState) -> WholeRelease:
    """What runs, as far as the looks of the others tell."""
    code, around, caddy = now.of(Code), now.of(Redeploy), now.of(Caddyfile)
    contents = {held.path: held.content for held in now.every(Env) if held.file}
    contents |= {caddy.file.path: caddy.current} if caddy and caddy.file else {}
    head = code.state.head if code else None
    changed = bool(head and set(head.dirty) - set(map(now.stack.in_tree, contents)))
    running = {one.service: Ran(one.image, one.image_name, one.compose) for one in (around.containers if around else ())}
    files = {path: KeptFile(path, hashlib.sha256(content).hexdigest(), "") for path, content in contents.items()}
    return WholeRelease(datetime.now(UTC), "", "", head.sha if head else "", changed, running, files)


TRIAGE = Triage(situation="Several things changed at once", look=look, weigh=weigh, changes=changes, together=True)
