"""Who sees and does what: nobody without a login, a viewer who may not read one of the DAGs, an operator."""

import pytest
from playwright.sync_api import expect

from testbed.airflow_api import ADMIN, OPERATOR, VIEWER

HIDDEN = "etcd_backup_billing"  # from the viewer, by tests/ui/auth.py

READ = [
    "stash/api/overview",
    "stash/api/repository?dag_id=etcd_backup&task_id=backup",
    "stash/api/session?dag_id=etcd_backup",
]
FILES = ["stash/assets/js/overview.js", "stash/assets/vendor/uplot/uPlot.iife.min.js"]


@pytest.fixture
def ask(browser, airflow):
    context = browser.new_context()

    def ask(path, user=None, method="GET", **options):
        headers = {"Authorization": f"Bearer {airflow.token(user)}"} if user else {}
        return context.request.fetch(
            f"{airflow.url}/{path}", method=method, headers=headers, max_redirects=0, **options
        )

    yield ask
    context.close()


@pytest.mark.parametrize("path", [*READ, *FILES])
def test_without_a_login_there_is_nothing(ask, path):
    assert ask(path).status == 401
    assert ask(path, VIEWER).status == 200


@pytest.mark.parametrize("page", ["", "repository", "session"])
def test_without_a_login_a_page_leads_to_it(ask, page):
    answer = ask(f"stash/{page}")
    assert answer.status == 307
    assert "/auth/login" in answer.headers["location"]


def test_nothing_but_reading_is_served(ask):
    for path in [*READ, *FILES, "stash/"]:
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            assert ask(path, ADMIN, method).status == 405


def test_a_dag_that_may_not_be_read_is_not_told_of(ask):
    told = {row["dag_id"] for row in ask("stash/api/overview", VIEWER).json()["rows"]}
    assert told == {"etcd_backup", "etcd_backup_staging"}
    assert HIDDEN in {row["dag_id"] for row in ask("stash/api/overview", ADMIN).json()["rows"]}
    for path in (f"repository?dag_id={HIDDEN}&task_id=backup", f"session?dag_id={HIDDEN}"):
        assert ask(f"stash/api/{path}", ADMIN).status == 200
        assert ask(f"stash/api/{path}", VIEWER).status == 404
        missing = ask(f"stash/api/{path.replace(HIDDEN, 'no_such_dag')}", VIEWER)
        assert missing.status == 404


def test_a_viewer_is_offered_nothing_to_do(person):
    page = person(VIEWER).open_alone()
    expect(page.locator("tbody tr")).to_have_count(2)
    assert page.get_by_role("button", name="Back up now").count() == 0
    assert page.get_by_role("button", name="Restore…").count() == 0
    page.locator("summary").first.click()
    expect(page.get_by_role("link", name="Open the DAG")).to_be_visible()
    assert page.get_by_role("button", name="Pause…").count() == 0


def test_airflow_itself_refuses_what_a_viewer_may_not(ask):
    conf = {"logical_date": None, "conf": {}}
    assert ask("api/v2/dags/etcd_backup/dagRuns", VIEWER, "POST", data=conf).status == 403
    assert ask("api/v2/dags/etcd_backup", VIEWER, "PATCH", data={"is_paused": True}).status == 403


def test_an_operator_is_offered_all_of_it(person):
    page = person(OPERATOR).open_alone()
    good = page.locator('tr[data-status="on time"]')
    expect(good.get_by_role("button", name="Back up now")).to_be_visible()
    expect(good.get_by_role("button", name="Restore…")).to_be_visible()
