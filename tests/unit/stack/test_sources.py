"""The places that backups come from: what a stack file may say of them, and how their lists are read."""

import json
from datetime import UTC, datetime

import pytest

from rollback_lib.commands.command import Command
from rollback_lib.errors import ParameterError
from rollback_lib.facts import backups
from rollback_lib.stack.model import Stack
from rollback_lib.stack.sources import Copy, Place
from tests.builders.stack import content
from tests.builders.told import FAILS, Told

RESTIC = {"repository": "rest:https://backup.example/voice", "secrets": "/etc/restic.env", "path": "/srv/voice.sql", "tag": "voice"}
BORG = {"repository": "ssh://backup@backup.example/./voice", "path": "/srv/voice.sql", "prefix": "voice-"}
COMMAND = {"name": "sidecar", "list": ["docker", "exec", "backup-1", "stats"], "fetch": ["docker", "exec", "backup-1", "cat", "{}"]}


def source(**key: object) -> object:
    return Place.model_validate(key).source


def stack(*sources: object, **changes: object) -> Stack:
    known = content()
    voice = {**known["databases"][0], "sources": list(sources), **changes}
    return Stack.load({**known, "databases": [{key: value for key, value in voice.items() if value is not None}]})


@pytest.mark.parametrize(
    ("sources", "said"),
    [
        ([{}], "one of restic, borg, s3, command is expected"),
        ([{"restic": RESTIC, "borg": BORG}], "one of restic, borg, s3, command is expected"),
        ([{"restic": {**RESTIC, "repository": "rest:https://me:secret@backup.example/"}}], "without a password in it"),
        ([{"restic": {**RESTIC, "secrets": "etc/restic"}}], "secrets: an absolute path"),
        ([{"s3": {"url": "s3://bucket/*/voice"}}], "in its last part only"), ([{"s3": {"url": "https://x/y"}}], "s3://bucket/folder"),
        ([{"command": {**COMMAND, "fetch": []}}], "fetch"), ([], "backups: a path is expected, or a place in sources"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_place_is_refused_before_anything_is_contacted(sources: list, said: str) -> None:
    with pytest.raises(ParameterError, match=said) as refused:
        stack(*sources, backups=None)
    assert "secret@" not in str(refused.value)


def test_a_database_says_where_its_backups_are() -> None:
    one = stack({"restic": RESTIC}, {"command": COMMAND}).databases[0]
    assert one.where == "/backup/voice-*, restic rest:https://backup.example/voice, command sidecar"


def test_lists_are_read_as_the_tools_write_them() -> None:
    restic = [{"time": "2026-11-29T03:00:01.123456789+01:00", "id": "1a2b3c4d" * 8, "short_id": "1a2b3c4d", "paths": ["/srv"]}]
    when = datetime(2026, 11, 29, 2, 0, 1, 123456, tzinfo=UTC)
    assert source(restic=RESTIC).read(json.dumps(restic)) == [Copy("restic:1a2b3c4d", "1a2b3c4d" * 8, when, None)]
    assert source(restic=RESTIC).read("null") == []
    archives = {"archives": [{"name": "voice-1", "start": "2026-11-29T02:00:01.000000"}, {"name": "a b", "start": "2026-11-29T02:00:01"}]}
    assert source(borg=BORG).read(json.dumps(archives)) == [Copy("borg:voice-1", "voice-1", when.replace(microsecond=0), None)]
    day = datetime(2026, 11, 29, tzinfo=UTC)
    lines = f"{day.timestamp():.0f} 1234 voice-1.sql\n{day.timestamp()} - latest\n"
    assert source(command=COMMAND).read(lines) == [Copy("sidecar:voice-1.sql", "voice-1.sql", day, 1234),
                                                   Copy("sidecar:latest", "latest", day, None)]  # fmt: skip


def test_a_bucket_is_listed_by_its_pattern_and_over_several_answers() -> None:
    def page(*keys: str) -> str:
        objects = "".join(f"<Contents><Key>{key}</Key><LastModified>2026-11-29T00:00:00.000Z</LastModified><ETag>&quot;abc-2&quot;</ETag>"
                          "<Size>5</Size></Contents>" for key in keys)  # fmt: skip
        return f'<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{objects}</ListBucketResult>'

    bucket = source(s3={"url": "s3://backups/db/voice-*"})
    out = page("db/voice-1.sql", "db/voice-old/x.sql") + "\n" + page("db/voice-2.sql") + "\n"
    assert bucket.read(out) == [
        Copy(f"s3://backups/db/voice-{n}.sql", f"abc-2/db/voice-{n}.sql", datetime(2026, 11, 29, tzinfo=UTC), 5) for n in (1, 2)
    ]
    assert bucket.stream("abc-2/db/voice-1.sql").argv[-3:] == ("backups", "db/voice-1.sql", "abc-2")


@pytest.mark.parametrize("key", [{"restic": RESTIC}, {"borg": BORG}, {"s3": {"url": "s3://backups/v-*", "secrets": "/etc/s3"}}])
def test_secrets_are_loaded_on_the_host_and_are_in_no_command(key: dict) -> None:
    one = source(**key)
    for command in (one.listing(), one.stream("x/y")):
        assert isinstance(command, Command)
        assert ('set -a; . "$0"' in command.shell()) == bool(one.secrets)


def test_words_of_a_command_are_passed_as_they_stand() -> None:
    odd = source(command={**COMMAND, "fetch": ["cat", "{}", "; rm x"]})
    assert odd.stream("a'b").argv[-3:] == ("cat", "a'b", "; rm x")


def test_a_place_that_gives_no_list_is_away_and_shows_no_password() -> None:
    def fails(fact: object) -> object:
        return fact.otherwise("Fatal: unable to open rest:https://me:hunter2@backup.example/: 401\n")

    away = Told(("restic", fails)).ask(backups.of_source(source(restic=RESTIC))).result()
    assert away == backups.Away("restic rest:https://backup.example/voice", "Fatal: unable to open rest:https://…@backup.example/: 401")
    silent = Told(("restic", FAILS)).ask(backups.of_source(source(restic=RESTIC))).result()
    assert silent.why == "it did not answer within 20 s"
    garbled = Told(("restic", "{")).ask(backups.of_source(source(restic=RESTIC))).result()
    assert "cannot be understood" in garbled.why
