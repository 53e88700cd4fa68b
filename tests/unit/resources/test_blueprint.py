import yaml

from airflow_provider_stash.resources import load, open_manifests, plan_all, plan_one
from airflow_provider_stash.resources.repository import Repository

BLUEPRINT = """\
apiVersion: stash.appscode.com/v1beta1
kind: BackupBlueprint
metadata:
  name: etcd-blueprint
spec:
  backend:
    gcs:
      bucket: stash-testing
      prefix: etcd/${TARGET_NAMESPACE}/${TARGET_KIND}/${TARGET_NAME}/${TARGET_APP_RESOURCE}
    storageSecretName: gcs-secret
  task:
    name: etcd-backup-${TARGET_APP_VERSION}
    params:
    - name: waitTimeout
      value: "100"
  schedule: "*/5 * * * *"
  retentionPolicy:
    name: 'keep-last-5'
    keepLast: 5
    prune: true
"""
BINDING = """\
apiVersion: appcatalog.appscode.com/v1alpha1
kind: AppBinding
metadata:
  name: main.etcd
  namespace: prod
  annotations:
    stash.appscode.com/backup-blueprint: etcd-blueprint
spec:
  clientConfig: {url: "http://127.0.0.1:2379"}
  type: etcd
  version: 3.5.0
"""


def write(tmp_path, binding=BINDING, blueprint=BLUEPRINT):
    (tmp_path / "binding.yaml").write_text(binding)
    (tmp_path / "blueprint.yaml").write_text(blueprint)
    return tmp_path


def test_an_annotated_appbinding_has_a_repository_and_a_backup(tmp_path):
    manifests = load(write(tmp_path))
    (plan,), refusals = plan_all(manifests)
    assert refusals == []
    assert plan.dag_id == "stash.prod.backupconfiguration.app-main.etcd"
    assert (plan.schedule, plan.file) == ("*/5 * * * *", str(tmp_path / "binding.yaml"))
    assert plan.members[0].wait_timeout == 100
    assert plan.repository.conn_id == "stash_repository__prod__app_main_etcd"
    made = manifests.get(Repository, "prod", "app-main.etcd")
    assert made.spec.backend.location == "gs:stash-testing:/etcd/prod/appbinding/main.etcd/etcd"
    assert yaml.safe_load(plan.source)["spec"]["task"]["name"] == "etcd-backup-3.5.0"


def test_annotations_for_schedule_and_params(tmp_path):
    annotations = (
        "    stash.appscode.com/schedule: '0 3 * * *'\n    params.stash.appscode.com/waitTimeout: '7'\n"
        "    params.stash.appscode.com/args: --dial-timeout=2s\n"
    )
    (plan,), refusals = plan_all(
        load(write(tmp_path, BINDING.replace("spec:\n", annotations + "spec:\n", 1)))
    )
    assert refusals == []
    assert (plan.schedule, plan.members[0].wait_timeout) == ("0 3 * * *", 7)


def test_a_namespace_for_backups(tmp_path):
    blueprint = BLUEPRINT.replace("spec:\n", "spec:\n  backupNamespace: backup\n")
    (plan,), refusals = plan_all(load(write(tmp_path, blueprint=blueprint)))
    assert refusals == []
    assert plan.dag_id == "stash.backup.backupconfiguration.prod-app-main.etcd"
    assert plan.members[0].etcd.conn_id == "stash_appbinding__prod__main_etcd"
    assert plan.repository.namespace == "backup"


def test_a_namespace_for_repositories_needs_a_usage_policy(tmp_path):
    blueprint = BLUEPRINT.replace("spec:\n", "spec:\n  repoNamespace: storage\n")
    plans, (refusal,) = plan_all(load(write(tmp_path, blueprint=blueprint)))
    assert plans == []
    assert refusal.field == "spec.repository.namespace"
    allowed = blueprint + "  usagePolicy: {allowedNamespaces: {from: All}}\n"
    (plan,), refusals = plan_all(load(write(tmp_path, blueprint=allowed)))
    assert refusals == []
    assert plan.repository.conn_id == "stash_repository__storage__app_main_etcd"


def test_several_blueprints(tmp_path):
    binding = BINDING.replace("blueprint: etcd-blueprint", "blueprint: etcd-blueprint,weekly")
    both = BLUEPRINT + "---\n" + BLUEPRINT.replace("name: etcd-blueprint", "name: weekly")
    plans, refusals = plan_all(load(write(tmp_path, binding, both)))
    assert refusals == []
    assert [plan.name for plan in plans] == ["app-main.etcd-etcd-blueprint", "app-main.etcd-weekly"]


def test_mistakes(tmp_path):
    plans, (refusal,) = plan_all(load(write(tmp_path, BINDING.replace("etcd-blueprint", "etcd-bluprint"))))
    assert plans == []
    assert refusal.field == "metadata.annotations.stash.appscode.com/backup-blueprint"
    assert "'etcd-blueprint' meant?" in refusal.sentence
    blueprint = BLUEPRINT.replace("TARGET_NAME}", "TARGET_NAM}")
    plans, (refusal,) = plan_all(load(write(tmp_path, blueprint=blueprint)))
    assert refusal.field == "spec.backend.gcs.prefix"
    assert "TARGET_NAM has no value" in refusal.sentence


def test_its_plan_is_found_by_the_dags_id(tmp_path):
    (tmp_path / "other.yaml").write_text("{")
    manifests = open_manifests(write(tmp_path))
    plan = plan_one(manifests, "stash.prod.backupconfiguration.app-main.etcd")
    assert plan.repository.in_manifests
    assert manifests.refusals == []  # the other was not read
