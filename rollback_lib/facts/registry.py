"""The tags and manifests in an image registry. The host asks, with Docker's own credentials, which never leave the host."""

import json
import re
from dataclasses import dataclass

from rollback_lib.commands.command import MARK, Command
from rollback_lib.commands.image import HUB, Reference
from rollback_lib.facts.fact import Fact
from rollback_lib.secrets.redactor import clean

_MEDIA = (
    "application/vnd.oci.image.index.v1+json,application/vnd.docker.distribution.manifest.list.v2+json,"
    "application/vnd.oci.image.manifest.v1+json,application/vnd.docker.distribution.manifest.v2+json"
)
# Asks without credentials first, and answers the registry's challenge with the credentials in Docker's configuration. A header with a
# credential is given to curl over standard input, so that the list of processes does not show it.
# (https://distribution.github.io/distribution/spec/auth/token/)
_ASK = r"""
base=$1 login=$2 repository=$3
command -v curl >/dev/null || { echo "curl is not installed there" >&2; exit 1; }
auth=$(tr -d ' \t\n' 2>/dev/null <"$HOME/.docker/config.json" | sed -n "s|.*\"$login\":{[^}]*\"auth\":\"\([^\"]*\)\".*|\1|p") || auth=
basic=${auth:+header = \"Authorization: Basic $auth\"}
challenge=$(curl -sS --max-time 6 -o /dev/null -D - "$base/v2/" | tr -d '\r' | sed -n 's/^[Ww][Ww][Ww]-[Aa]uthenticate: *//p')
part() { printf '%s' "$challenge" | sed -n "s/.*$1=\"\([^\"]*\)\".*/\1/p"; }
case $challenge in
    [Bb]earer*)
        query="service=$(part service)&scope=repository:$repository:pull"
        token=$(printf '%s\n' "$basic" | curl -sS --max-time 6 -K - "$(part realm)?$query" |
            sed -n 's/.*"\(access_\)\{0,1\}token" *: *"\([^"]*\)".*/\2/p')
        header="header = \"Authorization: Bearer $token\"" ;;
    [Bb]asic*) header=$basic ;;
    *) header= ;;
esac
ask() { printf '%s\n' "$header" | curl -sS --max-time 15 -K - "$@"; }
"""


@dataclass(frozen=True)
class Unavailable:
    """The registry gave no answer; `why` is the reason."""

    why: str


@dataclass(frozen=True)
class Tagged:
    """What a tag names in the registry. `digest` is that of its manifest. `size` (in bytes, compressed) and `image` (the image id on a
    host) are None if the manifest is an index of several images."""

    tag: str
    digest: str
    size: int | None
    image: str | None


def tags(image: Reference) -> Fact[list[str] | Unavailable]:
    """The tags of a repository, a thousand at most."""
    command = _command(image, 'ask -f "$base/v2/$repository/tags/list?n=1000"')
    return Fact((command,), lambda out: json.loads(out).get("tags") or [], otherwise=_unavailable)


def manifests(image: Reference, names: list[str]) -> Fact[dict[str, Tagged]]:
    """What each of these tags names, by tag. Tags that the registry does not have are left out; all are if it does not answer."""
    urls = " ".join(f'"$base/v2/$repository/manifests/{name}"' for name in names)
    command = _command(image, f"ask -H 'Accept: {_MEDIA}' -i -w '\n{MARK}%{{http_code}}\n' {urls}")

    def read(out: str) -> dict[str, Tagged]:
        found = {}
        for name, answer in zip(names, re.findall(rf"(.*?)\n{MARK}(\d+)\n", out.replace("\r\n", "\n"), re.DOTALL), strict=False):
            text, status = answer
            if status == "200":
                found[name] = _tagged(name, text)
        return found

    return Fact((command,) if names else (), read if names else lambda _: {}, otherwise=lambda _: {})


def _command(image: Reference, question: str) -> Command:
    local = image.registry.partition(":")[0] in ("localhost", "127.0.0.1")
    base = f"{'http' if local else 'https'}://{image.registry}"
    login = "https://index.docker.io/v1/" if image.registry == HUB else image.registry  # the name under which Docker keeps its login there
    return Command.of("sh", "-euc", _ASK + question, "sh", base, login, image.repository)


def _unavailable(message: str) -> Unavailable:
    lines = [line for line in message.splitlines() if line.strip()]
    return Unavailable(clean(lines[-1]).removeprefix("curl: ") if lines else "it said nothing")


def _tagged(name: str, answer: str) -> Tagged:
    head, _, body = answer.partition("\n\n")
    digest = re.search(r"^docker-content-digest: *(\S+)", head, re.IGNORECASE | re.MULTILINE)
    manifest = json.loads(body)
    layers = manifest.get("layers")
    size = sum(layer["size"] for layer in layers) if layers is not None else None
    return Tagged(name, digest[1] if digest else "", size, manifest["config"]["digest"] if "config" in manifest else None)
