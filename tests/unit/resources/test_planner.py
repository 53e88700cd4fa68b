from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from airflow_provider_stash.resources import load, open_manifests, plan_all, plan_one
from airflow_provider_stash.resources.field_places import PLACES, leaves, place_of
from airflow_provider_stash.resources.load import _MODELS

EXAMPLES = Path(__file__).parents[2] / "stash_manifests"
BACKUP = yaml.safe_load((EXAMPLES / "etcd-basic-auth" / "backupconfiguration.yaml").read_text())
RESTORE = yaml.safe_load((EXAMPLES / "etcd-basic-auth" / "restoresession.yaml").read_text())
REPOSITORY = yaml.safe_load((EXAMPLES / "etcd-basic-auth" / "repository.yaml").read_text())
BINDING = yaml.safe_load((EXAMPLES / "etcd-basic-auth" / "appbinding.yaml").read_text())
REF = BACKUP["spec"]["target"]["ref"]


def changed(document, **spec):
    return {**document, "spec": {**document["spec"], **spec}}


def planned(tmp_path, *documents):
    (tmp_path / "m.yaml").write_text(yaml.safe_dump_all(documents))
    plans, refusals = plan_all(load(tmp_path))
    return plans, [(one.field, one.sentence) for one in refusals]


def one(tmp_path, *documents):
    plans, refusals = planned(tmp_path, *documents)
    assert refusals == []
    assert len(plans) == 1
    return plans[0]


def refusal(tmp_path, *documents):
    plans, refusals = planned(tmp_path, *documents)
    assert plans == []
    assert len(refusals) == 1, refusals
    return refusals[0]


@pytest.mark.parametrize(
    "file", sorted(EXAMPLES.glob("etcd-customization/*.yaml")), ids=lambda file: file.stem
)
def test_every_etcd_customization_of_stashs_guide_has_a_plan(file):
    (plan,), refusals = plan_all(load(file))
    assert refusals == []
    assert [(one.kind, one.in_manifests) for one in plan.connections] == [
        ("Repository", False),
        ("AppBinding", False),
    ]


def test_the_basic_auth_guide():
    plans, refusals = plan_all(load(EXAMPLES / "etcd-basic-auth"))
    assert refusals == []
    backup, restore = plans
    assert backup.dag_id == "stash.demo.backupconfiguration.etcd-backup"
    assert (backup.schedule, backup.paused, backup.timeout, backup.retries) == ("*/5 * * * *", False, None, 0)
    assert backup.retention_policy == {"name": "keep-last-5", "keepLast": 5, "prune": True}
    assert [one.conn_id for one in backup.connections] == [
        "stash_repository__demo__gcs_repo",
        "stash_appbinding__demo__etcd_appbinding",
    ]
    assert backup.tags == [
        "stash",
        "backup",
        "etcd",
        "namespace:demo",
        "repository:gcs-repo",
        "target:etcd-appbinding",
    ]
    assert (backup.members[0].hostname, backup.members[0].wait_timeout) == ("host-0", 300)
    assert restore.dag_id == "stash.demo.restoresession.etcd-restore"
    settings = restore.members[0].restore
    assert settings.workload == {
        "workloadKind": "StatefulSet",
        "workloadName": "etcd",
        "dataDir": "/var/run/etcd",
        "initialCluster": ",".join(f"etcd-{n}=http://etcd-{n}.etcd:2380" for n in range(3)),
        "initialClusterToken": "etcd-cluster-1",
    }
    assert restore.members[0].runtime_settings == {
        "container": {"securityContext": {"runAsUser": 0, "runAsGroup": 0}}
    }


def test_the_snapshot_of_the_rules(tmp_path):
    assert one(tmp_path, RESTORE).members[0].restore.snapshot == "latest"
    rules = [
        {"snapshots": ["aaaa1111"]},
        {"targetHosts": ["db"], "sourceHost": "host-1", "snapshots": ["4bc21d6f"]},
    ]
    target = {"ref": REF, "rules": rules}
    without = {**RESTORE, "spec": {k: v for k, v in RESTORE["spec"].items() if k != "rules"}}
    member = one(tmp_path, changed(without, target=target)).members[0]
    assert (member.hostname, member.restore.snapshot) == ("host-0", "aaaa1111")
    member = one(tmp_path, changed(without, target={**target, "alias": "db"})).members[0]
    assert (member.hostname, member.restore.snapshot) == ("host-1", "4bc21d6f")


