"""Backups in a bucket of S3, or of anything that speaks as S3 does. curl on the host asks, and signs with the keys that are there."""

import re
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Annotated
from urllib.parse import quote
from xml.etree import ElementTree

from pydantic import AfterValidator, Field

from rollback_lib.commands.command import Command
from rollback_lib.stack.sources.source import LISTING, Copy, Source, nameable

# ask QUERY-OR-PATH …: the keys go to curl over its standard input, so that no list of processes shows them.
_ASK = r"""
: "${AWS_ACCESS_KEY_ID:?is not in the file of secrets}" "${AWS_SECRET_ACCESS_KEY:?is not in the file of secrets}"
region=${AWS_REGION:-${AWS_DEFAULT_REGION:-us-east-1}}
base=${AWS_ENDPOINT_URL:-https://s3.$region.amazonaws.com}
ask() {
    { printf 'user = "%s:%s"\n' "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY"
      [ -z "${AWS_SESSION_TOKEN:-}" ] || printf 'header = "x-amz-security-token: %s"\n' "$AWS_SESSION_TOKEN"; } |
        curl -sS --connect-timeout 10 -K - --aws-sigv4 "aws:amz:$region:s3" "$@"
}
"""
# A thousand objects come with each answer, and the mark from which the next one goes on.
_LIST = r"""
bucket=$1 prefix=$2 token=
refused() { printf '%s\n' "$1" | sed -n 's|.*<Message>\(.*\)</Message>.*|\1|p' >&2; exit 1; }
while :; do
    query="${token:+continuation-token=$token&}list-type=2&prefix=$prefix"
    answer=$(ask --fail-with-body "$base/$bucket?$query") || refused "$answer"
    printf '%s\n' "$answer" | tr -d '\r\n'; echo
    token=$(printf '%s' "$answer" | sed -n 's|.*<NextContinuationToken>\([^<]*\)</NextContinuationToken>.*|\1|p' |
        sed 's/%/%25/g; s/+/%2B/g; s|/|%2F|g; s/=/%3D/g; s/ /%20/g')
    [ -n "$token" ] || break
done
"""
# The object has to be the one that was listed: S3 refuses another one with the status 412.
_GET = r"""
bucket=$1 key=$2 tag=$3
ask --fail --speed-limit 1 --speed-time 60 -H "If-Match: \"$tag\"" "$base/$bucket/$key"
"""


def _url(value: str) -> str:
    if not re.fullmatch(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/[A-Za-z0-9._@+=*?/-]+", value):
        raise ValueError("an address such as s3://bucket/folder/voice-* is expected, whose last part may have * and ?")
    if re.search(r"[*?][^/]*/", value):
        raise ValueError("an address is expected with * and ? in its last part only")
    return value


Url = Annotated[str, AfterValidator(_url)]


class S3(Source):
    """Objects in a bucket, each a backup of the database. curl (7.75 or newer) on the host asks for them. The file of `secrets` has
    `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, and may have `AWS_REGION`, `AWS_SESSION_TOKEN` and `AWS_ENDPOINT_URL`."""

    url: Url = Field(description="The address of the objects, `s3://bucket/folder/voice-*`.")

    @property
    def words(self) -> str:
        return self.url

    @property
    def _bucket(self) -> str:
        return self.url.removeprefix("s3://").partition("/")[0]

    @property
    def _pattern(self) -> str:
        return self.url.removeprefix("s3://").partition("/")[2]

    def listing(self) -> Command:
        prefix = re.split(r"[*?]", self._pattern)[0]
        return self.call(_ASK + _LIST, self._bucket, quote(prefix, safe=""), within=LISTING)

    def read(self, out: str) -> list[Copy]:
        found = []
        for line in filter(None, out.splitlines()):
            for one in ElementTree.fromstring(line).iterfind("{*}Contents"):
                key, tag = one.findtext("{*}Key") or "", (one.findtext("{*}ETag") or "").strip('"')
                when = datetime.fromisoformat((one.findtext("{*}LastModified") or "").replace("Z", "+00:00")).astimezone(UTC)
                if fnmatchcase(key, self._pattern) and key.count("/") == self._pattern.count("/"):
                    found.append(Copy(f"s3://{self._bucket}/{key}", f"{tag}/{key}", when, int(one.findtext("{*}Size") or 0)))
        return nameable(found)

    def stream(self, id: str) -> Command:
        tag, _, key = id.partition("/")
        return self.call(_ASK + _GET, self._bucket, quote(key, safe="/"), tag)
