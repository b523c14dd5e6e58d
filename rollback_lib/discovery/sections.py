"""The sections of a stack file that compose, git and the containers tell: code, image, env, caddyfile, redeploy."""

import posixpath
from collections.abc import Iterable
from dataclasses import replace

from rollback_lib.commands.image import HUB, Reference
from rollback_lib.discovery import databases
from rollback_lib.discovery.fitting import NAME, PATH, fits
from rollback_lib.discovery.lines import Entry, Line, Missing, Note, Section
from rollback_lib.discovery.project import Project
from rollback_lib.discovery.proxies import CADDY, Front, config, kind
from rollback_lib.facts import compose, networks, paths, worktrees
from rollback_lib.facts.host import Host
from rollback_lib.text.tables import count

_SIBLINGS = 6  # other compose files in the folder that are tried


def code(host: Host, project: Project, front: Front) -> list[Line]:
    """What is built here from the tree."""
    built = [name for name in _ordered(project, front) if _in(project.defined[name].context, project.tree)]
    if not built and not project.tree:
        return []
    if not built:
        return [Missing("a service that is built here from a git tree; such a stack has no code rollback", "code: {service: SERVICE}")]
    files = [file for name in built for file in _env_files(project, [name]) if _in(file, project.tree)]
    usual = f"{project.way.directory}/.env"  # which a build finds anyhow
    asked = [file for file in dict.fromkeys((*files, *project.way.env_files)) if file != usual and _in(file, project.tree)]
    unknown = host.ask(worktrees.unknown(project.tree, asked)).result() if asked else []
    key = Entry("service", built[0], _built(project, built)) if len(built) == 1 else Entry("services", tuple(built), _built(project, built))
    more = [Entry("env_files", tuple(unknown), "they are in the tree, and git does not have them")] if _fit(unknown) else []
    return [Entry("code", Section((*_replicas(project, built), key, *more)))]


def image(host: Host, project: Project, front: Front) -> list[Line]:
    """The services whose images come from a registry: by the files that are in use, else by one beside them that is not."""
    ordered = _ordered(project, front, built=False)
    infrastructure = {one.service for one in (*databases.servers(project), *(one for one in project.mine if kind(one)))}
    named = [name for name in ordered if name not in infrastructure and _of_registry(project.defined[name])]
    if named:
        return _image(named, project.way.files, "; ".join(f"the image of {name} is {project.defined[name].image}" for name in named), "")
    there = host.ask(paths.compose_files(project.way.directory)).result()
    beside = [file for file in there if file not in project.way.files and fits(PATH, file)][:_SIBLINGS]
    asked = {file: host.ask(compose.defined(replace(project.way, files=(*project.way.files, file)))) for file in beside}
    for file, answer in asked.items():
        defined = answer.result()
        if isinstance(defined, dict):
            changed = [name for name in ordered if name in defined and name not in infrastructure and _of_registry(defined[name])]
            if changed:
                guess = f"{posixpath.basename(file)} is not in use now; with it, the image is {defined[changed[0]].image}"
                return _image(changed, (*project.way.files, file), "", guess)
    return []


def env(project: Project, front: Front) -> list[Line]:
    """The env files that the services read, else the one whose variables compose puts into its files."""
    read = [one for one in dict.fromkeys(_env_files(project, _ordered(project, front, built=False))) if fits(PATH, one)]
    if read:
        readers = {file: [name for name, one in project.written.items() if file in one.env_files] for file in read}
        said = "; ".join(f"{file} is read by {', '.join(names)}" for file, names in readers.items())
        one = Entry("files", tuple(read), said) if read[1:] else Entry("file", read[0], f"read by {', '.join(readers[read[0]])}")
        return [Entry("env", Section((one,)))]
    if project.dotenv and fits(PATH, project.way.variables):
        guess = "no service reads an env file; this one has the variables of the compose files"
        return [Entry("env", Section((Entry("file", project.way.variables, "", guess),)))]
    return []


def caddyfile(project: Project, front: Front) -> list[Line]:
    """The Caddyfile that the project's Caddy has mounted."""
    if front.proxy is None or front.proxy.kind != CADDY or front.proxy.container not in project.mine or front.proxy.container is None:
        return []
    one, inside = front.proxy.container, config(front.proxy.container)
    mount = next((mount for mount in one.container.mounts if inside == mount.destination or _in(inside, mount.destination)), None)
    file = mount.source + inside.removeprefix(mount.destination) if mount else ""
    if not file or not fits(PATH, file):
        why = f"a Caddyfile on the host, so there is no Caddyfile rollback: {one.name} reads {file or 'one of its image'}"
        return [Missing(why, "caddyfile: {service: SERVICE, file: /PATH}")]
    service = Entry("service", one.service, f"its image is {one.container.image_name}")
    return [Entry("caddyfile", Section((service, Entry("file", file, f"{one.name} has it mounted at {inside}"))))]


def redeploy(host: Host, project: Project) -> list[Line]:
    """The networks of the project's containers that no compose file names: somebody has attached them by hand."""
    attached = host.ask(networks.attachments()).result()
    lines = []
    for one in project.mine:
        service = project.defined.get(one.service)
        by_hand = [
            network for network in sorted(attached.of(one.name)) if service and network not in service.networks and network != "bridge"
        ]
        if by_hand and fits(NAME, one.name) and all(fits(NAME, network) for network in by_hand):
            lines.append(Entry(one.name, tuple(by_hand), "attached by hand: no compose file names them for it"))
    return [Entry("redeploy", Section((Entry("networks", Section(tuple(lines))),)))] if lines else []


def _ordered(project: Project, front: Front, *, built: bool = True) -> list[str]:
    """The services that users reach come first; with `built`, only those that are built here."""
    routed = [way.service for way in front.ways]
    names = [name for name, one in project.defined.items() if not one.optional and (one.builds or not built) and fits(NAME, name)]
    return sorted(names, key=lambda name: (name not in routed, routed.index(name) if name in routed else 0, name))


def _env_files(project: Project, services: Iterable[str]) -> list[str]:
    return [file for name in services if name in project.written for file in project.written[name].env_files]


def _built(project: Project, built: list[str]) -> str:
    return "built here from " + ", ".join(
        dict.fromkeys(project.defined[name].dockerfile or project.defined[name].context for name in built)
    )


def _replicas(project: Project, built: list[str]) -> list[Line]:
    many = [f"{name} runs as {count(number, 'container')}" for name in built if (number := len(project.replicas(name))) > 1]
    return [Note(f"{'; '.join(many)}; as many stay")] if many else []


def _image(services: list[str], files: tuple[str, ...], where: str, guess: str) -> list[Line]:
    if not _fit(files):
        return []
    named = Entry("services", tuple(services), where, guess) if services[1:] else Entry("service", services[0], where, guess)
    return [Entry("image", Section((named, Entry("files", files))))]


def _of_registry(one: compose.Service) -> bool:
    """Whether its image is somebody's own in a registry: with a tag or digest, and not one of those that Docker's hub has for all."""
    name = Reference.parse(one.image)
    own = name.registry != HUB or not name.repository.startswith("library/")
    return own and not (one.builds and name.registry == HUB)


def _fit(paths: Iterable[str]) -> bool:
    known = list(paths)
    return bool(known) and all(fits(PATH, one) for one in known)


def _in(path: str, folder: str) -> bool:
    return bool(folder) and (path == folder or path.startswith(folder.rstrip("/") + "/"))
