"""S3 as a store, with versions and object lock.

A rewritten or deleted object of a bucket with object lock leaves its locked version behind. We read the first version of each object.
"""

from datetime import UTC, datetime
from typing import Any

from rollback_lib.archive.errors import Taken, Unusable
from rollback_lib.archive.store import Stored, code, there, told

KINDS = ("s3", "s3a")
OPTIONS = {
    "use_listings_cache": False,
    "skip_instance_cache": True,
    "config_kwargs": {"connect_timeout": 5, "read_timeout": 60, "retries": {"max_attempts": 2}},
}
_MODE = "COMPLIANCE"


class S3:
    """A folder of a bucket."""

    def __init__(self, address: str, files: Any, path: str) -> None:
        self.address = address
        self._files = files
        self._bucket, _, folder = path.partition("/")
        self._folder = f"{folder}/" if folder else ""
        self.locks = self._has_lock()

    def stored(self, since: str = "") -> list[Stored]:
        listed: list[Stored] = []
        deleted: set[str] = set()
        marker = {"KeyMarker": self._folder + since} if since else {}
        while True:
            page = self._call("list_object_versions", Prefix=self._folder, **marker)
            for version in page.get("Versions", []):  # the newest of a key first
                key = version["Key"][len(self._folder) :]
                earlier = listed.pop().versions if listed and listed[-1].key == key else 0
                listed.append(Stored(key, version["VersionId"], earlier + 1))
            deleted |= {one["Key"][len(self._folder) :] for one in page.get("DeleteMarkers", [])}
            if not page.get("IsTruncated"):
                break
            marker = {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page.get("NextVersionIdMarker", "")}
        return [Stored(one.key, one.version, one.versions, one.key in deleted) for one in listed]

    def put(self, key: str, content: bytes, until: datetime | None) -> Stored:
        lock = {"ObjectLockMode": _MODE, "ObjectLockRetainUntilDate": until} if until else {}
        with told(self.address):
            try:
                done = self._files.call_s3("put_object", Bucket=self._bucket, Key=self._folder + key, Body=content, IfNoneMatch="*", **lock)
            except Exception as error:
                if code(error) in ("PreconditionFailed", "ConditionalRequestConflict"):
                    raise Taken(f"{self.address} has {key} already, and objects of an archive are written once") from None
                raise
        return Stored(key, done.get("VersionId", ""))

    def get(self, one: Stored, most: int | None = None) -> bytes:
        with told(self.address), there(one, self.address):
            content: bytes = self._files.cat_file(
                f"{self._bucket}/{self._folder}{one.key}", version_id=_version(one), start=0 if most else None, end=most, max_concurrency=1
            )
        return content

    def locked_until(self, one: Stored) -> datetime | None:
        named = {"VersionId": one.version} if _version(one) else {}
        head = self._call("head_object", Key=self._folder + one.key, **named)
        until: datetime | None = head.get("ObjectLockRetainUntilDate") if head.get("ObjectLockMode") == _MODE else None
        return until.astimezone(UTC) if until else None

    def lock(self, one: Stored, until: datetime) -> None:
        named = {"VersionId": one.version} if _version(one) else {}
        self._call("put_object_retention", Key=self._folder + one.key, Retention={"Mode": _MODE, "RetainUntilDate": until}, **named)

    def _has_lock(self) -> bool:
        with told(self.address):
            try:
                found = self._files.call_s3("get_object_lock_configuration", Bucket=self._bucket)
            except PermissionError:
                raise Unusable(
                    f"{self.address} refused to say whether it has object lock: the credentials are wrong, or lack "
                    "s3:GetBucketObjectLockConfiguration; set those of the environment or profile"
                ) from None
            except Exception as error:
                if code(error) in ("ObjectLockConfigurationNotFoundError", "NotImplemented", "MethodNotAllowed"):
                    return False
                raise
        return bool(found.get("ObjectLockConfiguration", {}).get("ObjectLockEnabled") == "Enabled")

    def _call(self, method: str, **arguments: Any) -> dict[str, Any]:
        with told(self.address):
            answer: dict[str, Any] = self._files.call_s3(method, Bucket=self._bucket, **arguments)
        return answer


def _version(one: Stored) -> str | None:
    """The version to ask for; None where the bucket has no versions."""
    return one.version if one.version not in ("", "null") else None
