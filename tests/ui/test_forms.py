"""Airflow's own trigger form of a restore."""

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
