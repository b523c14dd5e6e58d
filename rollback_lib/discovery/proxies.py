"""The proxy in front of a project, and the ways by which requests come to its services."""

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from rollback_lib.discovery.project import Project
from rollback_lib.errors import Refused
from rollback_lib.facts import caddy_sites, fronts
from rollback_lib.facts.fact import Fact
from rollback_lib.facts.host import Answer, Host
from rollback_lib.facts.inventory import Listed

CADDY, TRAEFIK, NGINX = "Caddy", "Traefik", "nginx"
_KINDS = {"caddy": CADDY, "traefik": TRAEFIK, "nginx": NGINX, "openresty": NGINX}
_NO_WEB = {5432, 3306, 6379, 27017, 5672, 9092, 11211, 22, 25, 53}  # ports of what speaks no HTTP


@dataclass(frozen=True)
class Proxy:
    """A proxy: its kind, and its container; None where it runs on the host itself."""

    kind: str
    container: Listed | None

    @property
    def words(self) -> str:
        return f"{self.kind} in {self.container.name}" if self.container else f"{self.kind} on the host itself"


@dataclass(frozen=True)
class Way:
    """How requests come to a service: to which `host` ("" where any name will do), over TLS or not, on which port, below which prefix.
    `own`: the certificate is of the proxy's own authority. `guess` says why it is no more than that."""

    service: str
    host: str
    tls: bool
    port: int
    prefix: str
    where: str
    guess: str = ""
    own: bool = False


@dataclass(frozen=True)
class Front:
    """What is in front of the services: the proxy (None: there is none), the ways, and what of the proxy goes elsewhere."""

    proxy: Proxy | None
    ways: tuple[Way, ...]
    elsewhere: tuple[str, ...]


def kind(one: Listed) -> str:
    """Which proxy a container runs, by its image's name or its command; "" for none."""
    names = (one.container.image_name.partition("@")[0].rpartition("/")[2], *(one.container.command[:1]))
    return next((word for key, word in _KINDS.items() for name in names if re.match(rf"{key}\b", name) and "exporter" not in name), "")


def front(host: Host, project: Project) -> Front:
    """The proxy and its ways. Raises Refused where two proxies lead to the project: nobody but its users knows which they take."""
    outer, inner = _proxies(project)
    known = [_front(project, *one) for one in _asked(host, outer)]
    leading = [one for one in known if one.ways]
    if not leading:  # one that publishes nothing may be behind a tunnel
        leading = [one for one in (_front(project, *one) for one in _asked(host, inner)) if one.ways]
    if len(leading) > 1:
        names = " and ".join(one.proxy.words for one in leading if one.proxy)
        raise Refused(
            f"two proxies lead to the project {project.name}, {names}, and which of them users take cannot be known; write the stack file "
            "by hand, with the routes that they take (docs/your-own-stack.md)"
        )
    return leading[0] if leading else Front(outer[0] if outer else None, _published(project), ())


def _proxies(project: Project) -> tuple[list[Proxy], list[Proxy]]:
    """Those that are reached from outside, and those that publish no port."""
    of_host = [one for one in project.survey.containers if _on_host(one) and one not in project.mine]
    near = [one for one in (*project.mine, *project.others, *of_host) if one.running and kind(one)]
    outer = [Proxy(kind(one), one) for one in near if one.published or _on_host(one)]
    outer += [Proxy(_KINDS[name], None) for name in project.survey.proxies if name in _KINDS]
    return outer, [Proxy(kind(one), one) for one in near if not (one.published or _on_host(one))]


def _on_host(one: Listed) -> bool:
    """Whether a container has the network of the host itself."""
    return "host" in one.networks


def _asked(host: Host, proxies: list[Proxy]) -> list[tuple[Proxy, Answer[Any]]]:
    """Each with what it will say of itself; all are asked in one round trip."""
    return [(one, host.ask(_question(one))) for one in proxies]


