"""What is in a Redis, and in a snapshot of one."""

import re
from dataclasses import dataclass

from rollback_lib.commands.command import Command
from rollback_lib.facts.backups import Backup, raw
from rollback_lib.facts.datafiles.content import KEYS, READING, STAGE, Content, spoken, words
from rollback_lib.facts.fact import Fact

# The password, where there is one, is in the container's environment, and stays there.
INFO = "REDISCLI_AUTH=${REDISCLI_AUTH:-${REDIS_PASSWORD:-}} exec redis-cli INFO"
_CHECK = r"""
image=$1; shift
stage "$@"
[ "$(head -c 5 "$folder/file")" = REDIS ] || { printf 'wrong\tit is not a snapshot (RDB) of a Redis\n'; exit 0; }
for program in redis-check-rdb valkey-check-rdb; do
    if docker run --rm --pull never --network none --read-only --user 0:0 --volume "$folder/file:/rollback/dump.rdb:ro" \
        --entrypoint "$program" "$image" /rollback/dump.rdb >"$folder/said" 2>&1; then ended=0; else ended=$?; fi
    [ "$ended" -eq 127 ] || break
done
printf 'by\t%s\nended\t%s\n' "$program" "$ended"
sed 's/^/said\t/' "$folder/said"
"""


@dataclass(frozen=True)
class Server:
    """A Redis that answers: its version, the keys by database, whether it loads its files at present, whether it keeps a log of changes
    (AOF), and whether it is a replica of another one. `loaded` is how many keys its files had when it last loaded them, expired ones among
    them; None before version 7."""

    version: str
    keys: dict[str, int]
    loading: bool
    append_only: bool
    replica: bool
    loaded: int | None

    @property
    def words(self) -> str:
        """The keys in words."""
        every = sum(self.keys.values())
        return f"{every:,}" + (f" ({', '.join(f'{name}: {number:,}' for name, number in self.keys.items())})" if self.keys else "")


def server(container: str) -> Fact[Server | None]:
    """The Redis in a container; None if it does not answer, or does not let us in."""
    look = Command.of("docker", "exec", container, "sh", "-c", INFO)

    def read(out: str) -> Server | None:
        found = dict(line.strip().split(":", 1) for line in out.splitlines() if ":" in line)
        if "redis_version" not in found:
            return None
        keys = {name: int(re.sub(r"keys=(\d+).*", r"\1", text)) for name, text in found.items() if re.fullmatch(r"db\d+", name)}
        loaded = found.get("rdb_last_load_keys_loaded")
        expired = int(found.get("rdb_last_load_keys_expired", 0))
        return Server(
            found["redis_version"], keys, found.get("loading") == "1", found.get("aof_enabled") == "1",
            found.get("role") in ("slave", "replica"), None if loaded is None else int(loaded) + expired,
        )  # fmt: skip

    return Fact((look,), read, otherwise=lambda _: None)


def backup_of_redis(backup: Backup, image: str) -> Fact[Content]:
    """The content of a snapshot, checked by the redis-check-rdb of this image."""
    look = Command.of("sh", "-euc", STAGE + _CHECK, "sh", image, *raw(backup).argv)
    return Fact((look,), _content, missing=f"{backup.path} could not be read", deadline=READING, spoken=spoken)


def _content(out: str) -> Content:
    known = words(out)
    if "wrong" in known:
        return Content(known["wrong"])
    lines = [line.partition("\t")[2] for line in out.splitlines() if line.startswith("said\t")]
    proven, hashed, size = f"{known['by']} of the service's own image", known["hash"], int(known["bytes"])
    keys = next((int(found[1]) for line in lines if (found := re.search(r"\[info\] (\d+) keys read", line))), None)
    if known["ended"] == "127":
        return Content("the service's image has no redis-check-rdb, so nothing can be said of it")
    if known["ended"] != "0" or keys is None or not any("looks OK" in line for line in lines):
        why = next((line for line in lines if re.search(r"(?i)--- |error|cannot|can't|handle", line)), lines[-1] if lines else "nothing")
        return Content(f"redis-check-rdb says of it: {why.strip(' -')}", None, proven, hashed, size)
    return Content("", {KEYS: keys}, proven, hashed, size)
