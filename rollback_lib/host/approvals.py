"""Requests for an approval, and their approvals, on the host: there two people meet who work on different machines.

STATE/approvals/INCIDENT/ has `request.json`, `plan.json`, a file *.sig for each approval, and `used`, which names the run that has used it.
STATE/approvals/break-glass.log has a line for each run that went on without.

Where root has written /etc/rollback/allowed_signers, the host itself verifies the approval before it gives the lock, by `ADMIT`. Nothing of
that can be told otherwise by who runs the rollback: not who may approve, and with /etc/rollback/approval (`count: 1`, `for: [database]`)
not what needs an approval either.
"""

import base64
from dataclasses import dataclass

from rollback_lib.commands.command import Command
from rollback_lib.host.snippets import PLACE
from rollback_lib.secrets.secret import Secret

LONGEST = 16_384  # bytes that are read of a request, and of a signature
LONGEST_PLAN = 8_000_000  # bytes
MOST = 20  # requests that are read, the newest; and signatures of each
NOT_ADMITTED = 4  # the exit status with which ADMIT refuses


@dataclass(frozen=True)
class Filed:
    """A request on the host: the incident in whose folder it is, its text and its signatures. `used` is the incident that has used it, ""
    if none has. None of it is to be trusted."""

    incident: str
    text: str
    used: str
    signatures: tuple[bytes, ...]


@dataclass(frozen=True)
class Permit:
    """What a run shows to the host for the lock. `procedures` are those that it rolls back by, none if nothing that serves is changed.
    `request` is the text of the request that was approved, in the folder of the incident `asked`. `break_glass` is the reason to go on
    without."""

    procedures: tuple[str, ...] = ()
    asked: str = ""
    request: str = ""
    break_glass: str = ""

    @property
    def words(self) -> tuple[str, ...]:
        """The permit as words for a script."""
        return (" ".join(self.procedures), self.asked, self.request.removesuffix("\n"), self.break_glass)


# admit STATE INCIDENT PROCEDURES ASKED REQUEST BREAK-GLASS: let an incident begin, or say why not and exit. One that has begun goes on.
# The request names the keys of who asks; whoever has one of them is nobody else. SSH_USER_AUTH is there with `ExposeAuthInfo` of sshd.
ADMIT = rf"""
no() {{ echo "$1" >&2; exit {NOT_ADMITTED}; }}
admit() {{
    [ -n "$3" ] || return 0
    for job in "$1/jobs/$2"/*/begun; do [ ! -e "$job" ] || return 0; done
    if [ -n "$6" ]; then
        mkdir -p "$1/approvals"
        printf '%s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ) $2 $3: $6" >>"$1/approvals/break-glass.log"
        logger -p auth.warning -t rollback -- "$2 continues without approval ($3, $(id -un)): $6" 2>/dev/null || :
        return 0
    fi
    used=$(head -c 100 "$1/approvals/$4/used" 2>/dev/null) || :
    [ -z "$4" ] || [ -z "$used" ] || [ "$used" = "$2" ] || no "its approval was used by $used"
    etc=/etc/rollback signers=/etc/rollback/allowed_signers count=1
    [ -e "$signers" ] || return 0
    set -- "$1/approvals/${{4:-none}}" "$3" "$5"
    for file in "$etc" "$signers" "$etc/approval"; do
        [ -z "$(find "$file" -maxdepth 0 \( ! -user 0 -o -perm -020 -o -perm -002 \) 2>/dev/null)" ] || no "$file is not root's alone"
    done
    if [ -e "$etc/approval" ]; then
        named=$(sed -n 's/^for: *\[\(.*\)\] *$/\1/p' "$etc/approval" | tr , ' ')
        if [ -n "$named" ]; then
            needed=
            for one in $named; do case " $2 " in *" $one "*) needed=yes ;; esac; done
            [ -n "$needed" ] || return 0
        fi
        count=$(sed -n 's/^count: *\([0-9]*\) *$/\1/p' "$etc/approval"); count=${{count:-1}}
    fi
    demands="$etc asks for an approval before $2"
    [ -n "$3" ] || no "$demands, and this run has none"
    [ "$(cat "$1/request.json" 2>/dev/null)" = "$3" ] || no "$demands, and the one that is there is for something else"
    until=$(printf '%s\n' "$3" | sed -n 's/.*"not_after":"\([^"]*\)".*/\1/p' | tr -dc 0-9)
    [ "$(date -u +%Y%m%d%H%M%S)" -le "${{until:-0}}" ] || no "$demands, and the one that is there has expired"
    mine=
    for key in /etc/ssh/ssh_host_*_key.pub; do
        print=$(ssh-keygen -l -E sha256 -f "$key" 2>/dev/null | cut -d ' ' -f 2)
        case $3 in *'"host_key":"'"${{print:-none}}"'"'*) mine=yes ;; esac
    done
    [ -n "$mine" ] || no "$demands, and the one that is there is for a host with another key"
    if [ -r "${{SSH_USER_AUTH:-}}" ]; then
        print=$(sed -n 's/^publickey //p' "$SSH_USER_AUTH" | ssh-keygen -l -E sha256 -f - 2>/dev/null | cut -d ' ' -f 2)
        case $3 in *"\"${{print:-none}}\""*) ;; *) no "$demands, and the one that is there names another key of who asks" ;; esac
    fi
    keys=' ' names='|'
    for file in "$1"/*.sig; do
        name=$(ssh-keygen -Y find-principals -s "$file" -f "$signers" 2>/dev/null </dev/null | sed -n '1s/,.*//; 1p') || :
        said=$(printf '%s\n' "$3" | ssh-keygen -Y verify -f "$signers" -I "$name" -n rollback-approval -s "$file" 2>/dev/null) || continue
        key=${{said##* }}
        case $keys$names in *" $key "* | *"|$name|"*) continue ;; esac
        case $3 in *"\"$key\""*) continue ;; esac
        keys="$keys$key " names="$names$name|" count=$((count - 1))
    done
    [ "$count" -le 0 ] || no "$demands, and $count more of those in $signers would have to give it"
}}
"""

