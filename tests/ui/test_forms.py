"""Airflow's own trigger form of a restore, and the page's of a DAG whose params have no types."""

import pytest
from playwright.sync_api import expect

from testbed.airflow_api import OPERATOR


def runs(airflow):
    return airflow.get("/dags/etcd_restore/dagRuns")["total_entries"]


def test_the_restore_form_has_sections_and_words_and_refuses_another_clusters_name(airflow, person):
    somebody = person(OPERATOR)
    page = somebody.page
    before = runs(airflow)
    page.goto(f"{somebody.url}/dags/etcd_restore")
    page.get_by_role("button", name="Trigger").first.click()
    form = page.get_by_role("dialog")
    # One section is open at a time.
    for section, words in (
        ("What to restore", "'latest', or a snapshot's id or the beginning of it."),
        ("How", "Automatic: past the last known revision"),
        ("Go", "type testbed_etcd, the connection of the cluster that will be overwritten"),
    ):
        button = form.get_by_role("button", name=section, exact=True)
        expect(button).to_be_visible()
        if button.get_attribute("aria-expanded") == "false":
            button.click()
        expect(form.get_by_text(words)).to_be_visible()
    form.locator("#element_confirm").fill("another_etcd")
    somebody.picture("restore-form")
    form.get_by_role("button", name="Trigger", exact=True).click()
    expect(page.get_by_text("Invalid input for param confirm").first).to_be_visible()
    assert runs(airflow) == before


@pytest.fixture
def backing_up(airflow, person):
    """The dialog of *Back up now*; what it asks of the DAG, and the run, are those of another, whose params are a user's own."""
    somebody = person(OPERATOR)
    somebody.page.route(
        "**/api/v2/dags/etcd_backup/**",
        lambda route: route.continue_(url=route.request.url.replace("/etcd_backup/", "/of_another_kind/")),
    )

    def backing_up():
        page = somebody.open_alone()
        page.locator('tr[data-status="on time"]').get_by_role("button", name="Back up now").click()
        return page.locator("dialog")

    yield backing_up
    assert somebody.complaints == []


def start(dialog):
    """Start the run; give the parameters that it was triggered with."""
    with dialog.page.expect_response("**/dagRuns") as told:
        dialog.get_by_role("button", name="Back up now").click()
    assert told.value.ok, told.value.text()
    return told.value.json()["conf"]


def test_params_that_nobody_changed_are_left_to_the_dag(backing_up):
    assert start(backing_up()) == {"sure": False}  # which has no default


def test_params_without_types_keep_those_of_their_values(backing_up):
    dialog = backing_up()
    dialog.get_by_label("full").check()
    dialog.get_by_label("limit").fill("2.5")
    dialog.get_by_label("name").fill("")
    dialog.get_by_label("labels").fill('{"b": {"c": null}}')
    dialog.get_by_label("only").fill("[]")
    dialog.get_by_label("sure").check()
    assert start(dialog) == {
        "full": True, "limit": 2.5, "name": "", "labels": {"b": {"c": None}}, "only": [], "sure": True
    }  # fmt: skip

    dialog = backing_up()
    dialog.get_by_label("since").fill("2026-01-01")
    dialog.get_by_label("labels").fill("{a: 1}")
    dialog.get_by_role("button", name="Back up now").click()
    expect(dialog.get_by_role("alert")).to_contain_text("labels: write it as JSON")
    dialog.get_by_label("labels").fill("null")
    dialog.get_by_label("ports").fill("[2, 3]")
    dialog.get_by_label("either").fill("b")
    assert start(dialog) == {
        "since": "2026-01-01", "labels": None, "ports": [2, 3], "either": "b", "sure": False
    }  # fmt: skip
