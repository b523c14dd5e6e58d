"""parameters/*.yaml → Stack: which host, which paths, which service, which routes, which budgets."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import Field, PositiveFloat, PositiveInt, ValidationError, model_validator

from rollback_lib.errors import ParameterError
from rollback_lib.settings import home
from rollback_lib.stack import sources, values
from rollback_lib.stack.approval import Approval
from rollback_lib.stack.datafile import Datafile
from rollback_lib.stack.route import Health, Route
from rollback_lib.stack.sources import Place
from rollback_lib.stack.values import ComposeProject, DatabaseName, HostPath, Keys, Name, Pattern, ProjectName, SecretReference, local_path

_NAME = re.compile(r"[A-Za-z0-9_-]+")  # of a stack in parameters/


class Budgets(Keys):
    """How many seconds a procedure may take, from its start to proven health. Records and panels show the time beside it."""

    code: PositiveFloat = Field(default=60.0, description="The code rollback.")
    image: PositiveFloat = Field(default=60.0, description="The image rollback.")
    env: PositiveFloat = Field(default=10.0, description="The env rollback.")
    caddyfile: PositiveFloat = Field(default=5.0, description="The Caddyfile rollback.")
    database: PositiveFloat = Field(default=300.0, description="The database rollback.")
    datafile: PositiveFloat = Field(default=120.0, description="The data file rollback.")
    redeploy: PositiveFloat = Field(default=120.0, description="A redeploy.")
    release: PositiveFloat = Field(default=90.0, description="The release rollback.")
    undo: PositiveFloat = Field(default=120.0, description="An undo.")
    triage: PositiveFloat = Field(default=10.0, description="A triage.")
    readiness: PositiveFloat = Field(default=900.0, description="A readiness run.")
    mark: PositiveFloat = Field(default=10.0, description="A mark after a deploy.")


class Section(Keys):
    """The section of a stack for a procedure that another package brings, under `procedures` and the procedure's name."""

    budget: PositiveFloat = Field(default=60.0, description="How many seconds the procedure may take.")

    @classmethod
    def of(cls, stack: "Stack", name: str) -> Self:
        """The stack's section for that procedure. Raises ParameterError that names the key and what was expected."""
        if name not in stack.procedures:
            raise ParameterError(
                f"the stack {stack.name} has no section procedures.{name}, so there is nothing to roll back by it; add one"
            )
        try:
            return cls.model_validate(stack.procedures[name])
        except ValidationError as error:
            raise ParameterError(f"the stack {stack.name}: {_first(error, f'procedures.{name}')}") from None


class ComposeCall(Keys):
    """How docker compose is called for the stack. Needed only where no container is left whose labels tell."""

    project: ComposeProject = Field(description="The name of the compose project (`-p`).")
    files: list[HostPath] = Field(min_length=1, description="The compose files in their order (`-f`).")
    env_files: list[HostPath] = Field(default_factory=list, description="The files that are given by `--env-file`.")


class Services(Keys):
    """Base of the sections that are about services: one `service`, or several `services`."""

    service: Name | None = None
    services: list[Name] = Field(default_factory=list)

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.service is None) == (not self.services) or len(set(self.services)) < len(self.services):
            raise ValueError("either a service is expected, or a list of services, each once")
        return self

    @property
    def names(self) -> list[str]:
        """The services."""
        return [self.service] if self.service else self.services


class Code(Services):
    """What the code rollback rebuilds from the tree. Give either `service` or `services`."""

    service: Name | None = Field(default=None, description="The compose service that is built from the tree.")
    services: list[Name] = Field(default_factory=list, description="All services that are built from the tree, the most important first.")
    env_files: list[HostPath] = Field(default_factory=list, description="Files in the tree that a build needs and git does not have.")

    @property
    def main(self) -> str:
        """The service that matters most."""
        return self.names[0]


class Image(Services):
    """What the image rollback starts from a registry. Give either `service` or `services`."""

    service: Name | None = Field(default=None, description="The compose service.")
    services: list[Name] = Field(
        default_factory=list, description="Several services, the most important first. Parameters name one of them: `-p service=NAME`."
    )
    files: list[HostPath] = Field(min_length=1, description="The compose files that name their images, in their order.")

    def started(self, service: str, files: Iterable[str]) -> bool:
        """Whether a service that was started with these compose files takes its image from the registry."""
        return service in self.names and set(self.files) <= set(files)