# use STATE INCIDENT ASKED: let nobody else use the approval. Called under the mutex of the lock, when it is given.
USE = r"""
use() { [ -z "$3" ] || [ ! -d "$1/approvals/$3" ] || echo "$2" >"$1/approvals/$3/used"; }
"""

_ASK = (
    PLACE
    + r"""
set -eu; umask 007
place "$1"; all=$1/approvals; mkdir -p "$all"
find "$all" -mindepth 1 -maxdepth 1 -type d -mtime +1 -exec rm -rf {} +
part=$(mktemp -d "$all/.$2.XXXXXX"); chmod g+rwx "$part"
head -c "$3" >"$part/request.json"; head -c "$4" >"$part/plan.json"
rm -rf "$all/$2"; mv -T "$part" "$all/$2"
"""
)

_LOOK = r"""
text() { if [ -f "$1" ]; then head -c "$2" "$1" | base64 | tr -d '\n'; fi; }
for one in $(ls -t "$1/approvals" 2>/dev/null | head -n "$2"); do
    dir=$1/approvals/$one
    [ -f "$dir/request.json" ] || continue
    printf '%s %s %s' "$one" "$(text "$dir/request.json" "$3")" "$(text "$dir/used" 100)/"
    ls "$dir" | grep '\.sig$' | head -n "$2" | while read -r file; do printf ' %s' "$(text "$dir/$file" "$3")"; done
    echo
done
"""

_GIVE = r"""
set -eu; umask 007; dir=$1/approvals/$2
[ "$(cat "$dir/request.json")" = "$3" ]
head -c "$4" >"$dir/.$5.part"; mv "$dir/.$5.part" "$dir/$5.sig"
"""


def ask(state: str, incident: str, request: str, plan: str) -> tuple[Command, Secret]:
    """A command that puts a request there, with the plan that is to be approved, in place of an earlier one of this incident; and its
    input. Requests of earlier days are removed."""
    sent = request.encode(), plan.encode()
    return Command.of("sh", "-c", _ASK, "sh", state, incident, *(str(len(one)) for one in sent)), Secret(b"".join(sent))


def look(state: str) -> Command:
    """A command that prints the newest requests with their approvals. It changes nothing."""
    return Command.of("sh", "-c", _LOOK, "sh", state, str(MOST), str(LONGEST))


def read(out: str) -> list[Filed]:
    """Read what `look` printed. Raises ValueError for any other text."""
    found = []
    for line in out.splitlines():
        incident, text, used, *signatures = line.split(" ")
        told = [base64.b64decode(one, validate=True) for one in (text, used.removesuffix("/"), *signatures)]
        found.append(Filed(incident, told[0].decode(errors="replace"), told[1].decode(errors="replace").strip(), tuple(told[2:])))
    return found


def plan(state: str, incident: str) -> Command:
    """A command that prints the plan that is beside a request."""
    return Command.of("head", "-c", str(LONGEST_PLAN), f"{state}/approvals/{incident}/plan.json")


def give(state: str, incident: str, request: str, signature: bytes, name: str) -> tuple[Command, Secret]:
    """A command that puts an approval beside the request with that text, as NAME.sig; and its input. It fails if the request is another by
    now."""
    words = (state, incident, request.removesuffix("\n"), str(len(signature)), name)
    return Command.of("sh", "-c", _GIVE, "sh", *words), Secret(signature)
