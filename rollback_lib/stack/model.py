"""parameters/*.yaml → Stack: which host, which paths, which service, which routes, which budgets."""

import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PositiveFloat,
    PositiveInt,
    StringConstraints,
    ValidationError,
    model_validator,
)

from rollback_lib.errors import ParameterError
from rollback_lib.settings import PROJECT


def _host_path(value: str) -> str:
    if not re.fullmatch(r"/[A-Za-z0-9._@+/-]+", value) or ".." in PurePosixPath(value).parts:
        raise ValueError("an absolute path of letters, digits and . _ @ + - is expected")
    return value.rstrip("/")


def _pattern(value: str) -> str:
    folder, _, name = value.rpartition("/")
    if not folder or not re.fullmatch(r"[A-Za-z0-9._@+*?-]+", name):
        raise ValueError("an absolute path is expected, whose last part may have * and ?")
    return f"{_host_path(folder)}/{name}"


def _database_name(value: str) -> str:
    # NAMEDATALEN (https://www.postgresql.org/docs/current/limits.html)
    if not value.isprintable() or not 0 < len(value.encode()) <= 63:
        raise ValueError("a name of 1 to 63 bytes without control characters is expected")
    return value


def _url(value: str) -> str:
    if not re.fullmatch(r"https?://[A-Za-z0-9.-]+(:\d+)?(/[A-Za-z0-9._~/%-]*)?", value):
        raise ValueError("an http or https address without user, password or query is expected")
    return value


_NAME = re.compile(r"[A-Za-z0-9_-]+")  # of a stack in parameters/
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=63)]
ProjectName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=63)]
HostPath = Annotated[str, AfterValidator(_host_path)]
Pattern = Annotated[str, AfterValidator(_pattern)]
DatabaseName = Annotated[str, AfterValidator(_database_name)]
Url = Annotated[str, AfterValidator(_url)]
SecretReference = Annotated[str, StringConstraints(pattern=r"^(env:[A-Za-z_][A-Za-z0-9_]*|file:/[A-Za-z0-9._@+/-]+)$")]
Address = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.-]+:\d{1,5}$")]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Route(_Model):
    """A route that users take to a service; `connect_to` (HOST:PORT) reaches it elsewhere than DNS says, as curl does."""

    name: Name
    url: Url
    service: Name
    connect_to: Address | None = None
    ca: str | None = None


class Health(_Model):
    """Healthy means `passes` probes in a row on every route, `every` seconds apart, before `deadline` seconds are over."""

    passes: PositiveInt = 3
    every: PositiveFloat = 0.5
    timeout: PositiveFloat = 5.0
    deadline: PositiveFloat = 60.0


class Budgets(_Model):
    """Seconds a procedure may take, from its start to proven health."""

    code: PositiveFloat = 60.0
    image: PositiveFloat = 60.0
    env: PositiveFloat = 10.0
    caddyfile: PositiveFloat = 5.0
    database: PositiveFloat = 300.0
    redeploy: PositiveFloat = 120.0
    undo: PositiveFloat = 120.0
    triage: PositiveFloat = 10.0
    readiness: PositiveFloat = 900.0


class ComposeCall(_Model):
    """How docker compose is called for the stack, where no container is left that tells: the project's name (`-p`), the files in
    their order (`-f`), and the files given by `--env-file`."""

    project: ProjectName
    files: list[HostPath] = Field(min_length=1)
    env_files: list[HostPath] = Field(default_factory=list)


class Code(_Model):
    """What the code rollback rebuilds: the `service` that is built from the tree, or all `services` of it, the one that matters
    most first. `env_files`: files beside the tree's own that a build needs and git has not."""

    service: Name | None = None
    services: list[Name] = Field(default_factory=list)
    env_files: list[HostPath] = Field(default_factory=list)

    @model_validator(mode="after")
    def _one_of_both(self) -> "Code":
        if (self.service is None) == (not self.services) or len(set(self.services)) < len(self.services):
            raise ValueError("either a service is expected, or a list of services, each once")
        return self

    @property
    def names(self) -> list[str]:
        """The services."""
        return [self.service] if self.service else self.services

    @property
    def main(self) -> str:
        """The service that matters most."""
        return self.names[0]


class Image(_Model):
    """What the image rollback starts from a registry. `files`: the compose files that name its image, in their order."""

    service: Name
    files: list[HostPath] = Field(min_length=1)


class Env(_Model):
    """The file the env rollback restores: one that services read, or the `.env` beside the compose files."""

    file: HostPath


class Caddyfile(_Model):
    """The Caddyfile of the proxy that runs as `service`; a file in the tree."""

    service: Name
    file: HostPath


class Redeploy(_Model):
    """What a redeploy of the whole stack has to bring back: networks by container, beside those in the compose files. These
    containers are the proxies: they are restarted where the routes do not pass by themselves."""

    networks: dict[Name, list[Name]] = Field(default_factory=dict)


class Database(_Model):
    """A Postgres database and its backups. `name` is how the runbook calls it; `container` is the one whose own psql is used,
    as `user`, a superuser; `backups` is a path on the host whose last part may have * and ?; `used_by` are containers that
    are made anew when they do not connect again by themselves."""

    name: Name
    container: Name
    database: DatabaseName
    user: DatabaseName
    backups: Pattern
    used_by: list[Name] = Field(default_factory=list)


