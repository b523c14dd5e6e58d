"""Data stores whose files only some of their versions can read: how an image tells its version, and which versions read which files."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rollback_lib.commands.image import Reference

Version = tuple[int, ...]
_NUMBER = re.compile(r"\d+(?:\.\d+)*")
# The oldest release of Redis that can read a snapshot, by the number in its first line. (RDB_VERSION in src/rdb.h)
_SNAPSHOTS = {8: (4, 0), 9: (5, 0), 10: (7, 0), 11: (7, 2), 12: (7, 4)}


def version(text: str) -> Version:
    """The first version number in a text, `17.2` as (17, 2); empty if there is none.

    >>> version('1:11.4.2+maria~ubu2404')
    (11, 4, 2)
    """
    found = _NUMBER.search(re.sub(r"^\d+:", "", text))  # an epoch of Debian's
    return tuple(map(int, found[0].split("."))) if found else ()


@dataclass(frozen=True)
class Store:
    """A kind of store.

    `variables` are those of its images' environment that hold the version, `names` matches the whole last part of its images' names.
    `folders` are variables with the folder of its files. `files` are the files in that folder, or below it, that say which version wrote
    them, and `read` is what they say. `series` shortens a version to what matters: `exact` if only the same series can read the files,
    else a later one can as well.
    """

    name: str
    variables: tuple[str, ...]
    names: re.Pattern[str]
    folders: tuple[str, ...]
    files: tuple[str, ...]
    read: Callable[[str], Version]
    series: Callable[[Version], Version]
    exact: bool = False

    def reads(self, carried: Version, held: Version) -> bool:
        """Whether the version that an image carries can read the files of the version `held`. True if either is not known."""
        mine, theirs = self.series(carried), self.series(held)
        if not mine or not theirs:
            return True
        return mine == theirs if self.exact else mine >= theirs[: len(mine)]

    def carried(self, environment: Mapping[str, str], image: str) -> Version:
        """The version in an image: what its environment says, else what the tag of its name says; empty if neither does."""
        said = next((found for name in self.variables if (found := version(environment.get(name, "")))), ())
        return said or (_of_tag(Reference.parse(image).tag or "") if self.named(image) else ())

    def named(self, image: str) -> bool:
        """Whether an image with this name is one of such a store."""
        return self.names.fullmatch(Reference.parse(image).name.rpartition("/")[2]) is not None


def store_of(environment: Mapping[str, str], image: str) -> Store | None:
    """The kind of store that an image with this environment and name is; None if it is none that is known."""
    by_name = next((one for one in STORES if one.named(image)), None)
    return by_name or next((one for one in STORES if any(name in environment for name in one.variables)), None)


def words(found: Version) -> str:
    """A version as people write it."""
    return ".".join(map(str, found))


def _of_tag(tag: str) -> Version:
    inside = re.search(r"(?:^|-)pg(\d+)", tag)  # an extension's own version comes first in such a tag: 2.14.2-pg16
    return version(inside[1] if inside else tag if tag[:1].isdigit() else "")


def _postgres(found: Version) -> Version:
    return found[:1] if found[:1] >= (10,) else found[:2]


def _mysql(found: Version) -> Version:
    return found[:3] if found[:2] == (8, 0) else found[:2]  # within 8.0 no release reads what a later one wrote


def _snapshot(text: str) -> Version:
    found = re.match(r"(?:REDIS|VALKEY)(\d+)", text)
    return _SNAPSHOTS.get(int(found[1]), ()) if found else ()


STORES = (
    Store("Postgres", ("PG_MAJOR", "PG_VERSION"), re.compile(r"postgres(ql)?|postgis|pgvector|timescaledb(-ha)?"), ("PGDATA",),
          ("PG_VERSION", "data/PG_VERSION", "pgdata/PG_VERSION"), version, _postgres, exact=True),
    Store("MariaDB", ("MARIADB_VERSION", "MARIADB_MAJOR"), re.compile(r"mariadb"), (),
          ("mariadb_upgrade_info", "mysql_upgrade_info", "data/mariadb_upgrade_info", "data/mysql_upgrade_info"), version,
          lambda found: found[:2]),
    Store("MySQL", ("MYSQL_VERSION", "MYSQL_MAJOR"), re.compile(r"mysql(-server)?"), (), ("mysql_upgrade_info", "data/mysql_upgrade_info"),
          version, _mysql),
    Store("Redis", ("REDIS_VERSION",), re.compile(r"redis(-stack(-server)?)?"), (), ("dump.rdb",), _snapshot, lambda found: found[:2]),
    Store("MongoDB", ("MONGO_VERSION", "MONGO_MAJOR"), re.compile(r"mongo(db(-community-server)?)?"), (), (), version,
          lambda found: found[:2]),
)  # fmt: skip
