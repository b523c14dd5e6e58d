"""Asks a container over HTTP from inside its own network, without the proxy: on which ports it listens, and what it answers."""

import base64
from collections.abc import Callable
from dataclasses import dataclass, replace
from http import HTTPStatus

from rollback_lib.commands.command import Command
from rollback_lib.facts.fact import Fact


@dataclass(frozen=True)
class Answer:
    """`ports` are those on which the container listens. `status` and `said`, the HTTP status and the body, are the best answer of all
    ports. If no port speaks HTTP, `status` is None, and `said` tells so."""

    ports: tuple[int, ...]
    status: int | None
    said: str


# The name server of Docker, on 127.0.0.11, is left out. Each port is asked over its own connection; of each body the end is kept.
_ASK = r"""
pid=$(docker inspect --format '{{.State.Pid}}' "$1")
[ "$pid" -gt 0 ]
mark=$(printf '\036')
listening() {
    cat "/proc/$1/net/tcp" "/proc/$1/net/tcp6" 2>/dev/null |
        awk '$4 == "0A" && $2 !~ /^0B00007F:/ { sub(/.*:/, "", $2); print $2 }'
}
for port in $(listening "$pid" | sort -u); do
    port=$((0x$port))
    printf '%s\t' "$port"
    { nsenter -t "$pid" -n curl -sS --max-time 4 -H "Host: $2" -w "$mark%{http_code}" "http://127.0.0.1:$port$3" 2>&1 || :; } |
        tr -d '\000' | tail -c 4000 | base64 -w0
    echo
done
"""


def answer(container: str, host: str, path: str) -> Fact[Answer | None]:
    """The container's answer to an HTTP request for `path` of `host`; None if the container does not run."""

    def read(out: str) -> Answer:
        rows = [line.split("\t") for line in out.splitlines()]
        ports = tuple(sorted(int(port) for port, _ in rows))
        answers = (base64.b64decode(encoded).decode(errors="replace").rpartition("\x1e") for _, encoded in rows)
        spoken = [(int(status), said.strip()) for said, _, status in answers if status.isdigit() and int(status) > 0]
        if not spoken:
            return Answer(ports, None, "nothing there speaks HTTP" if rows else "it listens on no port")
        # Of several ports, one may serve something else and not know the path.
        status, said = min(spoken, key=lambda pair: (pair[0] != HTTPStatus.OK, pair[0] == HTTPStatus.NOT_FOUND))
        return Answer(ports, status, said)

    def spoken(found: Answer | None, hide: Callable[[str], str]) -> Answer | None:
        return replace(found, said=hide(found.said)) if found else None

    return Fact((Command.of("sh", "-euc", _ASK, "sh", container, host, path),), read, otherwise=lambda _: None, spoken=spoken)
