"""How triage weighs a bad change of the Caddyfile."""

import re
from datetime import datetime
from urllib.parse import urlsplit

from rollback_lib.facts.host import Unanswered
from rollback_lib.plan.plan import some
from rollback_lib.procedures.caddyfile.state import State, Version, document
from rollback_lib.procedures.code.look import Look as Code
from rollback_lib.procedures.common.age import by_age
from rollback_lib.procedures.common.change import Change, Level
from rollback_lib.procedures.common.finding import Finding
from rollback_lib.procedures.common.stack_state import StackState
from rollback_lib.procedures.common.symptoms import Symptoms
from rollback_lib.procedures.common.triage import Triage
from rollback_lib.procedures.redeploy.state import State as Redeploy
from rollback_lib.text import times

_OWN = re.compile(r"(?!localhost$)[A-Za-z0-9_-]+")  # a name as Docker gives to containers: it has no dot


def weigh(one: Finding, known: State, now: StackState, seen: Symptoms) -> None:
    """Weigh the Caddyfile."""
    if isinstance(known.of_file, str):
        one.add(4, f"Caddy does not accept the file: {known.of_file}", sure=True)
    if not known.running:
        one.add(2, "Caddy is not running")
    elif not seen.cut_off:
        one.add(-1, "the routes answer as their services do")
        return
    for words in _misled(now, seen):
        one.add(4, words, sure=True)
    if known.loaded is False:
        one.add(1, "Caddy runs with something else than the file says")
    current = next((version for version in known.versions if version.content == known.current), None)
    if current and current.verdict.startswith("healthy"):
        one.add(-4, f"the file is the one that was healthy here ({current.name})")
    elif current and current.verdict.startswith("bad"):
        one.add(3, f"the file is one that was found bad here ({current.name})", sure=True)
    elif current:
        came = _came(now, current)
        one.add(*by_age(came, f"its version {current.name} {current.said} came here {times.minute(came)}"))
    elif known.file:
        uncommitted = ", uncommitted" if now.stack.in_tree(known.file.path) else ""
        one.add(*by_age(known.file.changed, f"it was edited {times.minute(known.file.changed)}{uncommitted}"))


def _misled(now: StackState, seen: Symptoms) -> list[str]:
    """Where Caddy sends the requests of cut-off routes, if that is not there."""
    if isinstance(now.ways, Unanswered) or now.ways.upstreams is None:
        return []
    found = []
    for route in (route for route in now.stack.routes if route.name in seen.cut_off):
        host, answer = urlsplit(route.url).hostname or "", now.ways.direct.get(route.name)
        dials = now.ways.upstreams.get(host)
        if dials is None:
            found.append(f"Caddy knows no host {host}")
            continue
        for dial in dials:
            name, _, port = dial.rpartition(":")
            mine = name == route.service or name.endswith(f"-{route.service}-1")
            if mine and answer and answer.ports and port.isdigit() and int(port) not in answer.ports:
                found.append(f"Caddy sends {host} to {dial}, and {route.service} listens on {some([str(one) for one in answer.ports])}")
            elif not mine and _OWN.fullmatch(name) and not _known(now, name):
                found.append(f"Caddy sends {host} to {dial}, and no container has that name")
    return found


def _known(now: StackState, name: str) -> bool:
    around = now.of(Redeploy)
    if around is None:
        return True
    names = {word for one in around.attachments.all for word in (one.container, *one.aliases)}
    return name in names or name in around.services


def _came(now: StackState, version: Version) -> datetime:
    """When a version came to the host: with the first move of HEAD to a commit that is as young."""
    code = now.of(Code)
    moves = code.state.reflog if code else []
    return min((move.when for move in moves if move.commit.when >= version.when), default=version.when)


def changes(known: State) -> list[Change]:
    """When the file was changed."""
    return [Change(known.file.changed, Level.FILE, "Caddyfile", known.file.path)] if known.file else []


TRIAGE = Triage(
    situation="Bad Caddyfile change", look=document, weigh=weigh, changes=changes, absent="the stack names no Caddyfile"
)  # fmt: skip
