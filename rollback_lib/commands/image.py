"""Image names: their registry, repository, tag and digest, by Docker's rules."""

import re
from dataclasses import dataclass

HUB = "registry-1.docker.io"  # the registry of images whose names have no registry
HOLDS = "rollback.holds"  # the label of containers that never run: each keeps the image that it is made of
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")  # the grammar of the distribution specification

# A variable at the end of an image's name, which docker compose replaces: `:${TAG}`, `:${TAG:-latest}`.
_VARIABLE = re.compile(r":\$\{(?P<name>[A-Za-z_]\w*)(?::?[-?+][^{}]*)?\}\Z")


def tag_variable(declared: str) -> str | None:
    """The name of the variable that holds the tag in an image's name, as the compose files write it; None if there is none."""
    found = _VARIABLE.search(declared)
    return found["name"] if found else None


@dataclass(frozen=True)
class Reference:
    """An image name such as `ghcr.io/dyniq/agents-api:3f2a9c1@sha256:…` in parts. `name` is what comes before tag and digest."""

    name: str
    tag: str | None = None
    digest: str | None = None

    @classmethod
    def parse(cls, text: str) -> "Reference":
        """Split an image name into its parts."""
        rest, _, digest = text.partition("@")
        name, colon, tag = rest.rpartition(":")
        if not colon or "/" in tag:  # there is no tag; the colon, if any, is before a port
            name, tag = rest, ""
        return cls(name, tag or None, digest or None)

    @property
    def registry(self) -> str:
        """The address of the registry: the first part of the name if it has a dot or a colon or is `localhost`, as Docker decides it."""
        first, slash, _ = self.name.partition("/")
        named = slash and (re.search(r"[.:]", first) or first == "localhost")
        return first if named and first != "docker.io" else HUB

    @property
    def repository(self) -> str:
        """The path in the registry."""
        if self.registry != HUB:
            return self.name.partition("/")[2]
        path = self.name.removeprefix("docker.io/")
        return path if "/" in path else f"library/{path}"

    @property
    def short(self) -> str:
        """The name for people to read: its last part, with tag and digest cut to 12 digits."""
        tag = f":{self.tag[:12]}" if self.tag else ""
        return self.name.rpartition("/")[2] + tag + (f"@{self.digest[:19]}" if self.digest else "")

    def __str__(self) -> str:
        return self.name + (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")
