"""The sites of a Caddy, in a container or on the host itself: for which names, on which port, and where it sends their requests."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rollback_lib.commands.command import Command
from rollback_lib.facts import caddy
from rollback_lib.facts.fact import Fact

USUAL = "/etc/caddy/Caddyfile"


@dataclass(frozen=True)
class Site:
    """What is asked of `host` ("" for any) below `prefix`, over TLS or not, on `port`, goes to `target`, NAME:PORT; "" where Caddy itself
    answers with files. `own`: its certificate is of Caddy's own authority, which no client knows by itself."""

    host: str
    tls: bool
    port: int
    prefix: str
    target: str
    own: bool


def sites(container: str = "", file: str = USUAL) -> Fact[list[Site] | None]:
    """What the running Caddy has loaded, else what it makes of its Caddyfile; None where neither can be had. Without a container:
    that of the host."""
    adapt = ("caddy", "adapt", "--adapter", "caddyfile", "--config", file)
    if container:
        loaded, adapted = caddy.loaded(container), Command.of("docker", "exec", container, *adapt)
    else:
        loaded, adapted = (
            Command.of("curl", "-fsS", "--max-time", "5", f"http://{caddy.ADMIN.replace('localhost', '127.0.0.1')}/config/"),
            Command.of(*adapt),
        )
    either = Command.of("sh", "-c", f"{loaded.shell()} 2>/dev/null || {adapted.shell()} 2>/dev/null")
    return Fact((either,), lambda out: list(dict.fromkeys(_sites(json.loads(out) or {}))), otherwise=lambda _: None)


def _sites(config: dict[str, Any]) -> Iterator[Site]:
    apps = config.get("apps") or {}
    own = [
        policy.get("subjects") for policy in _policies(apps) if any(one.get("module") == "internal" for one in policy.get("issuers") or ())
    ]
    for server in ((apps.get("http") or {}).get("servers") or {}).values():
        ports = [int(port) for one in server.get("listen") or () if (port := one.rpartition(":")[2]).isdigit()]
        port = 443 if 443 in ports else next(iter(ports), 0)
        plain = bool((server.get("automatic_https") or {}).get("disable"))
        for host, prefix, target in dict.fromkeys(_ways(server.get("routes") or (), "", "/")):
            tls = port == 443 or (port != 80 and bool(host) and not plain)
            if port:
                yield Site(host, tls, port, prefix, target, tls and any(subjects is None or host in subjects for subjects in own))


def _policies(apps: dict[str, Any]) -> list[dict[str, Any]]:
    return ((apps.get("tls") or {}).get("automation") or {}).get("policies") or []


def _ways(routes: Any, host: str, prefix: str) -> Iterator[tuple[str, str, str]]:
    """Host, prefix and target of each way through routes and what is in them."""
    for route in routes:
        matches: list[dict[str, Any]] = route.get("match") or [{}]
        for match in matches:
            path = next(iter(match.get("path") or ()), "")
            below = path.rstrip("*") if path.startswith("/") else prefix
            for name in match.get("host") or (host,):
                for handler in route.get("handle") or ():
                    yield from _ways(handler.get("routes") or (), name, below)
                    for upstream in handler.get("upstreams") or ():
                        yield name, below, str(upstream.get("dial", ""))
                    if handler.get("handler") == "file_server":
                        yield name, below, ""
