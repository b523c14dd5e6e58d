"""The data files of services: where they are on the host, who has them mounted or open, what is in them, and what is in their backups."""

from rollback_lib.facts.datafiles.content import READING, Content
from rollback_lib.facts.datafiles.listing import REDIS, SQLITE, listing
from rollback_lib.facts.datafiles.mounts import Mount, covering, mounts
from rollback_lib.facts.datafiles.place import OPENERS, Opener, Part, Place, Put, place, put
from rollback_lib.facts.datafiles.redis import Server, backup_of_redis, server
from rollback_lib.facts.datafiles.sqlite import LARGEST, backup_of_sqlite, live_sqlite

__all__ = [
    "LARGEST", "OPENERS", "READING", "REDIS", "SQLITE", "Content", "Mount", "Opener", "Part", "Place", "Put",
    "Server", "backup_of_redis", "backup_of_sqlite", "covering", "listing", "live_sqlite", "mounts", "place", "put", "server",
]  # fmt: skip