@pytest.mark.parametrize(
    ("spec", "field", "words"),
    [
        ({"driver": "VolumeSnapshotter"}, "spec.driver", "volume snapshots"),
        ({"repository": {}}, "spec.repository.name", "is missing"),
        ({"target": None}, "spec.target", "is missing"),
        (
            {"target": {"ref": {**REF, "kind": "Deployment"}}},
            "spec.target.ref.kind",
            "Deployment can't be a target",
        ),
        ({"target": {"ref": REF, "paths": ["/x"]}}, "spec.target.paths", "whole database"),
        (
            {"target": {"ref": REF, "snapshotClassName": "x"}},
            "spec.target.snapshotClassName",
            "volume snapshots",
        ),
        ({"task": {"name": "mysql-backup-8.0.14"}}, "spec.task.name", "none of etcd's Tasks"),
        ({"task": {"name": "etcd-restore-3.5.0"}}, "spec.task.name", "does a restore"),
        ({"task": {}}, "spec.task.name", "is missing"),
        (
            {"task": {"name": "etcd-backup-3.5.0", "params": [{"name": "arg", "value": "x"}]}},
            "spec.task.params[0].name",
            "'args' meant?",
        ),
        (
            {"task": {"name": "etcd-backup-3.5.0", "params": [{"name": "args", "value": "--user=a:b"}]}},
            "spec.task.params[0].value",
            "belongs into the AppBinding",
        ),
        (
            {"task": {"name": "etcd-backup-3.5.0", "params": [{"name": "args", "value": "--rev=3"}]}},
            "spec.task.params[0].value",
            "can't be done here",
        ),
        (
            {"task": {"name": "etcd-backup-3.5.0", "params": [{"name": "waitTimeout", "value": "5m"}]}},
            "spec.task.params[0].value",
            "whole number of seconds",
        ),
        ({"retentionPolicy": {"name": "nothing", "prune": True}}, "spec.retentionPolicy", "keeps nothing"),
    ],
)
def test_what_can_not_be_done_is_refused_by_its_field(tmp_path, spec, field, words):
    found = refusal(tmp_path, changed(BACKUP, **spec))
    assert found[0] == field
    assert words in found[1]


@pytest.mark.parametrize(
    ("rules", "field", "words"),
    [
        ([{"snapshots": ["latest", "4bc21d6f"]}], "spec.rules[0].snapshots", "holds several"),
        ([{"snapshots": ["gcs-repo-4bc21d6f"]}], "spec.rules[0].snapshots[0]", "hexadecimal"),
        ([{"paths": ["/x"]}], "spec.rules[0].paths", "one file"),
        ([{"targetHosts": ["db"]}], "spec.rules", "no rule for the host 'host-0'"),
    ],
)
def test_rules_that_can_not_be_meant(tmp_path, rules, field, words):
    found = refusal(tmp_path, changed(RESTORE, rules=rules))
    assert found[0] == field
    assert words in found[1]


@pytest.mark.parametrize("cluster", ["etcd-0", "etcd-0=etcd:2380"])
def test_an_initial_cluster_that_is_none(tmp_path, cluster):
    params = [{"name": "initialCluster", "value": cluster}]
    found = refusal(tmp_path, changed(RESTORE, task={"name": "etcd-restore-3.5.0", "params": params}))
    assert found[0] == "spec.task.params[0].value"
    assert "name=http[s]://host:port" in found[1]


def test_a_repository_is_used_from_where_its_policy_allows(tmp_path):
    other = {**BACKUP, "metadata": {"name": "b", "namespace": "prod"}}
    other = changed(other, repository={"name": "gcs-repo", "namespace": "demo"})
    found = refusal(tmp_path, other, REPOSITORY)
    assert found[0] == "spec.repository.namespace"
    assert "may not be used from the namespace 'prod'" in found[1]
    allowed = changed(REPOSITORY, usagePolicy={"allowedNamespaces": {"from": "All"}})
    plan = one(tmp_path, other, allowed)
    assert plan.repository.conn_id == "stash_repository__demo__gcs_repo"
    assert plan.members[0].etcd.conn_id == "stash_appbinding__prod__etcd_appbinding"


