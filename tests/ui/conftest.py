"""A real Airflow below a path, with what its DAGs have done on a real cluster, looked at in a real browser."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import expect

from airflow_provider_stash.restic.repository import Repository
from testbed.airflow_api import ADMIN, PASSWORDS
from testbed.binaries import restics
from testbed.browser import browser as start_browser
from testbed.etcd_cluster import EtcdCluster
from testbed.restic_repository import make_repository
from testbed.session import REPOSITORY_PASSWORD, airflow_for, far_from_now
from tests.integration.conftest import newest_etcd

PREFIX = "/airflow"
expect.set_options(timeout=60_000)
PICTURES = Path(__file__).parents[2] / "docs" / "images"


def pytest_collection_modifyitems(items):
    # The first test waits for Airflow and its runs, others for a restore: minutes on a loaded machine.
    for item in items:
        if "/ui/" in item.nodeid:
            item.add_marker(pytest.mark.timeout(900))


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    with EtcdCluster(tmp_path_factory.mktemp("etcd"), binaries=newest_etcd()) as cluster:
        cluster.fill(2000, size=512)
        yield cluster


@pytest.fixture(scope="session")
def airflow(cluster, tmp_path_factory):
    directory = tmp_path_factory.mktemp("ui")
    location = str(directory / "repository")
    make_repository(Repository(location, REPOSITORY_PASSWORD, no_cache=True, restic=restics()[0]))
    home = airflow_for(
        cluster,
        directory,
        location=location,
        restic=restics()[0],
        etcd_tools=newest_etcd(),
        dags=Path(__file__).parent / "dags",
        env={
            "AIRFLOW__CORE__AUTH_MANAGER": "tests.ui.auth.ByDagAuthManager",
            "AIRFLOW_CONN_BILLING_ETCD": '{"conn_type": "etcd", "host": "http://127.0.0.1:9"}',
            "AIRFLOW_CONN_BILLING_REPOSITORY": json.dumps(
                {"conn_type": "restic", "host": str(directory / "billing"), "password": "of-billing"}
            ),
            "PYTHONPATH": str(Path(__file__).parents[2]),
        },
        prefix=PREFIX,
        schedule=far_from_now(),
        light=True,
    )
    with home:
        for dag_id in ("etcd_backup", "etcd_restore", "etcd_backup_billing", "etcd_backup_staging"):
            home.wait_for_dag(dag_id)
        failed = home.trigger("etcd_backup_billing")
        for _ in range(2):
            cluster.fill(500, size=512, prefix="/more/")
            run_id, state = home.run_dag("etcd_backup", {"tags": ["before-upgrade"]})
            assert state == "success", home.logs("etcd_backup", run_id)
        assert home.wait("etcd_backup_billing", failed) == "failed"
        yield home


@pytest.fixture(scope="session")
def browser():
    with start_browser() as started:
        yield started


_cookies = {}


class Person:
    """Somebody before the browser; remembers what the console said and where requests went."""

    def __init__(self, browser, airflow, user=ADMIN):
        self.airflow, self.url = airflow, airflow.url
        self.context = browser.new_context(viewport={"width": 1440, "height": 900})
        self.context.set_default_timeout(180_000)
        self.page = self.context.new_page()
        self.complaints, self.requests = [], []
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        if user not in _cookies:
            self._log_in(user)
        self.context.add_cookies(_cookies[user])

    def _log_in(self, user):
        """Log in by Airflow's form, once a user; this package's page leads there and back."""
        self.page.goto(f"{self.url}/stash/")
        self.page.fill('input[name="username"]', user)
        self.page.fill('input[name="password"]', PASSWORDS[user])
        self.page.press('input[name="password"]', "Enter")
        self.page.locator('main[aria-busy="false"]').wait_for()
        _cookies[user] = self.context.cookies()

    def _heard(self, message):
        # Of this package alone: before the login Airflow's own page asks what it may not have.
        if message.type == "error" and "/stash/" in message.location.get("url", ""):
            self.complaints.append(f"{message.text} {message.location}")

    def open(self, path):
        """Open a page of Airflow, and give the frame of this package in it."""
        self.page.goto(f"{self.url}/{path}")
        return self.frame()

    def frame(self):
        frame = self.page.frame_locator("iframe")
        frame.locator('main[aria-busy="false"]').wait_for()
        return frame

    def leave_airflow(self):
        """
        Go on with the page of this package alone, out of Airflow's frame.

        While a run goes on, Airflow's own page around it draws itself anew all the time, for half a processor.
        """
        frame = self.page.frames[-1]
        assert "/stash/" in frame.url
        self.page.goto(frame.url)
        self.page.locator('main[aria-busy="false"]').wait_for()
        return self.page

    def open_alone(self, path="", query=""):
        """Open a page of this package outside Airflow's frame."""
        self.page.goto(f"{self.url}/stash/{path}{query}")
        self.page.locator('main[aria-busy="false"]').wait_for()
        return self.page

    def look(self, theme=None, timezone=None):
        """Choose as in Airflow's user menu, which keeps the choice in the browser."""
        for key, value in (("theme", theme), ("timezone", timezone and json.dumps(timezone))):
            if value:
                self.page.evaluate("([key, value]) => localStorage.setItem(key, value)", [key, value])

    def picture(self, name, **options):
        PICTURES.mkdir(exist_ok=True)
        self.page.screenshot(path=PICTURES / f"{name}.png", **options)


@pytest.fixture
def person(browser, airflow):
    people = []

    def come(user=ADMIN):
        people.append(Person(browser, airflow, user))
        return people[-1]

    yield come
    for one in people:
        one.context.close()
        outside = [url for url in one.requests if not url.startswith((airflow.url, "data:", "blob:"))]
        assert outside == []
