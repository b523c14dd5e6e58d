"""A fleet of three practice hosts, and an Airflow that knows it. It takes minutes, so only `make fleet` looks here."""

import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from lab.practice_host import PracticeHost
from rollback_lib.settings import PROJECT
from tests.builders.s3 import S3
from tests.fleet.archive import Archive
from tests.fleet.engine import Airflow
from tests.fleet.fleet import SECRET, Fleet

DAGS = """
from rollback_lib.airflow.alert import alert
from rollback_lib.airflow.daily import daily
from rollback_lib.airflow.drills import drills
from rollback_lib.airflow.fleet import fleet

common = dict(stacks="parameters/fleet/*.yaml", approvers=["anna", "ben"], serial=[1, "100%"], secrets={"CHAT_TOKEN": "chat"})
waves = fleet("code", **common)
once = fleet("code", dag_id="fleet_once", approve="once", on_failure="undo", **{**common, "serial": [1]})
every_day = daily(stacks="parameters/fleet/*.yaml", schedule=None, secrets=common["secrets"])
from_alerts = alert(stacks="parameters/fleet/*.yaml", approvers=["anna", "ben"], secrets=common["secrets"])
practised = drills(["code"], host="{practice}", schedule=None)
lenient = fleet("code", dag_id="fleet_lenient", max_fail_percentage=100, **common)
"""
# Each task is a process that reads this file, so each has a runbook folder of its own, as on a worker that shares no disk with others.
APART = """
import os, shutil, tempfile
from rollback_lib.airflow.fleet import fleet

own, common = tempfile.mkdtemp(dir=os.environ["WORKERS"]), os.environ["ROLLBACK_HOME"]
os.symlink(os.path.realpath(common + "/notebooks"), own + "/notebooks")
shutil.copytree(common + "/parameters", own + "/parameters")
os.environ |= {"ROLLBACK_HOME": own, "XDG_CACHE_HOME": own + "/cache", "ROLLBACK_ARCHIVE": os.environ["ARCHIVE_OF_TESTS"]}
dag = fleet(
    "code", dag_id="fleet_apart", stacks="parameters/fleet/*.yaml", approvers=["ben"], serial=[1], approve="once",
    secrets={"CHAT_TOKEN": "chat"}, on_failure="undo",
)
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.whole)


@pytest.fixture(scope="session")
def three() -> Iterator[list[PracticeHost]]:
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    name, ports = f"test-{worker}" if worker else "test", 20 * worker
    found = [PracticeHost(f"{name}{end}", 22122 + ports + 2 * n, 22543 + ports + 2 * n) for n, end in enumerate(("", "-b", "-c"))]
    yield found
    for host in found:
        host.down()


@pytest.fixture(scope="session")
def runbooks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A runbook folder: the notebooks of the clone, and a stack file for each host."""
    folder = tmp_path_factory.mktemp("runbooks")
    (folder / "notebooks").symlink_to(PROJECT / "notebooks")
    (folder / "parameters" / "fleet").mkdir(parents=True)
    return folder


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    """A real S3 with a bucket for records, which has object lock."""
    server = S3(tmp_path_factory.mktemp("s3") / "data")
    try:
        server.start()
        server.call("create_bucket", Bucket="fleet", ObjectLockEnabledForBucket=True)
        yield Archive(server, "fleet")
    finally:
        server.stop()


@pytest.fixture(scope="session")
def airflow(three: list[PracticeHost], runbooks: Path, archive: Archive, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Airflow]:
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    folder = tmp_path_factory.mktemp("engine")
    files = runbooks / "parameters" / "fleet"
    for name in ("a", "b", "c"):  # so that the DAGs can be read; `Fleet` fills them
        (files / f"{name}.yaml").write_text("stack: {}\n")
    secrets = {"AIRFLOW_CONN_CHAT": f"generic://:{SECRET}@nowhere", "DEPLOY_TOKEN": SECRET}
    apart = {"WORKERS": str(tmp_path_factory.mktemp("workers")), "ARCHIVE_OF_TESTS": archive.address, **archive.environment}
    made = Airflow(folder, runbooks, 8100 + worker, {**secrets, **apart})
    (made.dags / "dags.py").write_text(DAGS.replace("{practice}", f"{three[0].name}-d"))
    (made.dags / "apart.py").write_text(APART)
    with made.running():
        yield made


@pytest.fixture
def fleet(three: list[PracticeHost], airflow: Airflow, runbooks: Path) -> Fleet:
    """Three clean hosts, a, b and c, and no records."""
    shutil.rmtree(runbooks / "incidents", ignore_errors=True)
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(PracticeHost.reset, three))
    for name, host in zip("abc", three, strict=True):
        content = yaml.safe_load((host.folder / "stack.yaml").read_text())
        content["stack"]["name"] = f"voice-{name}"
        for route in content["stack"]["routes"]:  # a run without this secret is refused
            route["headers"] = {"X-Health-Token": "env:CHAT_TOKEN"}
        (runbooks / "parameters" / "fleet" / f"{name}.yaml").write_text(yaml.safe_dump(content))
    return Fleet(airflow, dict(zip("abc", three, strict=True)), runbooks)
