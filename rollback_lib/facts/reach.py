"""How Docker on the host can be used by the user we are logged in as: by himself, by sudo, or not at all."""

from dataclasses import dataclass

from rollback_lib.commands.command import Command
from rollback_lib.facts.fact import Fact

ITSELF, SUDO, ABSENT, DENIED, SILENT = "itself", "sudo", "absent", "denied", "silent"


@dataclass(frozen=True)
class Reach:
    """`user` is who we are there. `how`: `itself` where he may use Docker, `sudo` where only root may and `sudo -n` makes one root,
    `absent` where there is no Docker, `denied` where he may not use it, `silent` where it does not answer."""

    user: str
    how: str


_LOOK = r"""
id -un
command -v docker >/dev/null || { echo absent; exit; }
if said=$(docker version --format '{{.Server.Version}}' 2>&1); then echo itself
elif [ "$(id -u)" -ne 0 ] && sudo -n docker version >/dev/null 2>&1; then echo sudo
else case $said in *"permission denied"*) echo denied ;; *) echo silent ;; esac; fi
"""


def reach() -> Fact[Reach]:
    """Who we are there, and how Docker is used."""

    def read(out: str) -> Reach:
        user, how = out.splitlines()
        return Reach(user, how)

    return Fact((Command.of("sh", "-c", _LOOK),), read, missing="the host does not say who we are there")
