import pytest

from airflow_provider_stash.exceptions import InvalidConfigurationError
from airflow_provider_stash.metrics.series import Identity, backup_registry, restore_registry

HOST = {
    "duration": 2.5,
    "totalSize": 1000,
    "uploaded": 10,
    "processingTime": 1.5,
    "fileStats": {"totalFiles": 1, "newFiles": 1, "modifiedFiles": 0, "unmodifiedFiles": 0},
}
STATUS = {"integrity": True, "totalSize": 5000, "snapshotCount": 3, "snapshotsRemovedOnLastCleanup": 1}


def identity(**given):
    return Identity(
        **{
            "invoker_kind": "BackupConfiguration",
            "invoker_name": "dag",
            "repository": "repo",
            "hostname": "host-0",
            "name": "etcd-a",
            "backend": "s3",
            "bucket": "b",
            "prefix": "p",
            **given,
        }
    )


def samples(registry):
    return {
        sample.name: (sample.labels, sample.value)
        for metric in registry.collect()
        for sample in metric.samples
    }


def test_every_series_of_a_good_backup_under_both_prefixes():
    found = samples(
        backup_registry(identity(), success=True, duration=9.0, now=1700.0, host=HOST, repository=STATUS)
    )
    old = {name.removeprefix("stash_backup_") for name in found if name.startswith("stash_backup_")}
    assert old == {
        "session_success", "session_duration_seconds", "target_count_total", "last_success_time_seconds",
        "target_success", "target_host_count_total", "target_last_success_time_seconds", "host_backup_success",
        "host_backup_duration_seconds", "host_data_size_bytes", "host_data_uploaded_bytes",
        "host_data_processing_time_seconds", "host_files_total", "host_files_new", "host_files_modified",
        "host_files_unmodified",
    }  # fmt: skip
    new = {
        name.removeprefix("stash_appscode_com_backupsession_") for name in found if "backupsession" in name
    }
    assert new == (old - {"session_success", "session_duration_seconds"}) | {"success", "duration_seconds"}
    for prefix in ("stash_repository", "stash_appscode_com_repository"):
        values = {
            name: found[f"{prefix}_{name}"][1] for name in ("integrity", "size_bytes", "snapshot_count")
        }
        assert values == {"integrity": 1, "size_bytes": 5000, "snapshot_count": 3}
        assert found[f"{prefix}_snapshot_cleaned"][1] == 1
    labels, value = found["stash_backup_host_data_size_bytes"]
    assert value == 1000
    assert labels == {
        "invoker_kind": "BackupConfiguration", "invoker_name": "dag", "namespace": "default", "driver": "Restic",
        "repository": "repo", "kind": "etcd", "group": "etcd.io", "name": "etcd-a", "hostname": "host-0",
    }  # fmt: skip
    assert found["stash_repository_integrity"][0]["bucket"] == "b"


def test_a_failed_backup_tells_no_success_and_no_size():
    found = samples(backup_registry(identity(), success=False, duration=9.0, now=1700.0))
    assert found["stash_backup_session_success"][1] == 0
    assert found["stash_backup_target_success"][1] == 0
    assert found["stash_backup_host_backup_success"][1] == 0
    assert not any("last_success" in name or "size_bytes" in name for name in found)


def test_a_restore():
    found = samples(restore_registry(identity(), success=False, restored=True, duration=9.0, now=1700.0))
    assert found["stash_restore_session_success"][1] == 0
    assert found["stash_restore_host_restore_success"][1] == 1
    assert found["stash_appscode_com_restoresession_duration_seconds"][1] == 9.0


@pytest.mark.parametrize("label", ["repository", "job", "1a", "a-b", "__a"])
def test_a_label_that_clashes_or_is_none_is_refused(label):
    with pytest.raises(InvalidConfigurationError, match=label):
        identity(labels={label: "x"})


def test_the_users_labels_are_on_every_series():
    found = samples(
        backup_registry(identity(labels={"team": "db"}), success=True, duration=1, now=1, repository=STATUS)
    )
    assert all(labels["team"] == "db" for labels, _ in found.values())


def test_a_task_of_ones_own_tells_no_sizes():
    host = {"task": "mine", "containers": [], "duration": 7.0}
    found = samples(backup_registry(identity(), success=True, duration=9.0, now=1700.0, host=host))
    assert found["stash_backup_host_backup_success"][1] == 1.0
    assert found["stash_backup_host_backup_duration_seconds"][1] == 7.0
    assert not [name for name in found if "host_data" in name or "host_files" in name]
