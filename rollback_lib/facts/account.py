"""Who the login user is, whether the host has what a rollback needs, and in which folder the stack's lock, ledgers and copies are."""

from dataclasses import dataclass

from rollback_lib.commands.command import Command
from rollback_lib.errors import Refused
from rollback_lib.facts.fact import Fact
from rollback_lib.facts.git import MINIMUM
from rollback_lib.stack.model import Stack

SHARED = "/var/lib/rollback"
_OWN = ".local/state/rollback"  # below a user's home (XDG Base Directory Specification)


@dataclass(frozen=True)
class Account:
    """The user as which commands run on the host.

    `state` is the stack's folder, the same for all users. `closed` says why this user cannot use it, "" if the user can. `lacking`
    names what a rollback needs and the host does not have.
    """

    user: str
    state: str
    closed: str
    lacking: tuple[str, ...] = ()


# What docs/your-own-stack.md says that a host needs. Of GNU coreutils, what others have not. git only where the stack has a tree.
_LACKING = rf"""
lacking() {{
    for program in $1 docker flock setsid tar awk curl base64 xargs find; do
        command -v "$program" >/dev/null || printf '%s\t' "$program"
    done
    case $(stat -c %.9Y / 2>/dev/null) in *.*) ;; *) printf 'stat of GNU coreutils\t' ;; esac
    sort -z /dev/null 2>/dev/null || printf 'sort of GNU coreutils\t'
    timeout 5 tail -s 0.01 -f --pid=1073741824 /dev/null 2>/dev/null || printf 'tail and timeout of GNU coreutils\t'
    [ -n "$1" ] || return 0
    set -- $(git version 2>/dev/null | sed -n 's/^git version \([0-9]*\)\.\([0-9]*\).*/\1 \2/p') 0 0
    [ "$1" -gt {MINIMUM[0]} ] || {{ [ "$1" -eq {MINIMUM[0]} ] && [ "$2" -ge {MINIMUM[1]} ]; }} ||
        printf 'git {MINIMUM[0]}.{MINIMUM[1]}, or a newer one\t'
}}
"""

# The folder depends on the owner of the tree, or of the compose directory where there is none, and not on who asks, so that all who
# deploy the stack meet in it. One that root has made under /var/lib is used by everybody.
_LOOK = r"""
given=$1 shared=$2/$3 all=$2 tree=$4 own=$5 git=$6
tree_owner=$(stat -c %U "$tree" 2>/dev/null) || tree_owner=root
home=$(getent passwd "$tree_owner" 2>/dev/null | cut -d : -f 6)
closed=
if [ -n "$given" ]; then state=$given
elif [ "$tree_owner" = root ] || [ -e "$shared" ] || [ "${home:-/}" = / ] || [ ! -d "$home" ]; then state=$shared
elif [ -d "$all" ] && [ ! -x "$all" ]; then state=$shared closed=$all
else state=$home/$own/$3; fi
if [ -z "$closed" ]; then
    # The folder itself must be open to us, or else the nearest one above it, in which it would be made.
    above=$state
    until [ -d "$above" ]; do above=${above%/*}; above=${above:-/}; done
    { [ -r "$above" ] && [ -w "$above" ] && [ -x "$above" ]; } || closed=$above
    for part in lock jobs; do
        [ ! -e "$state/$part" ] || { [ -r "$state/$part" ] && [ -w "$state/$part" ] && [ -x "$state/$part" ]; } || closed=$state/$part
    done
fi
exists=no; [ ! -d "$state" ] || exists=yes
group=$(stat -Lc %G /var/run/docker.sock 2>/dev/null) || group=docker
printf '%s\n' "$(id -un)" "$state" "$exists" "$closed" "$tree_owner" "$group" "$(lacking "$git")"
"""


def account(stack: Stack) -> Fact[Account]:
    """The login user, and the stack's folder."""

    def read(out: str) -> Account:
        user, state, exists, closed, owner, group, lacking = out.split("\n")[:7]
        why = ""
        if closed:
            way = (
                f"let root run `chgrp -R {group} {state} && chmod -R g+rwX,g+s {state} && chmod a+x {SHARED}` there"
                if closed.startswith((state, SHARED)) and (exists == "yes" or closed == SHARED)
                else f"let root run `install -d -m 711 {SHARED} && install -d -m 2770 -g {group} {SHARED}/{stack.name}` there"
            )
            why = f"{user} may not write to {closed}, and lock and ledger of this stack are in {state}; {way}, or log in as {owner}"
        return Account(user, state, why, tuple(filter(None, lacking.split("\t"))))

    words = (stack.state_directory, SHARED, stack.name, stack.tree or stack.compose_directory, _OWN, "git" if stack.tree else "")
    return Fact((Command.of("sh", "-euc", _LACKING + _LOOK, "sh", *words),), read, missing="the host does not say who we are there")


def usable(found: Account) -> Account:
    """Return `found`. Raises Refused if the user cannot use the stack's folder, or the host lacks something that a rollback needs."""
    if found.lacking:
        raise Refused(f"the host lacks {', '.join(found.lacking)}; install it there (docs/your-own-stack.md, “What the host needs”)")
    if found.closed:
        raise Refused(found.closed)
    return found