def test_what_a_refused_object_is_needed_for_is_refused_too(tmp_path):
    broken = changed(REPOSITORY, backend={"gcs": {"bukket": "x"}})
    plans, refusals = planned(tmp_path, BACKUP, broken)
    assert plans == []
    assert {field for field, _ in refusals} == {"spec.backend.gcs.bukket", "spec.repository.name"}
    plans, refusals = planned(tmp_path, BACKUP, changed(BINDING, type="kubedb.com/mysql"))
    assert plans == []
    assert "only etcd" in refusals[0][1]


def test_the_applications_own_task_is_taken(tmp_path):
    addon = {
        "stash": {
            "addon": {
                "backupTask": {
                    "name": "etcd-backup-3.5.0",
                    "params": [{"name": "waitTimeout", "value": "60"}],
                }
            }
        }
    }
    plan = one(tmp_path, changed(BACKUP, task={}), changed(BINDING, parameters=addon))
    assert plan.members[0].wait_timeout == 60
    plan = one(
        tmp_path, changed(BACKUP, task={"name": "etcd-backup-3.6.1"}), changed(BINDING, parameters=addon)
    )
    assert plan.members[0].wait_timeout == 60


def test_settings_of_a_session(tmp_path):
    plan = one(
        tmp_path,
        changed(
            BACKUP,
            paused=True,
            timeOut="1h30m",
            retryConfig={"maxRetry": 3, "delay": "10m"},
            tempDir={"disableCaching": True},
            target={"alias": "db", "ref": REF},
            task={
                "name": "etcd-backup-3.5.0",
                "params": [{"name": "args", "value": "--insecure-skip-tls-verify --dial-timeout 2s"}],
            },
        ),
    )
    assert (plan.paused, plan.timeout, plan.retries, plan.retry_delay) == (
        True,
        timedelta(minutes=90),
        3,
        timedelta(minutes=10),
    )
    assert plan.repository.options == {"no_cache": True}
    assert plan.members[0].etcd.options == {"insecure": True}
    assert plan.members[0].hostname == "db"


def test_members_of_a_batch_are_kept_apart(tmp_path):
    task = {"name": "etcd-backup-3.5.0"}
    batch = {
        **BACKUP,
        "kind": "BackupBatch",
        "spec": {
            "schedule": "0 3 * * *",
            "repository": {"name": "gcs-repo"},
            "retentionPolicy": {"keepLast": 3},
            "executionOrder": "Sequential",
            "members": [
                {"task": task, "target": {"alias": "a", "ref": REF}},
                {"task": task, "target": {"alias": "b", "ref": {**REF, "name": "second"}}},
            ],
        },
    }
    plan = one(tmp_path, batch)
    assert (plan.sequential, [member.name for member in plan.members]) == (True, ["a", "b"])
    assert [member.hostname for member in plan.members] == ["a", "b"]
    del batch["spec"]["members"][0]["target"]["alias"], batch["spec"]["members"][1]["target"]["alias"]
    field, words = refusal(tmp_path, batch)
    assert field == "spec.members[1].target.alias"
    assert "alias of its own" in words
    assert refusal(tmp_path, changed(batch, members=[]))[0] == "spec.members"


def test_a_batchs_own_runtime_settings_have_no_effect_those_of_its_members_have(tmp_path):
    """In Stash they are those of its CronJob."""
    settings = {"container": {"env": [{"name": "A", "value": "s3cret"}]}, "pod": {"nodeName": "n"}}
    batch = {
        **BACKUP,
        "kind": "BackupBatch",
        "spec": {
            "repository": {"name": "gcs-repo"},
            "retentionPolicy": {"keepLast": 3},
            "runtimeSettings": settings,
            "members": [{"task": {"name": "etcd-backup-3.5.0"}, "target": {"ref": REF}, "runtimeSettings": settings}],
        },
    }  # fmt: skip
    plan = one(tmp_path, batch)
    told = {one.field: one.place for one in plan.fields}
    assert told["spec.runtimeSettings.pod.nodeName"].startswith("no effect")
    assert told["spec.members[0].runtimeSettings.pod.nodeName"].startswith("the Jobs")
    assert plan.members[0].runtime_settings == settings
    assert "s3cret" not in plan.source + str(plan.fields)


