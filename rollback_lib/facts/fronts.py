"""Proxies: those that run on the host itself, and what nginx, wherever it runs, is configured to do."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from rollback_lib.commands.command import Command
from rollback_lib.facts.fact import Fact

# A comment, a quoted word, a mark, or a word.
_WORD = re.compile(r"""(\#[^\n]*)|("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|([{};])|([^\s{};"'\#][^\s{};]*)""")
KINDS = ("caddy", "traefik", "nginx", "haproxy", "apache2")

# One that a container runs has that in its control group's name, or another mount namespace, where we may see it.
_ON_HOST = r"""
for name; do
    for pid in $(pgrep -x "$name" 2>/dev/null); do
        grep -qE 'docker|containerd|kubepods|libpod' "/proc/$pid/cgroup" 2>/dev/null && continue
        theirs=$(readlink "/proc/$pid/ns/pid" 2>/dev/null) || theirs=
        [ -z "$theirs" ] || [ "$theirs" = "$(readlink /proc/self/ns/pid)" ] || continue
        echo "$name"; break
    done
done
:
"""

# `nginx -T` would make what it misses: logs, folders.
_FILES = r"""
cd /etc/nginx && for file in nginx.conf conf.d/*.conf http.d/*.conf sites-enabled/* /data/nginx/proxy_host/*.conf; do
    [ ! -f "$file" ] || { cat "$file"; echo; }
done
"""


@dataclass(frozen=True)
class Server:
    """A server of nginx: its `names`, whether it speaks TLS, on which `port`, and for each location its prefix and where that is sent."""

    names: tuple[str, ...]
    tls: bool
    port: int
    locations: tuple[tuple[str, str], ...]


def on_host() -> Fact[list[str]]:
    """The proxies that run on the host outside of containers, by the names of their programs."""
    return Fact((Command.of("sh", "-c", _ON_HOST, "sh", *KINDS),), str.split, otherwise=lambda _: [])


def nginx(container: str = "") -> Fact[list[Server]]:
    """The servers of the nginx in a container, or of the host's own, by the files where they usually are; none where those are not."""
    look = Command.of("sh", "-c", _FILES)
    command = Command.of("docker", "exec", container, *look.argv) if container else look
    return Fact((command,), lambda out: list(_servers(out)), otherwise=lambda _: [])


Block = tuple[tuple[str, ...], "list[Block]"]  # the words of a directive, and what is in its braces


def _servers(text: str) -> Iterator[Server]:
    blocks = _parsed(iter(_words(text)))
    upstreams = {words[1]: _first(inner, "server") for words, inner in _each(blocks, "upstream") if len(words) > 1}
    for _, inner in _each(blocks, "server"):
        names = tuple(name for words, _ in inner if words[0] == "server_name" for name in words[1:] if name != "_")
        listen = [words[1:] for words, _ in inner if words[0] == "listen" and len(words) > 1]
        tls = any("ssl" in words or words[0].rpartition(":")[2] == "443" for words in listen)
        ports = [int(port) for words in listen if (port := words[0].rpartition(":")[2]).isdigit()]
        places = []
        for words, body in [*_each(inner, "location"), (("location", "/"), inner)]:
            target = _first(body, "proxy_pass")
            if target:
                name = target.partition("://")[2].partition("/")[0] or target
                places.append((_prefix(words), upstreams.get(name, "") or name))
        if places:
            yield Server(names, tls, 443 if tls and 443 in ports else ports[0] if ports else 80, tuple(places))


def _prefix(words: tuple[str, ...]) -> str:
    """Of a location that is no prefix, the root."""
    return words[-1] if len(words) == 2 or words[1] in ("=", "^~") else "/"


def _first(blocks: list[Block], name: str) -> str:
    return next((words[1] for words, _ in blocks if words[0] == name and len(words) > 1), "")


def _each(blocks: list[Block], name: str) -> Iterator[Block]:
    for words, inner in blocks:
        if words[0] == name and inner:
            yield words, inner
        elif words[0] in ("http", "stream"):
            yield from _each(inner, name)


def _parsed(words: Iterator[str]) -> list[Block]:
    """The directives up to the brace that closes them."""
    found: list[Block] = []
    line: list[str] = []
    for word in words:
        if word == "}":
            break
        if word == ";" or word == "{":
            inner = _parsed(words) if word == "{" else []
            if line:
                found.append((tuple(line), inner))
            line = []
        else:
            line.append(word)
    return found


def _words(text: str) -> Iterator[str]:
    for comment, quoted, mark, word in _WORD.findall(text):
        if not comment:
            yield mark or word or quoted[1:-1]
