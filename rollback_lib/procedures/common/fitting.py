"""Whether images can read the files of the services that they are to start: an older Postgres does not, if a newer one wrote them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rollback_lib.commands import stores
from rollback_lib.commands.command import Command
from rollback_lib.errors import TargetRefused
from rollback_lib.facts.docker import Container
from rollback_lib.facts.host import Host
from rollback_lib.facts.stores import Held, environment, held

# Compares what an image says of itself with the files. `exact` is "yes" if only the same series reads them.
_CHECK = r"""
image=$1 service=$2 store=$3 wrote=$4 exact=$5; shift 5
said=$(docker image inspect --format '{{range .Config.Env}}{{println .}}{{end}}' "$image")
for name; do
    found=$(printf '%s\n' "$said" | sed -n "s/^$name=\([0-9]*:\)\{0,1\}[^0-9]*\([0-9][0-9.]*\).*/\2/p" | head -n 1)
    [ -z "$found" ] || break
done
[ -n "$found" ] || exit 0
short() { printf '%s' "$1" | cut -d . -f "1-$(printf '%s' "$2" | tr -cd . | wc -c | awk '{print $1 + 1}')"; }
mine=$(short "$found" "$wrote") theirs=$(short "$wrote" "$found")
[ "$mine" != "$theirs" ] || exit 0
[ "$exact" = yes ] || [ "$(printf '%s\n%s\n' "$mine" "$theirs" | sort -V | head -n 1)" != "$mine" ] || exact=yes
[ "$exact" != yes ] || { echo "$service would start $store $found on the files of $store $wrote, which it cannot read" >&2; exit 1; }
"""


@dataclass(frozen=True)
class Start:
    """An image that is to be started: its id or name on the host ("" if it is not there), and the name by which it is called."""

    image: str
    name: str


@dataclass(frozen=True)
class Misfit:
    """A service whose files an image cannot read."""

    service: str
    held: Held
    carried: stores.Version

    @property
    def words(self) -> str:
        """What would happen, as the beginning of a sentence."""
        store, wrote = self.held.store.name, stores.words(self.held.series)
        return f"{self.service} would start {store} {stores.words(self.carried)} on the files of {store} {wrote}, which it cannot read"


def files(host: Host, containers: Iterable[Container | None]) -> dict[str, Held]:
    """The files of stores that these containers have mounted, by service."""
    asked = {one.service or one.name: host.ask(fact) for one in containers if one and (fact := held(one))}
    return {service: found for service, answer in asked.items() if (found := answer.result())}


def misfits(host: Host, found: Mapping[str, Held], starts: Mapping[str, Start]) -> list[Misfit]:
    """The services that could not read their files if these images were started."""
    asked = {name: host.ask(environment(one.image)) for name, one in starts.items() if name in found and one.image}
    carried = {
        name: found[name].store.carried(asked[name].result() if name in asked else {}, one.name)
        for name, one in starts.items() if name in found
    }  # fmt: skip
    return [Misfit(name, found[name], one) for name, one in carried.items() if not found[name].store.reads(one, found[name].version)]


def refuse(host: Host, found: Mapping[str, Held], starts: Mapping[str, Start]) -> None:
    """Raises TargetRefused if an image that is to be started cannot read the files of its service."""
    for one in misfits(host, found, starts):
        raise TargetRefused(f"{one.words}; choose another target, or bring data of that version back first, from a backup")


def checks(found: Mapping[str, Held], images: Mapping[str, str]) -> tuple[Command, ...]:
    """Commands that fail if an image cannot read the files of its service. They are for images that come to the host in the same run, by
    the names that they have there then."""
    return tuple(_check(name, found[name], image) for name, image in images.items() if name in found)


def _check(service: str, found: Held, image: str) -> Command:
    store, exact = found.store, "yes" if found.store.exact else "no"
    return Command.of("sh", "-euc", _CHECK, "sh", image, service, store.name, stores.words(found.series), exact, *store.variables)
