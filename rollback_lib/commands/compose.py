"""How docker compose is called for a service: in the directory, with the files and the project it was started with."""

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, replace

from rollback_lib.commands.command import Command


@dataclass(frozen=True)
class Compose:
    """A way to call docker compose. `directory` is the project's: relative paths in the files start there, and there compose looks
    for `.env`; `files` in their order, the later ones win; `env_files` replace that `.env`."""

    directory: str
    files: tuple[str, ...]
    project: str | None = None
    env_files: tuple[str, ...] = ()

    def command(self, *words: str) -> Command:
        """`docker compose` with these words."""
        # Without the option, compose takes the folder of the first file for the project's.
        beside = not self.files or posixpath.dirname(self.files[0]) == self.directory
        directory = () if beside else ("--project-directory", self.directory)
        project = ("-p", self.project) if self.project else ()
        files = (word for file in self.files for word in ("-f", file))
        env_files = (word for file in self.env_files for word in ("--env-file", file))
        return Command.of("env", "-C", self.directory, "docker", "compose", *directory, *project, *files, *env_files, *words)

    def up(self, replicas: Mapping[str, int]) -> Command:
        """New containers of these services, a given number of each, of images that are there, and of no other service. 0 leaves the
        number to the compose files."""
        scaled = [word for name, number in replicas.items() if number for word in ("--scale", f"{name}={number}")]
        return self.command("up", "--detach", "--no-deps", *scaled, "--no-build", "--pull=never", "--force-recreate", *replicas)

    def moved(self, tree: str, copy: str) -> "Compose":
        """The same in a copy of `tree`; what is outside the tree stays where it is."""

        def path(name: str) -> str:
            return copy + name.removeprefix(tree) if (name + "/").startswith(tree + "/") else name

        return replace(self, directory=path(self.directory), files=tuple(map(path, self.files)), env_files=tuple(map(path, self.env_files)))

    @property
    def variables(self) -> str:
        """The file whose variables compose puts into the compose files."""
        return self.env_files[-1] if self.env_files else f"{self.directory}/.env"
