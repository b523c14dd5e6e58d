"""The databases that a project uses, of Postgres, MariaDB and MySQL, with their users and backups."""

import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass

from rollback_lib.discovery import backups
from rollback_lib.discovery.fitting import DATABASE, NAME, fits
from rollback_lib.discovery.lines import Entry, Line, Missing, Note, Section, Sections
from rollback_lib.discovery.project import Project
from rollback_lib.discovery.proxies import kind
from rollback_lib.facts import dumps
from rollback_lib.facts.dumps import Dumps
from rollback_lib.facts.engines import Engine, Server
from rollback_lib.facts.engines.mariadb import MariaDBEngine
from rollback_lib.facts.engines.postgres import PostgresEngine
from rollback_lib.facts.host import Host
from rollback_lib.facts.inventory import Listed

_POSTGRES, _MARIADB = "postgres", "mariadb"
_IMAGES = {
    _POSTGRES: re.compile(r"(postgres|postgresql|postgis|pgvector|timescaledb)(-ha)?"), _MARIADB: re.compile(r"mariadb|mysql(-server)?"),
}  # fmt: skip
_OWN = {"postgres", "template0", "template1", "mysql", "sys", "test"}  # databases that servers bring
_BY_ENVIRONMENT = "by the environment of the container"
_BESIDE = re.compile(r".+__(before|undone|restore)_[0-9a-f]{6}")  # left by earlier rollbacks


@dataclass(frozen=True)
class Found:
    """A database: its server's container, its name and user there; `server` is None where that did not answer."""

    container: Listed
    database: str
    user: str
    server: Server | None

    @property
    def names(self) -> tuple[str, ...]:
        """What a backup of it may be called by."""
        return tuple(dict.fromkeys(filter(None, (self.database, self.container.project, self.container.name))))


def servers(project: Project) -> list[Listed]:
    """The containers of database servers of the project, and those that its containers share a network with."""
    return [one for one in (*project.mine, *project.others) if one.running and _kind(one)]


def databases(host: Host, project: Project) -> list[Line]:
    """The section of databases."""
    there = servers(project)
    users = {one: "root" if _kind(one) == _MARIADB else _variable(one, "POSTGRES_USER") or "postgres" for one in there}
    answers = {one: host.ask(_engine(one, users[one]).server()) for one in there}
    made = [path for dump in project.survey.schedules.dumps if (path := backups.written_to(dump))]
    lying = host.ask(dumps.dumps(_folders(project, there, made))) if there else None
    found = [one for container in there for one in _databases(container, users[container], answers[container].result())]
    if not found or lying is None:
        return []
    sections: list[Section] = []
    missing: list[Line] = []
    for one in found:
        lines = _database(one, found, project, lying.result())
        (missing if isinstance(lines, Missing) else sections).append(lines)  # type: ignore[arg-type]
    closed = (*project.survey.schedules.closed, *lying.result().closed)
    notes = [Note(f"{project.survey.reach.user} may not read {', '.join(closed)}, where backups may be made or lie")] if closed else []
    sections.sort(key=lambda one: any(isinstance(line, Entry) and line.key == "used_by" and bool(line.guess) for line in one.lines))
    return [*notes, *missing, *([Entry("databases", Sections(tuple(sections)))] if sections else [])]


def _engine(one: Listed, user: str) -> Engine:
    return MariaDBEngine(one.name, user, "") if _kind(one) == _MARIADB else PostgresEngine(one.name, user, "")


def _kind(one: Listed) -> str:
    """The kind of database server in a container; "" if it is none."""
    name = one.container.image_name.partition("@")[0].rpartition("/")[2].partition(":")[0]
    if re.search(r"backup|exporter|bouncer|admin|operator", name):
        return ""
    if found := next((kind for kind, image in _IMAGES.items() if image.fullmatch(name)), ""):
        return found
    variables = {"PGDATA": _POSTGRES, "MARIADB_VERSION": _MARIADB, "MYSQL_VERSION": _MARIADB}
    return next((kind for name, kind in variables.items() if name in one.container.environment), "")


def _variable(one: Listed, name: str) -> str:
    value = one.container.environment.get(name)
    return value.reveal().decode(errors="replace") if value else ""


