"""Evidence that requests do not reach a working service because of the Caddyfile, or of containers and networks."""

import re
from datetime import datetime
from urllib.parse import urlsplit

from rollback_lib.facts.host import Unanswered
from rollback_lib.plan.plan import some
from rollback_lib.procedures import caddyfile
from rollback_lib.procedures.common.finding import Finding
from rollback_lib.procedures.triage.age import by_age
from rollback_lib.procedures.triage.state import Deployed, State
from rollback_lib.procedures.triage.symptoms import Symptoms
from rollback_lib.text import times

_OWN = re.compile(r"(?!localhost$)[A-Za-z0-9_-]+")  # a name as Docker gives to containers: it has no dot


def proxy(now: State, seen: Symptoms) -> Finding:
    """The finding about the Caddyfile."""
    one = Finding("caddyfile", "Bad Caddyfile change")
    known = now.caddyfile
    if known is None or isinstance(known, Unanswered):
        one.add(0, f"not known: {known.why}" if known else "the stack names no Caddyfile")
        return one
    if isinstance(known.of_file, str):
        one.add(4, f"Caddy does not accept the file: {known.of_file}", sure=True)
    if not known.running:
        one.add(2, "Caddy is not running")
    elif not seen.cut_off:
        one.add(-1, "the routes answer as their services do")
        return one
    for words in misled(now, seen):
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
    return one


def misled(now: State, seen: Symptoms) -> list[str]:
    """In words, wrong addresses to which Caddy sends the requests of routes that are cut off."""
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


def _known(now: State, name: str) -> bool:
    if isinstance(now.redeploy, Unanswered):
        return True
    names = {word for one in now.redeploy.attachments.all for word in (one.container, *one.aliases)}
    return name in names or name in now.redeploy.services


def _came(now: State, version: caddyfile.Version) -> datetime:
    """When a version came to the host: with the first move of HEAD to a commit that is not older than the version."""
    moves = now.deployed.state.reflog if isinstance(now.deployed, Deployed) else []
    return min((move.when for move in moves if move.commit.when >= version.when), default=version.when)


def around(now: State, seen: Symptoms) -> Finding:
    """The finding about the stack as a whole: its containers and networks."""
    one = Finding("redeploy", "Full stack broken")
    known = now.redeploy
    if isinstance(known, Unanswered):
        one.add(0, f"not known: {known.why}")
        return one
    if seen.lost:
        one.add(4, f"not on their networks: {some([f'{container} on {network}' for container, network in seen.lost])}", sure=True)
    stale = sorted({attached.container for attached in known.attachments.stale})
    if stale:
        one.add(3, f"on a network that is gone, so that they cannot start: {some(stale)}", sure=True)
    missing = sorted(name for name, service in known.services.items() if not known.of(name) and not service.optional)
    if missing:
        one.add(3, f"services without a container: {some(missing)}", sure=True)
    alone = [name for name in seen.down if not any(f"-{service}-" in name for service in seen.ill)]
    if len(seen.down) > 1:
        one.add(2, f"not running: {some(list(seen.down))}")
    elif alone:
        one.add(1, f"not running: {some(alone)}; `docker start {alone[0]}` may be all it takes")
    if not one.evidence:
        one.add(-1, "every container runs, on every network it should be on")
    return one
