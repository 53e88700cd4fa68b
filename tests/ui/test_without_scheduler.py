"""What the page tells of a backup that did not come: the scheduler is stopped. It comes last, by its name."""

import contextlib
import sqlite3

import pytest
from playwright.sync_api import expect

DAG = "etcd_backup"
OLDER = {
    "dag": (
        "next_dagrun",
        "next_dagrun_data_interval_start",
        "next_dagrun_data_interval_end",
        "next_dagrun_create_after",
    ),
    "dag_run": ("run_after", "queued_at", "start_date", "end_date"),
    "task_instance": ("queued_dttm", "start_date", "end_date"),
}


def make_older(airflow, days):
    """Make what is recorded of a DAG so many days older: nobody can wait that long."""
    database = sqlite3.connect(airflow.directory / "airflow.db", timeout=60)
    with contextlib.closing(database), database:
        for table, columns in OLDER.items():
            older = ", ".join(
                f"{name} = strftime('%Y-%m-%d %H:%M:%f', {name}, '-{days} days')" for name in columns
            )
            database.execute(f"UPDATE {table} SET {older} WHERE dag_id = ?", [DAG])


@pytest.fixture
def scheduler(airflow):
    """The scheduler, stopped; the DAG processor too, for what it reads again it gives a new next run."""
    _, scheduler, processor, _ = airflow.servers
    scheduler.stop()
    processor.stop()
    yield scheduler
    for server in (scheduler, processor):
        if server.process is None:
            server.start()


def test_a_backup_that_did_not_come_is_missed_then_late_then_on_time_again(airflow, person, scheduler):
    make_older(airflow, 2)
    page = person().open_alone()
    row = page.locator("tbody tr", has_text="testbed_etcd")
    expect(row).to_have_attribute("data-status", "missed")
    expect(row).to_contain_text("A backup was due 1 d 12 h")
    expect(row).to_contain_text("and none came.")
    expect(page.get_by_role("button", name="Missed")).to_contain_text("1")

    run_id = airflow.trigger(DAG)  # nobody takes it up
    page.reload()
    expect(row).to_have_attribute("data-status", "late")
    expect(row).to_contain_text("it is still at work.")

    scheduler.start()
    assert airflow.wait(DAG, run_id) == "success"
    page.reload()
    expect(row).to_have_attribute("data-status", "on time")
