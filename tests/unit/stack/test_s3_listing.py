"""More backups in a bucket than one answer of S3 has, asked for by the command itself from a real S3."""

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rollback_lib.stack.sources.s3 import S3 as Source
from tests.builders.s3 import S3


@pytest.mark.whole
def test_more_than_a_thousand_backups_come_in_several_answers(tmp_path: Path) -> None:
    s3 = S3(tmp_path / "s3")
    try:
        s3.start()
        s3.call("create_bucket", Bucket="backups")
        keys = {f"voice+1/voice-{number:04}.sql" for number in range(1100)} | {"voice+1/other.sql"}
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda key: s3.call("put_object", Bucket="backups", Key=key, Body=b"x"), sorted(keys)))
        secrets = tmp_path / "secrets"
        secrets.write_text("".join(f"{name}={value}\n" for name, value in s3.environment.items()))
        source = Source(url="s3://backups/voice+1/voice-*", secrets=str(secrets))
        done = subprocess.run(source.listing().argv, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        assert {f"s3://backups/{key}" for key in keys if "other" not in key} == {one.name for one in source.read(done.stdout)}
    finally:
        s3.stop()
