"""Names of images: registry, repository, tag and digest, as docker reads them."""

import re
from dataclasses import dataclass

HUB = "registry-1.docker.io"  # where images without a registry come from
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")  # the grammar of the distribution specification


@dataclass(frozen=True)
class Reference:
    """`ghcr.io/dyniq/agents-api:3f2a9c1@sha256:…` in its parts; `name` is what comes before tag and digest."""

    name: str
    tag: str | None = None
    digest: str | None = None

    @classmethod
    def parse(cls, text: str) -> "Reference":
        """The parts of an image's name."""
        rest, _, digest = text.partition("@")
        name, colon, tag = rest.rpartition(":")
        if not colon or "/" in tag:  # no tag, but perhaps a port
            name, tag = rest, ""
        return cls(name, tag or None, digest or None)

    @property
    def registry(self) -> str:
        """The registry's address; docker's own rule: a first part with a dot, a colon or `localhost` is one."""
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
        """For reading: ids to 12 digits, and the last part of the name."""
        tag = f":{self.tag[:12]}" if self.tag else ""
        return self.name.rpartition("/")[2] + tag + (f"@{self.digest[:19]}" if self.digest else "")

    def __str__(self) -> str:
        return self.name + (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")