def _question(proxy: Proxy) -> Fact[Any]:
    name, file = (proxy.container.name, config(proxy.container)) if proxy.container else ("", caddy_sites.USUAL)
    if proxy.kind == CADDY:
        return caddy_sites.sites(name, file)
    return fronts.nginx(name) if proxy.kind == NGINX else Fact((), lambda _: None)


def config(one: Listed) -> str:
    """The Caddyfile that a Caddy is told to read, as its container sees it."""
    named = next((after for word, after in pairwise(one.container.command) if word in ("--config", "-c")), "")
    return named or caddy_sites.USUAL


def _front(project: Project, proxy: Proxy, answer: Answer[Any]) -> Front:
    if proxy.kind == TRAEFIK:
        return Front(proxy, tuple(way for one in project.mine if one.running for way in _by_labels(one)), ())
    ways, elsewhere = [], []
    for host, tls, port, prefix, target, own in _sites(proxy, answer.result() or []):
        service = _service(project, proxy, target)
        if not service:
            elsewhere.append(f"{host or 'any name'}{prefix.rstrip('/')} goes to {target}")
        elif "*" not in host:
            ways.append(Way(service, host, tls, port, prefix, f"the configuration of {proxy.words}", own=own))
    return Front(proxy, tuple(dict.fromkeys(ways)), tuple(dict.fromkeys(elsewhere)) if ways else ())


def _sites(proxy: Proxy, found: list[Any]) -> list[tuple[str, bool, int, str, str, bool]]:
    if proxy.kind == CADDY:
        return [(one.host, one.tls, one.port, one.prefix, one.target, one.own) for one in found]
    return [
        (name, one.tls, one.port, prefix, target, False)
        for one in found for name in one.names or ("",) for prefix, target in one.locations
    ]  # fmt: skip


def _service(project: Project, proxy: Proxy, target: str) -> str:
    """The service of the project that is meant by NAME:PORT, "" for none."""
    name, _, port = target.rpartition(":") if ":" in target else (target, "", "80")
    if not target:
        return proxy.container.service if proxy.container in project.mine and proxy.container else ""
    if proxy.container is None or _on_host(proxy.container) or name == "host.docker.internal":
        if name in ("127.0.0.1", "localhost", "::1", "[::1]", "0.0.0.0", "host.docker.internal") and port.isdigit():
            return next((one.service for one in project.mine if any(int(port) == on for _, on in one.published.values())), "")
        return ""
    return next((one.service for one in project.mine if one.called(name)), "")


_HOST, _PREFIX = re.compile(r"\bHost\(([^)]*)\)"), re.compile(r"\bPath(?:Prefix)?\(\s*[`'\"]([^`'\"]+)")


def _by_labels(one: Listed) -> list[Way]:
    ways = []
    for label, rule in sorted(one.routing.items()):
        if not label.endswith(".rule"):
            continue
        router = label.removesuffix(".rule")
        tls = any(
            key.startswith(f"{router}.tls") and value != "false" for key, value in one.routing.items()
        ) or "secure" in one.routing.get(f"{router}.entrypoints", "")
        prefix = _PREFIX.search(rule)
        for names in _HOST.findall(rule):
            for name in re.findall(r"[`'\"]([^`'\"]+)[`'\"]", names):
                why = f"by the label {label} of {one.name}; Traefik itself was not asked"
                ways.append(Way(one.service, name, tls, 443 if tls else 80, prefix[1] if prefix else "/", "", why))
    return ways


def _published(project: Project) -> tuple[Way, ...]:
    """Without a proxy that tells: by the ports that the services publish."""
    ways = []
    for one in project.mine:
        open_to_all = {on: inside for inside, (address, on) in one.published.items() if address not in ("127.0.0.1", "::1") and on}
        for port, inside in sorted(open_to_all.items()) if one.running else ():
            if inside in _NO_WEB or (port == 80 and 443 in open_to_all):
                continue
            why = f"{one.name} publishes {port}→{inside}; by which name users ask for it is not known"
            ways.append(Way(one.service, "", port == 443, port, "/", "", why))
    return tuple(dict.fromkeys(ways))