def test_all_that_is_wrong_in_a_batch_is_told():
    plans, refusals = plan_all(load(EXAMPLES / "guides" / "backupbatch.yaml"))
    assert plans == []
    assert {one.field for one in refusals} == {
        "spec.members[0].target.ref.apiVersion",
        "spec.members[1].target.ref.kind",
    }


def test_names_whose_connections_would_have_one_id(tmp_path):
    first = changed(BACKUP, repository={"name": "a-b"})
    second = changed(
        {**BACKUP, "metadata": {"name": "other", "namespace": "demo"}}, repository={"name": "a.b"}
    )
    plans, refusals = planned(tmp_path, first, second)
    assert len(plans) == 1
    assert "rename one of them" in refusals[0][1]


def test_one_plan_is_made_from_what_it_needs(tmp_path):
    for number in range(20):
        document = {**BACKUP, "metadata": {"name": f"b{number}", "namespace": "demo"}}
        (tmp_path / f"{number}.yaml").write_text(yaml.safe_dump(document))
    (tmp_path / "r.yaml").write_text(yaml.safe_dump_all([REPOSITORY, BINDING]))
    manifests = open_manifests(tmp_path)
    plan = plan_one(manifests, "stash.demo.backupconfiguration.b7")
    assert plan.name == "b7"
    assert plan.repository.in_manifests
    assert plan.members[0].etcd.in_manifests
    assert len(manifests._unread) == 19
    for unknown in ("stash.demo.backupconfiguration.none", "stash.demo.secret.b7", "other"):
        assert plan_one(open_manifests(tmp_path), unknown) is None


def everything(annotation):
    """Make an object that has every field of a model, as far as it has models."""
    from typing import get_args, get_origin

    if hasattr(annotation, "model_fields"):
        return {str(field.alias): everything(field.annotation) for field in annotation.model_fields.values()}
    inner = [everything(one) for one in get_args(annotation)]
    models = [one for one in inner if isinstance(one, dict) and one]
    if get_origin(annotation) is list:
        return [models[0]] if models else ["x"]
    return models[0] if models else "x"


@pytest.mark.parametrize("kind", sorted(PLACES))
def test_every_field_that_stash_has_goes_somewhere_or_is_refused_by_name(kind):
    fields = [path for path, _ in leaves(everything(_MODELS[kind])) if path not in {"apiVersion", "kind"}]
    assert len(fields) > 40
    lost = []
    for path in fields:
        try:
            place_of(kind, path)
        except KeyError:
            lost.append(path)
    refused = (
        "paths",
        "exclude",
        "args",
        "volumeMounts",
        "replicas",
        "snapshotClassName",
        "volumeClaimTemplates",
    )
    assert [path for path in lost if not any(f".target.{name}" in path for name in refused)] == []


def test_the_plan_tells_every_field(tmp_path):
    plan = one(tmp_path, BACKUP)
    told = {one.field: one.place for one in plan.fields}
    assert set(told) == {path for path, _ in leaves(BACKUP)} - {"apiVersion", "kind"}
    assert told["spec.repository.name"] == "the restic connection stash_repository__demo__gcs_repo; a tag"
    assert told["spec.retentionPolicy.keepLast"] == "task forget"


@pytest.mark.parametrize(("document", "field"), [(REPOSITORY, "repository"), (BINDING, "target.ref")])
def test_what_needs_a_refused_object_is_refused_too_in_the_default_namespace_as_well(
    tmp_path, document, field
):
    backup = {**BACKUP, "metadata": {"name": "b"}}
    ref = {**REF, "namespace": ""}
    backup = changed(backup, target={"ref": ref}, repository={"name": REPOSITORY["metadata"]["name"]})
    broken = {**changed(document, nothing=1), "metadata": {"name": document["metadata"]["name"]}}
    plans, refusals = planned(tmp_path, backup, broken)
    assert plans == []
    assert [one[0] for one in refusals] == ["spec.nothing", f"spec.{field}.name"]
    assert f"{document['kind']} default/" in refusals[1][1]
