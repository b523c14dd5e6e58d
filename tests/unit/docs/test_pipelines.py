"""The examples of pipelines are what GitHub Actions and GitLab accept."""

import subprocess
from pathlib import Path

import pytest

from rollback_lib.settings import LIBRARY, PROJECT
from tests.machine import BIN
from tests.unit.docs.pages import example

GUARDED, FLEET, DAILY = PROJECT / "docs" / "guarded-deploys.md", PROJECT / "docs" / "fleet.md", LIBRARY / "runbook" / "template" / "ci"


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ("github-workflows", example(GUARDED, "GitHub Actions")),
        ("github-workflows", example(FLEET, "GitHub Actions")),
        ("github-workflows", (DAILY / "github-actions.yml").read_text()),
        ("gitlab-ci", example(GUARDED, "GitLab CI")),
        ("gitlab-ci", (DAILY / "gitlab-ci.yml").read_text()),
    ],
    ids=["guard-github", "fleet-github", "daily-github", "guard-gitlab", "daily-gitlab"],
)
def test_an_example_follows_the_schema_of_who_runs_it(tmp_path: Path, schema: str, text: str) -> None:
    file = tmp_path / "pipeline.yml"
    file.write_text(text)
    argv = [BIN / "check-jsonschema", "--builtin-schema", f"vendor.{schema}", file]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
