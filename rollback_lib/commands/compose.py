"""How docker compose is called for a service: with the directory, files and project with which the service was started."""

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, replace

from rollback_lib.commands.command import Command


@dataclass(frozen=True)
class Compose:
    """A way to call docker compose.

    `directory` is the project directory: relative paths in the files start there, and compose looks there for `.env`. `files` are the
    compose files in order; later ones override earlier ones. `project` is the project name, None for compose's default. `env_files`
    replace that `.env`. All paths are absolute.
    """

    directory: str
    files: tuple[str, ...]
    project: str | None = None
    env_files: tuple[str, ...] = ()

    def command(self, *words: str) -> Command:
        """The command `docker compose` with these words."""
        # Without --project-directory, the folder of the first file is the project directory.
        beside = not self.files or posixpath.dirname(self.files[0]) == self.directory
        directory = () if beside else ("--project-directory", self.directory)
        project = ("-p", self.project) if self.project else ()
        files = (word for file in self.files for word in ("-f", file))
        env_files = (word for file in self.env_files for word in ("--env-file", file))
        return Command.of("env", "-C", self.directory, "docker", "compose", *directory, *project, *files, *env_files, *words)

    def up(self, replicas: Mapping[str, int]) -> Command:
        """A command that recreates the containers of these services, and of no others, from images that are on the host.

        `replicas` is the number of containers for each service; 0 leaves it to the compose files.
        """
        scaled = [word for name, number in replicas.items() if number for word in ("--scale", f"{name}={number}")]
        return self.command("up", "--detach", "--no-deps", *scaled, "--no-build", "--pull=never", "--force-recreate", *replicas)

    def moved(self, tree: str, copy: str) -> "Compose":
        """The same call for a copy of `tree` in the folder `copy`. Paths outside the tree stay as they are."""

        def path(name: str) -> str:
            return copy + name.removeprefix(tree) if (name + "/").startswith(tree + "/") else name

        return replace(self, directory=path(self.directory), files=tuple(map(path, self.files)), env_files=tuple(map(path, self.env_files)))

    @property
    def variables(self) -> str:
        """The path of the file whose variables compose fills into the compose files."""
        return self.env_files[-1] if self.env_files else f"{self.directory}/.env"