def _folders(project: Project, there: Iterable[Listed], patterns: Iterable[str]) -> list[str]:
    """Where backups may lie: where they are written to, beside the project, and what the servers have mounted."""
    mounted = [mount.source for one in there for mount in one.container.mounts if re.search(r"back|dump", mount.source.lower())]
    beside = [
        f"{folder}/{name}" for folder in dict.fromkeys((project.tree, project.way.directory)) if folder for name in ("backup", "backups")
    ]
    return list(dict.fromkeys((*(posixpath.dirname(one) for one in patterns if "*" not in posixpath.dirname(one)), *mounted, *beside)))


def _databases(container: Listed, user: str, server: Server | None) -> list[Found]:
    """Those on a server that are somebody's; where it does not answer, the one that it was made with."""
    made_with = [_variable(container, name) for name in ("POSTGRES_DB", "MARIADB_DATABASE", "MYSQL_DATABASE")]
    first = next(filter(None, made_with), "" if _kind(container) == _MARIADB else user)
    known = [name for name in server.databases if not _BESIDE.fullmatch(name)] if server else [first]
    own = [name for name in known if name and name not in _OWN] or [name for name in known if name == "postgres"]
    return [Found(container, name, user, server) for name in own]


def _database(one: Found, all_found: list[Found], project: Project, lying: Dumps) -> Section | Missing:
    others = [name for other in all_found if other != one for name in other.names if name not in one.names]
    found = backups.pattern(one.names, project.survey.schedules.dumps, lying.paths, others)
    name = _name(one, all_found, project)
    usable = fits(NAME, one.container.name) and fits(DATABASE, one.database) and fits(DATABASE, one.user)
    of_mariadb = _kind(one.container) == _MARIADB
    if not usable:
        return Missing(f"the database {one.database!r} of {one.container.name}: a stack file cannot hold its name", "")
    if not found:
        return Missing(
            f"backups of the database {one.database} in {one.container.name}, in crontabs, systemd timers, {', '.join(dumps.USUAL[:3])} "
            "and such folders; write where they are:",
            f"databases:\n  - {{name: {name}, {'kind: mariadb, ' if of_mariadb else ''}container: {one.container.name}, "
            f"database: {one.database}, user: {one.user}, backups: /PATH/{name}-*}}",
        )
    clients, where, guess = _clients(one, project)
    superuser = "a superuser there, by its own word" if one.server and one.server.superuser else ""
    guessed = "MariaDB's own" if of_mariadb else "POSTGRES_USER of the container"
    doubt = "" if superuser else f"{guessed}; it did not answer, or this is no superuser"
    return Section((
        Entry("name", name),
        *([Entry("kind", _MARIADB)] if of_mariadb else []),
        Entry("container", one.container.name, f"its image is {one.container.container.image_name}"),
        Entry("database", one.database, "asked of the server" if one.server else "", "" if one.server else _BY_ENVIRONMENT),
        Entry("user", one.user, superuser, doubt),
        Entry("backups", found.pattern, found.where, found.guess),
        *([Entry("used_by", clients, where, guess)] if clients else []),
    ))  # fmt: skip


def _name(one: Found, all_found: list[Found], project: Project) -> str:
    """Its own; of another project's only database, that project's."""
    alone = sum(other.container == one.container for other in all_found) == 1
    name = one.container.project if alone and one.container.project not in ("", project.name) else one.database
    same = [other for other in all_found if other != one and name in (other.database, other.container.project)]
    name = f"{one.container.name}-{one.database}" if same else name
    return name if fits(NAME, name) else re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-_.")[:63] or "database"


def _clients(one: Found, project: Project) -> tuple[tuple[str, ...], str, str]:
    """The containers that use it, with where that was found, or why it is a guess: those whose environment names it, else those that share
    a network with it."""
    near = [
        other for other in project.survey.containers
        if other != one.container and other.running and other.networks.keys() & one.container.networks.keys()
        and not kind(other) and not _kind(other) and fits(NAME, other.name)
    ]  # fmt: skip
    called = {one.container.name, one.container.service, *(name for names in one.container.networks.values() for name in names)} - {""}
    naming = tuple(other.name for other in near if any(_names(value.reveal(), called) for value in other.container.environment.values()))
    if naming:
        return naming, "its address is in their environments", ""
    return tuple(other.name for other in near), "", f"on a network with {one.container.name}"


def _names(value: bytes, called: Iterable[str]) -> bool:
    """Whether a variable names a server: it is the name, or has it for the host of an address."""
    text = value.decode(errors="replace")
    return any(re.search(rf"(^|@|//|host=){re.escape(name)}($|[:/,?\s])", text) for name in called)
