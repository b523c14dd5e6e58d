"""The dimensions in which releases are compared, with each other and with what runs now."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from rollback_lib.facts.whole_release import WholeRelease


class Kind(StrEnum):
    """A kind of thing that a release is made of, in the order in which they are shown."""

    COMMIT = "commit"
    IMAGE = "image"
    FILE = "file"
    NETWORKS = "networks"
    SCHEMA = "schema"


@dataclass(frozen=True, order=True)
class Dimension:
    """A thing that a release is made of: the commit, the image of a service, a file, and so on."""

    kind: Kind
    of: str = ""

    @property
    def words(self) -> str:
        """What it is called: `image of agents-api`, `.env`."""
        if self.kind is Kind.FILE:
            return self.of.rpartition("/")[2]
        return f"{self.kind} of {self.of}" if self.of else str(self.kind)


@dataclass(frozen=True)
class Difference:
    """A dimension in which a release differs from now. `then` and `now` are in words; `now` is empty where `then` says the difference.
    `restored`: a rollback to the release brings it back; what it does not is only shown."""

    dimension: Dimension
    then: str
    now: str
    restored: bool = False

    @property
    def words(self) -> str:
        """What a rollback to the release makes of it: `852e9a0 → 4bfeec3`."""
        return f"{self.now} → {self.then}" if self.now else self.then


def composition(release: WholeRelease) -> dict[Dimension, str]:
    """What a release is made of, each with a text that is equal if the thing is. What is not known of it is left out."""
    found = {Dimension(Kind.COMMIT): f"{release.commit}{' and changes' if release.changed else ''}"} if release.commit else {}
    found |= {Dimension(Kind.IMAGE, name): ran.image for name, ran in release.services.items()}
    found |= {Dimension(Kind.FILE, path): file.hash for path, file in (release.files or {}).items()}
    if release.files is not None:
        found |= {Dimension(Kind.NETWORKS, name): " ".join(sorted(ran.networks)) for name, ran in release.services.items()}
    found |= {Dimension(Kind.SCHEMA, name): data.schema for name, data in (release.databases or {}).items() if data.schema}
    return found


def different(release: WholeRelease, now: WholeRelease) -> list[Dimension]:
    """The dimensions in which the two differ. Of a dimension that is known of one of them only, nothing can be said."""
    then, here = composition(release), composition(now)
    return sorted((one for one in then.keys() & here.keys() if then[one] != here[one]), key=_order)


def lanes(releases: Iterable[WholeRelease]) -> Mapping[Dimension, tuple[int | None, ...]]:
    """For each dimension in which any of the releases differ, which version of it each of them has: 0 for the first one, 1 for the next
    different one, and so on; None if that is not known."""
    made = [composition(one) for one in releases]
    found = {}
    for dimension in sorted({key for one in made for key in one}, key=_order):
        versions = [one.get(dimension) for one in made]
        known = list(dict.fromkeys(version for version in versions if version is not None))
        if len(known) > 1:
            found[dimension] = tuple(None if version is None else known.index(version) for version in versions)
    return found


def _order(one: Dimension) -> tuple[int, str]:
    return list(Kind).index(one.kind), one.of
