"""The state of a data file: where it is on the host, what is in it, who has it mounted or open, and its backups."""

from collections.abc import Sequence
from dataclasses import dataclass

from rollback_lib.errors import Refused
from rollback_lib.facts import copies, datafiles, docker, restores
from rollback_lib.facts.backups import Away, Backup
from rollback_lib.facts.datafiles import REDIS, SQLITE, Content, Mount, Place, Server
from rollback_lib.facts.docker import Container
from rollback_lib.facts.host import Host, result_of
from rollback_lib.health.probe import Probe
from rollback_lib.procedures.common import from_backup
from rollback_lib.procedures.common.from_backup import Candidate
from rollback_lib.stack.datafile import Datafile
from rollback_lib.stack.model import Stack

NAME = "datafile"
IMAGES = 4  # how many images are looked into for a SQLite


@dataclass(frozen=True)
class State:
    """The state of the data file that the stack describes in `section`.

    `containers` are those of its service, `mount` is where the newest of them has the file, `users` are all containers that have it
    mounted, those of the service among them. `place` is the file on the host; None if it is in no mount. `content` is what is in it, of
    SQLite; `server` the Redis. `backups` are those of all places, newest first; `away` are the places that gave no list. `images` may have
    a SQLite.
    """

    stack: Stack
    section: Datafile
    containers: list[Container]
    mount: Mount | None
    users: list[Container]
    place: Place | None
    content: Content | None
    server: Server | None
    backups: list[Backup]
    restores: list[restores.Restore]
    lines: list[str]
    images: tuple[str, ...]
    away: tuple[Away, ...] = ()
    probes: tuple[Probe, ...] = ()

    @property
    def container(self) -> Container | None:
        """The newest container of the service."""
        return docker.newest(self.containers)

    @property
    def strangers(self) -> list[datafiles.Opener]:
        """The processes that have the file open and are in none of the containers that have it mounted."""
        known = {one.id for one in self.users}
        return [one for one in (self.place.openers if self.place else ()) if one.container not in known]

    def verdict(self, backup: Backup) -> str:
        """In words, when the backup was restored here before; "" if it never was."""
        return from_backup.restored(self.restores, backup)


class Candidates(tuple[Candidate, ...]):
    """The backups to choose from, newest first."""


def section(stack: Stack, datafile: str) -> Datafile:
    """The stack's section of the data file with this name. The name may be empty if the stack has only one."""
    return from_backup.named(stack.datafiles, datafile)


def beside(path: str, word: str, incident: str) -> str:
    """The path of the folder that this incident makes beside the file."""
    return f"{path}__{word}_{copies.incident_of(incident)}"


def document(host: Host, stack: Stack, datafile: str = "") -> State:
    """Ask the host for the state of the data file, of whoever has it mounted, and of its backups."""
    entry = section(stack, datafile)
    project, mounted = host.ask(docker.project(stack)), host.ask(datafiles.mounts())
    mine = [one for one in project.result() if one.service == entry.service]
    newest = docker.newest(mine)
    mount = datafiles.covering(mounted.result(), newest.name, entry.file) if newest else None
    path = mount.on_host(entry.file) if mount else None
    names = sorted({one.container for one in mounted.result() if path and one.holds(path)} | {one.name for one in mine})
    files = host.ask(datafiles.listing(entry.backups, entry.kind)) if entry.backups else None
    listed = from_backup.Listed.ask(host, files, entry.sources)
    users, where = [host.ask(docker.named(name)) for name in names], host.ask(datafiles.place(path)) if path else None
    answering = host.ask(datafiles.server(newest.name)) if newest and entry.kind == REDIS else None
    lines, restored = host.ask(docker.lines(newest)), host.ask(restores.restores(stack.state))
    place = result_of(where)
    images = _images(newest, project.result())
    read = entry.kind == SQLITE and place and place.file and not place.closed
    content = host.ask(datafiles.live_sqlite(place.path, images)) if read and place else None
    return State(
        stack=stack, section=entry, containers=mine, mount=mount, users=[one for answer in users if (one := answer.result())], place=place,
        content=result_of(content), server=result_of(answering), backups=listed.found(), restores=restored.result(), lines=lines.result(),
        images=images, away=listed.away(),
    )  # fmt: skip


def _images(mine: Container | None, others: Sequence[Container]) -> tuple[str, ...]:
    """The images that may have a SQLite: that of the service first."""
    every = [one.image for one in ([mine] if mine else []) + list(others)]
    return tuple(dict.fromkeys(every))[:IMAGES]


def candidates(now: State) -> Candidates:
    """The backups, newest first, with what is known of each."""
    return Candidates(Candidate(backup, now.verdict(backup), backup.wrong) for backup in now.backups)


def usable(now: State) -> tuple[Container, Place]:
    """The newest container of the service, and the file on the host. Raises Refused if the file cannot be replaced."""
    entry, container, place = now.section, now.container, now.place
    if container is None:
        raise Refused(
            f"the stack has no container of the service {entry.service}, which tells where {entry.file} is; correct `service` in the "
            f"section of {entry.name}, or make one: `docker compose up --no-start {entry.service}`"
        )
    if place is None or now.mount is None:
        raise Refused(
            f"{entry.file} is in no volume and no mounted folder of {container.name}, so it goes with the container; correct `file` in the "
            f"section of {entry.name}"
        )
    if now.mount.destination == entry.file:
        raise Refused(
            f"{container.name} has the file {entry.file} itself mounted, and what is written beside it stays in the container; mount its "
            "folder instead"
        )
    if not now.mount.writable:
        raise Refused(f"{container.name} has {now.mount.destination} mounted read-only, so it does not write {entry.file}; name who does")
    if place.closed:
        raise Refused(f"the user we are logged in as may not look into the folder of {place.path}; log in as root, or set `sudo: true`")
    if place.network or now.mount.driver not in ("", "local"):
        what = (
            f"a volume of the driver {now.mount.driver}" if now.mount.driver not in ("", "local") else f"a disk of the kind {place.system}"
        )
        raise Refused(f"{place.path} is on {what}, where other machines may have it open; bring it back by hand")
    if not place.writable:
        raise Refused(f"the user we are logged in as may not write into the folder of {place.path}, or its disk is read-only")
    if now.strangers:
        who = ", ".join(f"{one.command} (process {one.pid})" for one in now.strangers)
        raise Refused(f"{place.path} is open in {who}, which no container that has it mounted has started; end that first")
    if place.file and not place.file.kind.startswith("regular"):
        raise Refused(f"{place.path} is no file but a {place.file.kind}; look at it on the host")
    return container, place
