"""Pushes to a real Pushgateway."""

import pytest

from airflow_provider_stash.exceptions import MetricsPushError
from airflow_provider_stash.metrics.push import Pushgateway, push
from testbed.certificates import Authority
from testbed.servers import PUSH_PASSWORD, PUSH_USER, PushgatewayServer
from tests.unit.metrics.test_push import registry
from tests.unit.metrics.test_series import identity


def values(gateway, name, **labels):
    found = {}
    for line in gateway.metrics().splitlines():
        if line.startswith(name + "{") and all(f'{key}="{value}"' in line for key, value in labels.items()):
            found[line.rpartition(" ")[0]] = float(line.rpartition(" ")[2])
    return sorted(found.values())


def send(gateway, success, **given):
    push(Pushgateway(gateway.url), registry(success, **given), identity(**given), success=success)


def test_a_failure_is_seen_at_once_and_the_last_success_stays(pushgateway):
    given = {"invoker_name": "one"}
    send(pushgateway, True, **given)
    assert values(pushgateway, "stash_backup_session_success", **given) == [1]
    send(pushgateway, False, **given)
    assert values(pushgateway, "stash_backup_session_success", **given) == [0]
    assert values(pushgateway, "stash_backup_target_success", **given) == [0]
    assert values(pushgateway, "stash_backup_host_backup_success", **given) == [0]
    assert values(pushgateway, "stash_backup_last_success_time_seconds", **given) == [1700]
    send(pushgateway, True, **given)
    assert values(pushgateway, "stash_appscode_com_backupsession_success", **given) == [1]


def test_two_targets_and_two_hosts_of_one_job_stand_beside_each_other(pushgateway):
    given = {"invoker_name": "two"}
    send(pushgateway, True, **given)
    send(pushgateway, False, **given, name="etcd-b")
    send(pushgateway, True, **given, hostname="host-1")
    assert values(pushgateway, "stash_backup_target_success", **given) == [0, 1, 1]


def test_series_of_a_label_that_has_changed_do_not_stay(pushgateway):
    given = {"invoker_name": "three"}
    send(pushgateway, True, **given, bucket="before")
    send(pushgateway, True, **given, bucket="after")
    assert values(pushgateway, "stash_repository_integrity", **given, bucket="before") == []
    assert values(pushgateway, "stash_repository_integrity", **given, bucket="after") == [1]


def test_password_and_tls_together(tmp_path):
    authority = Authority(tmp_path / "pki")
    with PushgatewayServer(tmp_path / "gateway", tls=authority, password=True) as server:
        url, ca = server.url, authority.cert.read_text()
        assert url.startswith("https://")
        push(Pushgateway(url, PUSH_USER, PUSH_PASSWORD, ca), registry(True), identity(), success=True)
        assert "stash_backup_session_success" in server.metrics()
        with pytest.raises(MetricsPushError, match="answered 401.*user and password") as error:
            push(Pushgateway(url, PUSH_USER, "hunter2", ca), registry(True), identity(), success=True)
        assert "hunter2" not in str(error.value)
        with pytest.raises(MetricsPushError, match="certificate"):
            push(Pushgateway(url, PUSH_USER, PUSH_PASSWORD), registry(True), identity(), success=True)
        push(
            Pushgateway(url, PUSH_USER, PUSH_PASSWORD, insecure_tls=True),
            registry(True),
            identity(),
            success=True,
        )
