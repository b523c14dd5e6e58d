"""Whom we are logged in as, and the folder there in which the stack's lock, ledger and copies are."""

from dataclasses import dataclass

from rollback_lib.command import Command
from rollback_lib.errors import Refused
from rollback_lib.facts.fact import Fact
from rollback_lib.stack import Stack

SHARED = "/var/lib/rollback"
_OWN = ".local/state/rollback"  # in a home (XDG Base Directory Specification)


@dataclass(frozen=True)
class Account:
    """A user of the host, as commands run there. `state` is the stack's folder, whoever looks; `closed` tells why this user cannot use
    it, "" when he can; `exists` whether it is there already; `tree_owner` is the user that the tree belongs to."""

    user: str
    root: bool
    state: str
    exists: bool
    closed: str
    tree_owner: str


# The folder depends on the owner of the tree and not on who asks, so that all who deploy the stack meet in it. One that root has
# made under /var/lib is used by everybody.
_LOOK = r"""
given=$1 shared=$2/$3 all=$2 tree=$4 own=$5
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
printf '%s\n' "$(id -un)" "$(id -u)" "$state" "$exists" "$closed" "$tree_owner" "$group"
"""


def account(stack: Stack) -> Fact[Account]:
    """Who we are there, and where the stack's folder is."""

    def read(out: str) -> Account:
        user, number, state, exists, closed, owner, group = out.splitlines()
        why = ""
        if closed:
            way = (
                f"let root run `chgrp -R {group} {state} && chmod -R g+rwX,g+s {state} && chmod a+x {SHARED}` there"
                if closed.startswith((state, SHARED)) and (exists == "yes" or closed == SHARED)
                else f"let root run `install -d -m 711 {SHARED} && install -d -m 2770 -g {group} {SHARED}/{stack.name}` there"
            )
            why = f"{user} may not write to {closed}, and lock and ledger of this stack are in {state}; {way}, or log in as {owner}"
        return Account(user, number == "0", state, exists == "yes", why, owner)

    words = (stack.state_directory, SHARED, stack.name, stack.tree, _OWN)
    return Fact((Command.of("sh", "-euc", _LOOK, "sh", *words),), read, missing="the host does not say who we are there")


def usable(found: Account) -> Account:
    """The same. Raises Refused where the user cannot use the stack's folder."""
    if found.closed:
        raise Refused(found.closed)
    return found
