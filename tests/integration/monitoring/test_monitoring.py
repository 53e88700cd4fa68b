"""The rules and the dashboard, on what a real Prometheus scraped from a real Pushgateway."""

import json
import re
import subprocess
import time
from pathlib import Path

import pytest
from prometheus_client import delete_from_gateway

from airflow_provider_stash.metrics.push import Pushgateway, push
from airflow_provider_stash.metrics.series import backup_registry, restore_registry
from testbed.binaries import find
from testbed.process import wait_until
from testbed.servers import PrometheusServer, PushgatewayServer
from tests.unit.metrics.test_series import HOST, STATUS, identity

MONITORING = Path(__file__).parents[3] / "monitoring"
DASHBOARD = json.loads((MONITORING / "dashboard.json").read_text())
TARGETS = [(panel, target) for panel in DASHBOARD["panels"] for target in panel["targets"]]
VARIABLES = [one for one in DASHBOARD["templating"]["list"] if one["type"] == "query"]
HOUR = 3600


def promtool(*arguments):
    done = subprocess.run(
        [find("promtool"), *arguments],
        check=False,
        cwd=MONITORING,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_promtool_takes_the_rules_and_their_tests_pass():
    assert "6 rules found" in promtool("check", "rules", "rules.yaml")
    assert "SUCCESS" in promtool("test", "rules", "rules_test.yaml")


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory):
    """What DAGs pushed: backups that are good, fail, no longer come and were lost, a damaged repository, restores."""
    directory = tmp_path_factory.mktemp("monitoring")
    with (
        PushgatewayServer(directory / "gateway") as gateway,
        PrometheusServer(
            directory / "prometheus", gateway=gateway.url, rules=MONITORING / "rules.yaml"
        ) as server,
    ):
        to, now = Pushgateway(gateway.url), time.time()

        def back_up(dag, *, success=True, age=0.0, **status):
            one = identity(invoker_name=dag, repository=f"restic_{dag}", labels={"schedule": "hourly"})
            given = {"host": HOST if success else None, "repository": {**STATUS, **status}}
            push(
                to,
                backup_registry(one, success=success, duration=3, now=now - age, **given),
                one,
                success=success,
            )
            return one

        def restore(dag, success):
            one = identity(invoker_kind="RestoreSession", invoker_name=dag)
            push(to, restore_registry(one, success=success, duration=9, now=now), one, success=success)

        back_up("good", age=HOUR)
        back_up("failing", age=HOUR)
        back_up("failing", success=False)
        back_up("gone", age=5 * HOUR)
        back_up("damaged", integrity=False)
        restore("restore_good", True)
        restore("restore_bad", False)
        lost = back_up("lost", age=5 * HOUR)
        wait_until(lambda: len(server.query("stash_backup_session_success")) == 5, "scraped", timeout=60)
        delete_from_gateway(gateway.url, job=lost.job, grouping_key={"instance": lost.instance})
        wait_until(lambda: len(server.query("stash_backup_session_success")) == 4, "lost", timeout=60)
        # The last rule of the group is evaluated after the first.
        wait_until(
            lambda: (
                {"EtcdBackupLost", "EtcdRestoreFailed"}
                <= {one["labels"]["alertname"] for one in server.alerts()}
            ),
            "evaluated",
            timeout=60,
        )
        yield server


def alarmed(prometheus, state):
    return {
        (one["labels"]["alertname"], one["labels"]["invoker_name"])
        for one in prometheus.alerts()
        if one["state"] == state
    }


def test_who_is_alarmed(prometheus):
    assert alarmed(prometheus, "pending") == {("EtcdBackupLost", "lost")}
    assert alarmed(prometheus, "firing") == {
        ("EtcdBackupTooOld", "gone"),
        ("EtcdBackupFailed", "failing"),
        ("EtcdBackupRepositoryDamaged", "damaged"),
        ("EtcdRestoreFailed", "restore_bad"),
    }


def filled(expression):
    """Fill the dashboard's variables in as Grafana does for All."""
    for one in VARIABLES:
        expression = expression.replace(f"${one['name']}", one["allValue"])
    assert "$" not in expression
    return expression


@pytest.mark.parametrize(
    ("panel", "target"), TARGETS, ids=[f"{panel['id']}{target['refId']}" for panel, target in TARGETS]
)
def test_every_query_of_the_dashboard_returns_data(prometheus, panel, target):
    expression = filled(target["expr"])
    found = prometheus.query(expression) if target["instant"] else prometheus.query_range(expression, 30)
    assert found, expression
    for label in re.findall(r"{{(\w+)}}", target["legendFormat"]):
        assert all(one["metric"].get(label) for one in found), (label, found)


def test_the_figures_are_right(prometheus):
    figures = {
        panel["title"]: float(prometheus.query(filled(panel["targets"][0]["expr"]))[0]["value"][1])
        for panel in DASHBOARD["panels"]
        if panel["type"] == "stat"
    }
    assert figures.pop("Oldest last success") == pytest.approx(5 * HOUR, abs=300)
    assert figures == {
        "Backups": 4,
        "Failed": 1,
        "Damaged repositories": 1,
        "Size of all repositories": 4 * STATUS["totalSize"],
    }


@pytest.mark.parametrize("variable", VARIABLES, ids=lambda one: one["name"])
def test_the_choices_of_the_dashboard_are_filled(prometheus, variable):
    match, label = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["definition"]).groups()
    values = prometheus.label_values(label, filled(match))
    assert (
        values
        == {
            "namespace": ["default"],
            "dag": ["damaged", "failing", "gone", "good", "lost", "restore_bad", "restore_good"],
        }[variable["name"]]
    )
