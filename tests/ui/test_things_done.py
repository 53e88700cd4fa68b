"""What a person does on the page. These tests change what the others see: they come last, by their name."""

import re

import pytest
from playwright.sync_api import expect

from testbed.airflow_api import OPERATOR

ROW = 'tr[data-status="on time"]'


@pytest.fixture
def dialog_of(person):
    def dialog_of(row, button, user=OPERATOR):
        somebody = person(user)
        page = somebody.open("plugin/backups")
        if row != ROW or button == "Verify now…":
            page.locator(row).locator("summary").click()
        page.locator(row).get_by_role("button", name=button).click()
        expect(page.locator("dialog")).to_be_visible()
        return somebody, page

    return dialog_of


def runs(airflow, dag_id):
    return {one["dag_run_id"]: one for one in airflow.get(f"/dags/{dag_id}/dagRuns")["dag_runs"]}


def test_back_up_now_asks_first_and_then_starts_a_run(airflow, dialog_of):
    before = set(runs(airflow, "etcd_backup"))
    somebody, page = dialog_of(ROW, "Back up now")
    page.locator("body").press("Escape")
    expect(page.locator("dialog")).to_have_count(0)
    assert set(runs(airflow, "etcd_backup")) == before

    page.locator(ROW).get_by_role("button", name="Back up now").click()
    page.get_by_label("Tags").fill("from-the-page\nbefore-upgrade")
    page.locator("dialog").get_by_role("button", name="Back up now").click()
    expect(page.locator("#messages")).to_contain_text("has been started")
    (new,) = set(runs(airflow, "etcd_backup")) - before
    run = runs(airflow, "etcd_backup")[new]
    assert run["conf"]["tags"] == ["from-the-page", "before-upgrade"]
    assert run["triggering_user_name"] == OPERATOR
    page.get_by_role("link", name="Watch it").click()
    somebody.page.wait_for_url("**/dags/etcd_backup/runs/**")
    expect(somebody.frame().locator("header")).to_contain_text("BackupSession")
    assert somebody.complaints == []


def test_pause_and_resume(airflow, dialog_of, person):
    def paused():
        return airflow.get("/dags/etcd_backup_staging")["is_paused"]

    _, page = dialog_of('tr[data-status="paused"]', "Resume…")
    page.locator("dialog").get_by_role("button", name="Resume").click()
    row = page.locator("tbody tr", has_text="staging_etcd")
    try:
        expect(row).not_to_have_attribute("data-status", "paused")
        assert not paused()
        row.locator("summary").click()
        row.get_by_role("button", name="Pause…").click()
        page.locator("dialog").get_by_role("button", name="Pause").click()
        expect(row).to_have_attribute("data-status", "paused")
        assert paused()
    finally:
        airflow.patch("/dags/etcd_backup_staging", {"is_paused": True})


def test_verify_now_reads_all_data(airflow, dialog_of):
    somebody, page = dialog_of(ROW, "Verify now…")
    expect(page.get_by_label("Verify deeply")).to_be_checked()
    page.locator("dialog").get_by_role("button", name="Back up and verify").click()
    page.get_by_role("link", name="Watch it").click()
    somebody.page.wait_for_url("**/dags/etcd_backup/runs/**")
    expect(somebody.frame().locator("header")).to_contain_text("BackupSession")
    page = somebody.leave_airflow()
    expect(page.locator("header")).to_contain_text("Succeeded", timeout=240_000)
    page = somebody.open_alone("repository", "?dag_id=etcd_backup&task_id=backup")
    expect(page.locator('section[aria-label="Integrity"] tbody tr').first).to_contain_text("all")
    assert somebody.complaints == []


def test_restore_is_two_clicks_away_and_a_dry_run_stops_nothing(airflow, cluster, dialog_of):
    cluster.fill(10, prefix="/since/")
    before = cluster.all_keys()
    somebody, page = dialog_of(ROW, "Restore…")
    expect(page.locator("dialog")).to_contain_text("What was written since the snapshot is lost.")
    expect(page.locator("#snapshot")).to_have_value(re.compile("^[0-9a-f]{64}$"))
    somebody.picture("restore")
    page.get_by_role("button", name="Dry run").click()
    somebody.page.wait_for_url("**/dags/etcd_restore/runs/**")
    expect(somebody.frame().locator("header")).to_contain_text("RestoreSession")
    page = somebody.leave_airflow()
    expect(page.locator("header")).to_contain_text("Skipped", timeout=180_000)
    expect(page.locator("main")).to_contain_text("nothing is stopped")
    assert cluster.all_keys() == before


def test_a_restore_brings_the_keys_back(airflow, cluster, dialog_of):
    before = cluster.all_keys()
    run_id, state = airflow.run_dag("etcd_backup")
    assert state == "success", airflow.logs("etcd_backup", run_id)
    cluster.delete()
    somebody, page = dialog_of(ROW, "Restore…")
    expect(page.get_by_role("button", name="Restore", exact=True)).to_be_disabled()
    page.locator("#field-confirm").fill("testbed_etcd")
    page.get_by_role("button", name="Restore", exact=True).click()
    somebody.page.wait_for_url("**/dags/etcd_restore/runs/**")
    page = somebody.frame()
    expect(page.locator("header")).to_contain_text("Succeeded", timeout=240_000)
    somebody.picture("restore-session")
    assert cluster.all_keys() == before
    page = somebody.open("plugin/backups")
    expect(page.locator(ROW)).to_contain_text("succeeded")
    assert somebody.complaints == []
