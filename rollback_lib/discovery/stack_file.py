"""The stack file of a compose project: everything that was found, in the order in which a person reads it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import urlsplit

from rollback_lib.discovery import databases, sections
from rollback_lib.discovery.fitting import CALL, PATH, fits
from rollback_lib.discovery.lines import Entry, Line, Missing, Note, Section, Sections, plain, text
from rollback_lib.discovery.project import Project
from rollback_lib.discovery.proxies import front
from rollback_lib.discovery.routes import routes
from rollback_lib.facts import secret_values
from rollback_lib.facts.host import Host, Unanswered
from rollback_lib.secrets.redactor import Redactor
from rollback_lib.stack import schema
from rollback_lib.text import times


def lines(host: Host, project: Project, *, name: str, alias: str, address: str, ssh_config: str = "", sudo: bool = False) -> list[Line]:
    """What goes below `stack`: `alias` is how the host is reached by the OpenSSH configuration `ssh_config` ("": the usual ones), at
    `address`. Raises Refused where two proxies lead to the project."""
    before = front(host, project)
    parts = [
        host.beside(sections.code, project, before), host.beside(sections.image, project, before),
        host.beside(databases.databases, project), host.beside(sections.redeploy, project), host.beside(routes, project, before, address),
    ]  # fmt: skip
    of_code, of_image, of_databases, of_redeploy, of_routes = (_said(one.result()) for one in parts)
    return [
        Entry("name", name, f"of the project {project.name}, in {project.way.directory}"),
        Entry("host", alias, "an alias of your OpenSSH configuration; also what you type to confirm a change"),
        Note(f"commands run there as {project.survey.reach.user}" + (", by sudo" if sudo else ", who may use Docker by himself")),
        *([Entry("ssh_config", ssh_config, "given by --ssh-config")] if ssh_config else []),
        *([Entry("sudo", True, "the user there may not use Docker by himself; `sudo -n` works")] if sudo else []),
        *_places(project), *of_code, *of_image, *sections.env(project, before), *sections.caddyfile(project, before),
        *of_databases, *of_redeploy, *of_routes,
    ]  # fmt: skip


def written(project: Project, found: list[Line], alias: str, now: datetime | None = None) -> str:
    """The file. No value of an environment is in it, and nothing that looks like a secret: a value that would be one is left out."""
    redactor = Redactor(_public(project, found))
    for one in project.survey.containers:
        values = secret_values.in_environment(one.container.environment, (one.name, one.service))
        redactor.protect(value for value in values if not value.startswith("/"))  # paths are none
    day = times.day(now or datetime.now(UTC))
    head = [
        schema.LINE,
        f"# The compose project {redactor.clean(project.name)} on {alias}, as `rollback init` found it on {day}.",
        "# Look at what is marked as a guess, and at what was not found. docs/stack-file.md explains every key. No secret belongs here.",
    ]
    below = text([Entry("stack", Section(tuple(_open(found, redactor))))], redactor.clean)
    return "\n".join([*head, below])


def _places(project: Project) -> Iterator[Line]:
    way = project.way
    if project.tree:
        yield _checked(
            "tree", project.tree, f"the git work tree of {next(one for one, top in project.trees.items() if top == project.tree)}"
        )
    else:
        yield Note(f"{way.directory} is in no git work tree, so there are no commits to go back to")
    yield _checked("compose_directory", way.directory, "by the labels of the containers")
    others = {one.container.compose for one in project.mine} - {way}
    if others:
        listed = "; ".join(sorted(f"{', '.join((*one.files, *one.env_files))}" for one in others))
        yield Note(f"some containers were started with other files than the newest one: {listed}")
    files = [Entry("project", project.name, "as `docker compose ls` names it"), Entry("files", way.files, "by the labels, in their order")]
    files += [Entry("env_files", way.env_files, "given by --env-file")] if way.env_files else []
    if fits(CALL, {"project": project.name, "files": list(way.files), "env_files": list(way.env_files)}):
        yield Entry("compose", Section(tuple(files)), "used where no container is left that tells")
    else:
        yield Note(f"compose is called by -p {project.name} with {', '.join((*way.files, *way.env_files))}; a stack file cannot hold that")


def _checked(key: str, path: str, where: str) -> Line:
    if fits(PATH, path):
        return Entry(key, path, where)
    return Missing(f"{key}: {path!r} has characters that a stack file cannot hold; move it, or link to it", f"{key}: /PATH")


def _said(found: list[Line] | Unanswered) -> list[Line]:
    """A part that is refused leaves a word, and not the rest."""
    return [Missing(found.why, "")] if isinstance(found, Unanswered) else found


def _public(project: Project, found: list[Line]) -> str:
    """What things are called, and the addresses by which users come: no secrets, even where an environment says the same."""
    known = [project.name, project.tree, project.way.directory, *project.way.files, *project.way.env_files]
    for one in project.survey.containers:
        names = ("POSTGRES_DB", "POSTGRES_USER", "MARIADB_DATABASE", "MARIADB_USER", "MYSQL_DATABASE", "MYSQL_USER")
        known += [one.name, one.service, one.project, one.container.image_name, *one.networks]
        known += [value.reveal().decode(errors="replace") for key in names if (value := one.container.environment.get(key))]
    stack = plain(found)
    known += [str(stack.get(key, "")) for key in ("name", "host", "ssh_config")]
    known += ["{0.scheme}://{0.netloc}/".format(urlsplit(route["url"])) for route in stack.get("routes", ())]
    return "\n".join(known)


def _open(found: list[Line], redactor: Redactor) -> Iterator[Line]:
    """The lines without those whose value the redactor would change."""
    for one in found:
        if not isinstance(one, Entry):
            yield one
        elif isinstance(one.value, Section):
            yield Entry(one.key, Section(tuple(_open(list(one.value.lines), redactor))), one.where, one.guess)
        elif isinstance(one.value, Sections):
            yield Entry(one.key, Sections(tuple(Section(tuple(_open(list(part.lines), redactor))) for part in one.value.all)), one.where)
        else:
            words = one.value if isinstance(one.value, tuple) else (one.value,)
            hidden = [word for word in words if isinstance(word, str) and redactor.clean(word) != word]
            yield Missing(f"{one.key}: what was found holds a secret, and is left out", f"{one.key}: VALUE") if hidden else one