class Retention(_Model):
    """How long the host keeps what runs leave there for the way back, in days. After `keep_days` it is removed, but for the `newest` of
    each kind, which stay until `longest_days`: not for ever, since an env file may hold the values of secrets that were changed since.
    The newest version of a file that was healthy here, and the images of the `newest` releases that were, stay at any age."""

    keep_days: PositiveInt = 30
    newest: PositiveInt = 3
    longest_days: PositiveInt = 90

    @model_validator(mode="after")
    def _in_order(self) -> "Retention":
        if self.longest_days < self.keep_days:
            raise ValueError("longest_days is expected to be no less than keep_days")
        return self


class Notify(_Model):
    """Who is told of a run: `webhook` is a reference to an address that takes {"text": …}; `command` is one of this machine,
    with its words, and reads {"kind", "incident", "text"} from its input."""

    webhook: SecretReference | None = None
    command: list[str] | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _one_of_both(self) -> "Notify":
        if (self.webhook is None) == (self.command is None):
            raise ValueError("either a webhook or a command is expected")
        return self

    @property
    def words(self) -> str:
        """What it is called where people read it: never the address itself."""
        return f"webhook {self.webhook}" if self.webhook else f"command {(self.command or [''])[0]}"


class Stack(_Model):
    """One compose stack on one host. `host` is an alias of the OpenSSH client configuration. `compose_directory` is the folder of
    the compose project: that of the first file, or what `--project-directory` named. `sudo`: commands run there as root, by
    `sudo -n`. `state_directory`: where lock, ledger and copies are, if not in the usual folder. `secrets` are references to what
    must never be shown or kept, beside the values of the env files: `env:NAME` here, `file:/PATH` on the host. `required` are
    points of the checklist that have to be answered before a rollback."""

    name: ProjectName
    host: Name
    ssh_config: str | None = None
    tree: HostPath
    compose_directory: HostPath
    compose: ComposeCall | None = None
    sudo: bool = False
    state_directory: HostPath = ""
    secrets: list[SecretReference] = Field(default_factory=list)
    notify: list[Notify] = Field(default_factory=list)
    required: list[Literal["change", "target", "people", "drift"]] = Field(default_factory=list)
    code: Code
    image: Image | None = None
    env: Env | None = None
    caddyfile: Caddyfile | None = None
    databases: list[Database] = Field(default_factory=list)
    redeploy: Redeploy | None = None
    routes: list[Route] = Field(min_length=1)
    health: Health = Field(default_factory=Health)
    retention: Retention = Field(default_factory=Retention)
    budgets: Budgets = Field(default_factory=Budgets)

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
            first = error.errors(include_url=False, include_input=False)[0]
            key = ".".join(str(part) for part in first["loc"]) or "stack"
            raise ParameterError(f"{origin}: {key}: {_expected(first)}") from None

    @model_validator(mode="after")
    def _caddyfile_in_tree(self) -> "Stack":
        if self.caddyfile and not self.caddyfile.file.startswith(self.tree + "/"):
            raise ValueError(f"caddyfile.file is expected in the tree, {self.tree}")
        return self

    @model_validator(mode="after")
    def _databases_by_name(self) -> "Stack":
        names = [one.name for one in self.databases]
        if len(set(names)) < len(names):
            raise ValueError("every database is expected to have a name of its own")
        return self

    def section(self, name: str) -> Any:
        """The section of a procedure. Raises ParameterError when the stack has none."""
        section = getattr(self, name)
        if section is None:
            raise ParameterError(f"the stack {self.name} has no section {name!r}, so there is nothing to roll back by it; add one")
        return section

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
    def kept_images(self) -> str:
        """How the names of all images begin that we keep of the stack."""
        return f"rollback/{self.name}/"


def local_path(path: str) -> Path:
    """A path on this machine, as a parameter file gives it: `~` is your home, a relative one is in the project's folder."""
    expanded = Path(path).expanduser()
    return expanded if expanded.is_absolute() else PROJECT / expanded


def lasting(source: str) -> str:
    """How a stack is named wherever one stands: by its name in parameters/, or by the whole path of its file."""
    return source if _NAME.fullmatch(source) else str(Path(source).resolve())


def _read(source: str | Path | Mapping[str, Any]) -> tuple[str, Any]:
    if isinstance(source, Mapping):
        return "stack", source
    if not isinstance(source, str | Path):
        raise ParameterError(f"stack: a name in parameters/, a file or a mapping is expected, not {type(source).__name__}")
    file = PROJECT / "parameters" / f"{source}.yaml" if _NAME.fullmatch(str(source)) else Path(source)
    try:
        content = yaml.safe_load(file.read_text())
    except OSError:
        known = ", ".join(sorted(path.stem for path in (PROJECT / "parameters").glob("*.yaml")))
        raise ParameterError(f"there is no stack file {file}; there are: {known}; or give the path of a YAML file") from None
    except yaml.YAMLError as error:
        line = getattr(getattr(error, "problem_mark", None), "line", -1) + 1
        raise ParameterError(f"{file}, line {line}: this is not YAML; mend the line") from None
    if not isinstance(content, Mapping) or list(content) != ["stack"]:
        raise ParameterError(f"{file}: one top-level key, `stack`, is expected")
    return str(file), content["stack"]


def _expected(error: Any) -> str:
    kind = error["type"]
    if kind == "extra_forbidden":
        return "this key is not known; remove it or mend its spelling"
    if kind == "missing":
        return "this key is missing; add it"
    if kind == "string_pattern_mismatch":
        return f"a text that matches {error['ctx']['pattern']} is expected"
    return str(error["msg"]).removeprefix("Value error, ").lower()