class Env(Keys):
    """What the env rollback restores. Give either `file` or `files`."""

    file: HostPath | None = Field(default=None, description="The env file: one that services read, or the `.env` beside the compose files.")
    files: list[HostPath] = Field(
        default_factory=list, description="Several env files. Parameters name one of them, by its path or the end of it: `-p file=PATH`."
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> "Env":
        if (self.file is None) == (not self.files) or len(set(self.files)) < len(self.files):
            raise ValueError("either a file is expected, or a list of files, each once")
        return self

    @property
    def paths(self) -> list[str]:
        """The files."""
        return [self.file] if self.file else self.files


class Caddyfile(Keys):
    """What the Caddyfile rollback restores."""

    service: Name = Field(description="The compose service that runs Caddy.")
    file: HostPath = Field(description="The Caddyfile on the host. Outside the tree, only versions that earlier runs kept can be restored.")


class Redeploy(Keys):
    """What a redeploy has to restore beside what the compose files say."""

    networks: dict[Name, list[Name]] = Field(
        default_factory=dict,
        description="Networks by container, as `docker ps` and `docker network ls` name them. These containers are the proxies: they are "
        "restarted if the routes do not pass by themselves.",
    )


class Database(Keys):
    """A database and its backups."""

    name: Name = Field(description="What the database is called in parameters: `-p database=NAME`.")
    kind: Literal["postgres", "mariadb"] = Field(default="postgres", description="`mariadb` is for MySQL as well.")
    container: Name = Field(description="The container of the server, as `docker ps` names it. Its own client is used.")
    database: DatabaseName = Field(description="The database's name on the server.")
    user: DatabaseName = Field(
        description="A superuser. Postgres has to let it in without a password; root of MariaDB has the one in the container's environment."
    )
    backups: Pattern = Field(default="", description="Where backups are on the host; the last part may have `*` and `?`.")
    sources: list[Place] = Field(default_factory=list, description="Other places where backups are. `backups`, or one of these, is needed.")
    used_by: list[Name] = Field(default_factory=list, description="Containers to recreate if they do not reconnect by themselves.")
    fresh: PositiveFloat = Field(default=26.0, description="Hours after which the newest backup is too old; a day later, readiness fails.")

    @model_validator(mode="after")
    def _can_be_brought_back(self) -> "Database":
        sources.expect(self.backups, self.sources)
        if self.kind == "mariadb" and not self.database.isascii():
            raise ValueError("database: a name of ASCII characters is expected for mariadb")
        return self

    @property
    def where(self) -> str:
        """Where its backups are, in words."""
        return sources.words(self.backups, self.sources)


class Retention(Keys):
    """How long the host keeps what runs leave there for undo, and an archive its records. The newest healthy version of a file, and the
    images of the `newest` healthy releases, stay on the host at any age."""

    keep_days: PositiveInt = Field(default=30, description="Days after which copies are removed.")
    newest: PositiveInt = Field(default=3, description="How many of the newest incidents that can be undone stay until `longest_days`.")
    longest_days: PositiveInt = Field(default=90, description="Days after which these go, too: old env files hold old secrets.")
    archive_days: PositiveInt = Field(
        default=730, description="Days for which an archive with object lock keeps records; nobody can remove them before."
    )

    @model_validator(mode="after")
    def _in_order(self) -> "Retention":
        if self.longest_days < self.keep_days:
            raise ValueError("longest_days is expected to be no less than keep_days")
        return self


class Notify(Keys):
    """Who is notified when a run begins to change the host, and how it ended. Give either `webhook` or `command`."""

    webhook: SecretReference | None = Field(default=None, description='A reference to an address that takes `{"text": …}`.')
    command: list[str] | None = Field(
        default=None, min_length=1,
        description='A command of this machine, word by word. It reads `{"kind", "incident", "text"}` as JSON from its input.',
    )  # fmt: skip

    @model_validator(mode="after")
    def _one_of_both(self) -> "Notify":
        if (self.webhook is None) == (self.command is None):
            raise ValueError("either a webhook or a command is expected")
        return self

    @property
    def words(self) -> str:
        """What it is called where people read it: never the address itself."""
        return f"webhook {self.webhook}" if self.webhook else f"command {(self.command or [''])[0]}"


class Stack(Keys):
    """One compose stack on one host. It needs a `compose_directory` and a route. A section of a procedure can be left out if you have no
    use for the procedure."""

    name: ProjectName = Field(description="What the stack is called in records, and in image names and folders on the host.")
    host: Name = Field(description="An alias of your OpenSSH client configuration. It is also what you type to confirm.")
    practice: bool = Field(default=False, description="It serves nobody: its runs count as drills in `rollback incidents stats`.")
    ssh_config: str | None = Field(
        default=None, description="An OpenSSH configuration instead of the usual ones; relative to the runbook folder."
    )
    tree: HostPath | None = Field(default=None, description="The git work tree on the host, if the stack has one.")
    compose_directory: HostPath = Field(
        description="The folder of the compose project: that of the first compose file, or what `--project-directory` named."
    )
    compose: ComposeCall | None = Field(default=None, description="How docker compose is called, where no container is left that tells.")
    sudo: bool = Field(default=False, description="Run everything on the host as root, by `sudo -n`.")
    state_directory: HostPath = Field(
        default="",
        description="Where lock, jobs, ledgers and copies are kept on the host. By default `/var/lib/rollback/NAME` where the tree is "
        "root's or root made that folder, else `.local/state/rollback/NAME` in the home of the tree's owner. Without a tree, the "
        "`compose_directory` counts.",
    )
    secrets: list[SecretReference] = Field(
        default_factory=list, description="References to values to hide in output and records, beside those of the env files."
    )
    notify: list[Notify] = Field(default_factory=list, description="Who is notified of a run.")
    archive: values.ArchiveAddress | None = Field(
        default=None,
        description="Where sealed records are archived: an address of fsspec such as `s3://bucket/folder`, without credentials. By "
        "default, what `ROLLBACK_ARCHIVE` names.",
    )
    required: list[Literal["change", "target", "people", "drift"]] = Field(
        default_factory=list, description="Points of the checklist that have to be answered before anything is changed."
    )
    approval: Approval | None = Field(default=None, description="Which rollbacks need the approval of another person.")
    unattended: list[Literal["code", "image", "env", "caddyfile", "redeploy", "release"]] = Field(
        default_factory=list, description="Rollbacks that [an alert](fleet.md#from-an-alert) may begin without a person; none loses data."
    )
    code: Code | None = Field(default=None, description="The code rollback. It needs a tree. Triage and readiness look at it as well.")
    image: Image | None = Field(default=None, description="The image rollback.")
    env: Env | None = Field(default=None, description="The env rollback.")
    caddyfile: Caddyfile | None = Field(default=None, description="The Caddyfile rollback.")
    databases: list[Database] = Field(default_factory=list, description="The database rollback: each database under a name of its own.")
    datafiles: list[Datafile] = Field(default_factory=list, description="The data file rollback: each file under a name of its own.")
    redeploy: Redeploy | None = Field(default=None, description="The redeploy; `{}` where the compose files name every network.")
    procedures: dict[Name, dict[str, Any]] = Field(
        default_factory=dict,
        description="The sections of procedures that other packages bring, by the procedure's name. Each may have a `budget` in seconds.",
    )
    routes: list[Route] = Field(min_length=1, description="The routes that users take. Health is what they answer.")
    health: Health = Field(default_factory=Health, description="When the stack counts as healthy.")
    retention: Retention = Field(default_factory=Retention, description="How long the host keeps copies, and an archive records.")
    budgets: Budgets = Field(default_factory=Budgets, description="How long procedures may take.")

    @classmethod
    def load(cls, source: "str | Path | Mapping[str, Any] | Stack") -> "Stack":
        """The stack of a name in parameters/, of a YAML file, or of a mapping.

        Raises ParameterError that names the source, the key and what was expected.
        """
        if isinstance(source, Stack):
            return source
        origin, content = _read(source)
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            raise ParameterError(f"{origin}: {_first(error)}") from None

    @model_validator(mode="after")
    def _code_of_tree(self) -> "Stack":
        if self.code and not self.tree:
            raise ValueError("code: a tree is expected beside it, since it is built from that; name the tree, or leave code out")
        return self

    @model_validator(mode="after")
    def _databases_by_name(self) -> "Stack":
        for word, named in (("database", self.databases), ("data file", self.datafiles)):
            if len({one.name for one in named}) < len(named):
                raise ValueError(f"every {word} is expected to have a name of its own")
        return self

    def section(self, name: str) -> Any:
        """The section of a procedure. Raises ParameterError when the stack has none."""
        section = getattr(self, name)
        if section is None:
            raise ParameterError(f"the stack {self.name} has no section {name!r}, so there is nothing to roll back by it; add one")
        return section

    @property
    def work_tree(self) -> str:
        """The tree. Raises ParameterError when the stack has none."""
        if self.tree is None:
            raise ParameterError(f"the stack {self.name} has no tree, and git is needed for this; name its work tree as `tree`")
        return self.tree

    def in_tree(self, path: str) -> str | None:
        """A path of the host as git in the tree has it; None where it is in no tree."""
        return path.removeprefix(f"{self.tree}/") if self.tree and path.startswith(f"{self.tree}/") else None

    @property
    def main(self) -> str:
        """The service that matters most: of those that are built here, else of those from a registry, else of those with a route."""
        named = self.code.names if self.code else self.image.names if self.image else []
        return named[0] if named else self.routes[0].service

    @property
    def env_files(self) -> list[str]:
        """Every env file of the stack: those that it names, and the one that compose reads by itself."""
        named = [*(self.code.env_files if self.code else ()), *(self.env.paths if self.env else ())]
        return list(dict.fromkeys([*named, f"{self.compose_directory}/.env"]))

    @property
    def state(self) -> str:
        """The folder on the host with the lock, the ledger and the copies; where it was not looked for yet, that of a tree of root."""
        return self.state_directory or f"/var/lib/rollback/{self.name}"

    def at(self, state: str) -> "Stack":
        """The same, with its folder on the host as it was found there (facts/account.py)."""
        return self.model_copy(update={"state_directory": state})

    def kept_image(self, service: str, tag: str) -> str:
        """The name under which we keep an image of a service."""
        return f"{self.kept_repository(service)}:{tag}"

    def kept_repository(self, service: str) -> str:
        """The name all of those images share."""
        return f"{self.kept_images}{service.lower()}"

    @property
    def ssh_file(self) -> Path | None:
        """The OpenSSH configuration on this machine, None for the usual ones."""
        return local_path(self.ssh_config) if self.ssh_config else None

    @property
    def kept_images(self) -> str:
        """How the names of all images begin that we keep of the stack."""
        return f"rollback/{self.name}/"


def lasting(source: str) -> str:
    """How a stack is named wherever one stands: by its name in parameters/, or by the whole path of its file."""
    return source if _NAME.fullmatch(source) else str(Path(source).resolve())


def _read(source: str | Path | Mapping[str, Any]) -> tuple[str, Any]:
    if isinstance(source, Mapping):
        return "stack", source
    if not isinstance(source, str | Path):
        raise ParameterError(f"stack: a name in parameters/, a file or a mapping is expected, not {type(source).__name__}")
    named = _NAME.fullmatch(str(source))
    file = home() / "parameters" / f"{source}.yaml" if named else Path(source)
    try:
        content = yaml.safe_load(file.read_text())
    except OSError:
        known = f"there are: {', '.join(sorted(path.stem for path in file.parent.glob('*.yaml')))}; or " if named else ""
        raise ParameterError(f"there is no stack file {file}; {known}give the path of a YAML file") from None
    except yaml.YAMLError as error:
        line = getattr(getattr(error, "problem_mark", None), "line", -1) + 1
        raise ParameterError(f"{file}, line {line}: this is not YAML; fix the line") from None
    except ValueError as error:  # such as the day 2026-13-01
        raise ParameterError(f"{file}: {error}; fix that value") from None
    if not isinstance(content, Mapping) or list(content) != ["stack"]:
        raise ParameterError(f"{file}: one top-level key, `stack`, is expected")
    return str(file), content["stack"]


def _first(error: ValidationError, within: str = "") -> str:
    """The first thing that is wrong: its key, and what was expected."""
    first = error.errors(include_url=False, include_input=False)[0]
    key = ".".join(filter(None, (within, *(str(part) for part in first["loc"])))) or "stack"
    return f"{key}: {_expected(first)}"


def _expected(error: Any) -> str:
    kind = error["type"]
    if kind == "extra_forbidden":
        return "this key is not known; remove it or fix its spelling"
    if kind == "missing":
        return "this key is missing; add it"
    if kind == "string_pattern_mismatch":
        return f"a text that matches {error['ctx']['pattern']} is expected"
    return str(error["msg"]).removeprefix("Value error, ").lower()
