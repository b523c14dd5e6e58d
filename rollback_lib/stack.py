"""parameters/*.yaml → Stack: which host, which paths, which service, which routes, which budgets."""

import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, StringConstraints, ValidationError

from rollback_lib.errors import ParameterError
from rollback_lib.paths import PROJECT


def _host_path(value: str) -> str:
    if not re.fullmatch(r"/[A-Za-z0-9._@+/-]+", value) or ".." in PurePosixPath(value).parts:
        raise ValueError("an absolute path of letters, digits and . _ @ + - is expected")
    return value.rstrip("/")


def _url(value: str) -> str:
    if not re.fullmatch(r"https?://[A-Za-z0-9.-]+(:\d+)?(/[A-Za-z0-9._~/%-]*)?", value):
        raise ValueError("an http or https address without user, password or query is expected")
    return value


Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=63)]
ProjectName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=63)]
HostPath = Annotated[str, AfterValidator(_host_path)]
Url = Annotated[str, AfterValidator(_url)]
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


class Code(_Model):
    """What the code rollback rebuilds. `env_files`: files beside the tree's own that a build needs and git has not."""

    service: Name
    env_files: list[HostPath] = Field(default_factory=list)


class Stack(_Model):
    """One compose stack on one host. `host` is an alias of the OpenSSH client configuration."""

    name: ProjectName
    host: Name
    ssh_config: str | None = None
    tree: HostPath
    compose_directory: HostPath
    state_directory: HostPath = ""
    code: Code
    routes: list[Route] = Field(min_length=1)
    health: Health = Field(default_factory=Health)
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

    @property
    def state(self) -> str:
        """The folder on the host in which this project keeps its state."""
        return self.state_directory or f"/var/lib/rollback/{self.name}"

    def kept_image(self, tag: str) -> str:
        """The name under which we keep an image of the code's service."""
        return f"{self.kept_repository}:{tag}"

    @property
    def kept_repository(self) -> str:
        """The name all of those images share."""
        return f"rollback/{self.name}/{self.code.service.lower()}"


def local_path(path: str) -> Path:
    """A path on this machine, as a parameter file gives it: `~` is your home, a relative one is in the project's folder."""
    expanded = Path(path).expanduser()
    return expanded if expanded.is_absolute() else PROJECT / expanded


def _read(source: str | Path | Mapping[str, Any]) -> tuple[str, Any]:
    if isinstance(source, Mapping):
        return "stack", source
    if not isinstance(source, str | Path):
        raise ParameterError(f"stack: a name in parameters/, a file or a mapping is expected, not {type(source).__name__}")
    named = re.fullmatch(r"[A-Za-z0-9_-]+", str(source))
    file = PROJECT / "parameters" / f"{source}.yaml" if named else Path(source)
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
