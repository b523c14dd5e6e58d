"""Asks a container over HTTP from inside its own network, without the proxy: on which ports it listens, and what it answers."""

import base64
from collections.abc import Callable
from dataclasses import dataclass, replace
from http import HTTPStatus
from urllib.parse import urlsplit

from rollback_lib.commands.command import Command
from rollback_lib.facts import process
from rollback_lib.facts.docker import Container
from rollback_lib.facts.fact import Fact
from rollback_lib.health.headers import Values, of_route
from rollback_lib.secrets.secret import Secret
from rollback_lib.stack.route import Route

_SHOWN = 4000  # characters of an answer, its last ones


@dataclass(frozen=True)
class Answer:
    """`ports` are those it listens on; `status` and `said` are the best answer of those that speak HTTP (None: none does), and `ok`
    whether it is what the route expects."""

    ports: tuple[int, ...]
    status: int | None
    said: str
    ok: bool = False


# 127.0.0.11 is Docker's own name server there. A connection of its own for each port; bodies are cut short. The headers of the route
# come over standard input, and go to curl over its own: no list of processes shows them.
_ASK = r"""
pid=$(pid "$1" "$2" "$3")
[ "$pid" -gt 0 ]
headers=$(dd bs=1 count="$6" 2>/dev/null)
mark=$(printf '\036')
listening() {
    cat "/proc/$1/net/tcp" "/proc/$1/net/tcp6" 2>/dev/null |
        awk '$4 == "0A" && $2 !~ /^0B00007F:/ { sub(/.*:/, "", $2); print $2 }'
}
for port in $(listening "$pid" | sort -u); do
    port=$((0x$port))
    printf '%s\t' "$port"
    { printf '%s\n' "$headers" |
        nsenter -t "$pid" -n curl -sS -K - --max-time 4 -H "Host: $4" -w "$mark%{http_code}" "http://127.0.0.1:$port$5" 2>&1 || :; } |
        tr -d '\000' | tail -c 65536 | base64 -w0
    echo
done
"""


def answer(container: Container | str, route: Route, values: Values) -> Fact[Answer | None]:
    """What the container says to a request of that route; None where it does not run. `values` are those of the references in the
    route's headers."""
    url, headers = urlsplit(route.url), _configuration(of_route(route, values))

    def read(out: str) -> Answer:
        rows = [line.split("\t") for line in out.splitlines()]
        ports = tuple(sorted(int(port) for port, _ in rows))
        answers = (base64.b64decode(encoded).decode(errors="replace").rpartition("\x1e") for _, encoded in rows)
        spoken = [(int(status), said) for said, _, status in answers if status.isdigit() and int(status) > 0]
        if not spoken:
            return Answer(ports, None, "nothing there speaks HTTP" if rows else "it listens on no port")
        # One port of several may be for something else, and knows no such path.
        status, said = min(spoken, key=lambda one: (bool(route.expect.objection(*one)), one[0] == HTTPStatus.NOT_FOUND))
        return Answer(ports, status, said.strip()[-_SHOWN:], not route.expect.objection(status, said))

    def spoken(found: Answer | None, hide: Callable[[str], str]) -> Answer | None:
        return replace(found, said=hide(found.said)) if found else None

    words = (*process.words(container), url.netloc, path_of(route), str(len(headers)))
    return Fact((Command.of("sh", "-euc", process.PID + _ASK, "sh", *words),), read, otherwise=lambda _: None, spoken=spoken,
                input=headers if len(headers) else None)  # fmt: skip


def path_of(route: Route) -> str:
    """What a route asks for, as an HTTP request has it."""
    url = urlsplit(route.url)
    return (url.path or "/") + (f"?{url.query}" if url.query else "")


def _configuration(headers: dict[bytes, bytes]) -> Secret:
    """Headers as lines of a configuration of curl's."""
    escaped = {name: value.replace(b"\\", b"\\\\").replace(b'"', b'\\"') for name, value in headers.items()}
    return Secret(b"".join(b'header = "%s: %s"\n' % one for one in escaped.items()))
