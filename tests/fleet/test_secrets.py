"""A planted secret, after a fleet rollback that needed it: it is nowhere that Airflow or a record keeps anything."""

import sqlite3

from tests.fleet.fleet import SECRET, Fleet


def test_a_secret_is_in_no_database_log_or_record(fleet: Fleet) -> None:
    """Every route of these stacks sends it in a header, so no run gets to a plan without it."""
    engine = fleet.airflow
    fleet.break_("code", "a")
    run = engine.trigger("fleet_once", by="anna", leave_out=["b", "c"])
    assert engine.answer("fleet_once", run, "wave_1.approve", "Approve", by="ben").is_success
    assert engine.ended("fleet_once", run) == "success"

    base = sqlite3.connect(engine.home / "airflow.db")
    tables = [name for (name,) in base.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    assert len(tables) > 30
    assert [table for table in tables if any(SECRET in repr(row) for row in base.execute(f'SELECT * FROM "{table}"'))] == []
    assert base.execute("SELECT count(*) FROM xcom").fetchone()[0] > 10
    base.close()
    kept = [*engine.home.rglob("*"), *engine.home.parent.glob("*.log"), *fleet.runbooks.rglob("*")]
    files = [file for file in kept if file.is_file() and not file.is_symlink()]
    assert len(files) > 50
    assert [str(file) for file in files if SECRET.encode() in file.read_bytes()] == []
