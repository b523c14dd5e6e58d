"""The routes of a project: the ways of its proxy, each with a path on which health can be seen."""

from collections.abc import Iterator
from dataclasses import dataclass

from rollback_lib.discovery.fitting import NAME, URL, fits
from rollback_lib.discovery.lines import Entry, Line, Missing, Note, Section, Sections
from rollback_lib.discovery.project import Project
from rollback_lib.discovery.proxies import Front, Way
from rollback_lib.facts import inside_container
from rollback_lib.facts.host import Host
from rollback_lib.stack.route import Route

# Where services tell of their health, and a path that nobody has: what answers there, too, answers everywhere.
PATHS = ("/health", "/healthz", "/api/health", "/health/live", "/livez", "/status", "/ping", "/up", "/")
NOBODYS = "/rollback-asks-for-a-path-that-nobody-has"
_EXAMPLE = 'routes:\n  - {name: NAME, service: SERVICE, url: "https://HOST/health"}'
_OK = 200


@dataclass(frozen=True)
class _Path:
    """A path, where it was found, or why it is a guess."""

    path: str
    where: str = ""
    guess: str = ""


def routes(host: Host, project: Project, front: Front, address: str) -> list[Line]:
    """The section of routes; without a proxy, services are asked at the host's own `address`."""
    paths = _paths(host, project, front)
    made = [one for way in front.ways if (one := _route(way, front, paths[way.service], address))]
    notes: list[Line] = [Note(f"not of this stack: {'; '.join(front.elsewhere)}")] if front.elsewhere else []
    if not made:
        return [Missing(_why(front), _EXAMPLE), *notes]
    return [*notes, Entry("routes", Sections(tuple(made)), "what users take; health is measured there and nowhere else")]


def _why(front: Front) -> str:
    if front.proxy:
        return f"routes: {front.proxy.words} could not be asked, or sends nothing to this project, and no port of it is published"
    return "routes: there is no proxy that could be asked, and no service publishes a port to the outside"


def _paths(host: Host, project: Project, front: Front) -> dict[str, _Path]:
    """For each service the path on which its health can be seen."""
    found, asked = {}, {}
    for service in dict.fromkeys(way.service for way in front.ways):
        replicas = project.replicas(service)
        told = next((one for one in replicas if one.asks), None)
        up = next((one for one in replicas if one.running), None)
        if told:
            found[service] = _Path(told.asks, where=f"the path by the health check of {told.name}")
        elif up is None or (front.proxy and up == front.proxy.container):  # the proxy's own files
            found[service] = _Path("/")
        else:
            name = next((way.host for way in front.ways if way.service == service and way.host), "localhost")
            asked[service] = {path: host.ask(inside_container.answer(up.name, _asked(name, path), {})) for path in (*PATHS, NOBODYS)}
    for service, answers in asked.items():
        well = {path for path, one in answers.items() if (said := one.result()) and said.status == _OK}
        path = next((path for path in PATHS if path in well and NOBODYS not in well), "/")
        how = "and answers 200 there" if path in well else "and no path was found that tells"
        found[service] = _Path(path, guess=f"the path: {service} has no health check, {how}")
    return found


def _asked(name: str, path: str) -> Route:
    """A request for a path, by the name of a host."""
    url = f"http://{name}{path}"
    return Route(name="health", service="health", url=url if fits(URL, url) else f"http://localhost{path}")


def _route(way: Way, front: Front, path: _Path, address: str) -> Section | None:
    standard = way.port == (443 if way.tls else 80)
    place = (way.host or address) + ("" if standard else f":{way.port}")
    below = way.prefix.rstrip("/")
    url = f"{'https' if way.tls else 'http'}://{place}{below}{path.path}"
    if not (fits(URL, url) and fits(NAME, way.service)):
        return None
    guesses = [way.guess, path.guess, f"nobody asked below {below}" if below else ""]
    entry = Entry("url", url, _joined(way.where, path.where), _joined(*guesses, way.where) if any(guesses) else "")
    return Section((Entry("name", _name(way, front)), Entry("service", way.service), entry, *_authority(way, front)))


def _joined(*words: str) -> str:
    return "; ".join(filter(None, words))


def _name(way: Way, front: Front) -> str:
    """The service; where it has several ways, what tells this one from the others."""
    others = [one for one in front.ways if one.service == way.service]
    number = others.index(way)
    first = way.host.partition(".")[0] or str(way.port)
    alone = sum(one.host.partition(".")[0] == way.host.partition(".")[0] for one in others) == 1
    name = way.service if len(others) == 1 else f"{way.service}-{first}" if alone else f"{way.service}-{number + 1}"
    return name if fits(NAME, name) else f"route-{number + 1}"


def _authority(way: Way, front: Front) -> Iterator[Line]:
    if way.own and front.proxy:
        place = f"{front.proxy.container.name}:/data" if front.proxy.container else "its folder of data"
        yield Missing(
            f"ca: Caddy is its own authority; copy {place}/caddy/pki/authorities/local/root.crt from the host to a file here", "ca: FILE"
        )
