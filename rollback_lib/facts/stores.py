"""Which version of a store wrote the files that a container has mounted, and which version an image carries."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from rollback_lib.commands import stores
from rollback_lib.commands.command import Command
from rollback_lib.commands.stores import Store, Version
from rollback_lib.facts.docker import Container
from rollback_lib.facts.fact import Fact

# A container need not run for its files to be read. The first of the files that is there is printed, its beginning only.
_FIRST = r"""
container=$1; shift
for path; do
    said=$(docker cp -L "$container:$path" - 2>/dev/null | tar -xO 2>/dev/null | head -c 64 | tr -d '\000')
    [ -z "$said" ] || { printf '%s' "$said"; exit 0; }
done
"""


@dataclass(frozen=True)
class Held:
    """The files of a store that a container has mounted: the kind of store, and the version that wrote them, or the oldest that reads
    them."""

    store: Store
    version: Version

    @property
    def series(self) -> Version:
        """The part of the version that matters."""
        return self.store.series(self.version)


def held(container: Container) -> Fact[Held | None] | None:
    """The files that a container has mounted; the answer is None if nothing says which version wrote them. There is nothing to ask, None,
    if the container is of no store that is known, or has nothing mounted.

    What files do not say is taken from the container, if it runs: its server can read them."""
    environment = {name: value.reveal().decode(errors="replace") for name, value in container.environment.items()}
    store = stores.store_of(environment, container.image_name)
    places = [mount.destination for mount in (*container.volumes, *container.mounts)]
    if store is None or not places:
        return None
    own = [path for name in store.folders if (path := environment.get(name)) and any(_within(path, place) for place in places)]
    paths = [f"{folder.rstrip('/')}/{file}" for folder in (*own, *places) for file in store.files]
    # An image may have such a variable for the client that is in it. Its files, or its name, tell a server.
    serves = container.state == "running" and not store.exact and store.named(container.image_name)
    runs = store.carried(environment, container.image_name) if serves else ()

    def read(out: str) -> Held | None:
        wrote = store.read(out) or runs
        return Held(store, wrote) if wrote else None

    look = Command.of("sh", "-c", _FIRST, "sh", container.name, *dict.fromkeys(paths))
    return Fact((look,) if paths else (), read)


def environment(image: str) -> Fact[Mapping[str, str]]:
    """The variables with versions of stores that an image on the host sets; none if there is no such image there."""
    look = Command.of("docker", "image", "inspect", "--format", "{{json .Config.Env}}", image)

    def read(out: str) -> dict[str, str]:
        known = {name for store in stores.STORES for name in store.variables}
        return {name: value for name, _, value in (line.partition("=") for line in json.loads(out) or ()) if name in known}

    return Fact((look,), read, otherwise=lambda _: {})


def _within(path: str, place: str) -> bool:
    return f"{path.rstrip('/')}/".startswith(f"{place.rstrip('/')}/")
