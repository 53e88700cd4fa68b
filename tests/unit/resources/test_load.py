from pathlib import Path

import pytest
import yaml

from airflow_provider_stash.resources import load, open_manifests
from airflow_provider_stash.resources.appbinding import AppBinding, Secret
from airflow_provider_stash.resources.backup import BackupConfiguration
from airflow_provider_stash.resources.model import StashObject
from airflow_provider_stash.resources.repository import Repository

EXAMPLES = Path(__file__).parents[2] / "stash_manifests"
FILES = sorted(EXAMPLES.rglob("*.yaml"))

BACKUP = """\
apiVersion: stash.appscode.com/v1beta1
kind: BackupConfiguration
metadata: {name: b, namespace: demo}
spec:
  schedule: "* * * * *"
  task: {name: etcd-backup-3.5.0}
  repository: {name: r}
  target: {ref: {apiVersion: appcatalog.appscode.com/v1alpha1, kind: AppBinding, name: a}}
  retentionPolicy: {keepLast: 5}
"""


def refused(tmp_path, text, name="m.yaml"):
    (tmp_path / name).write_text(text)
    return load(tmp_path).refusals


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_every_example_of_stashs_documentation_is_read_and_written_back(file):
    manifests = load(file)
    assert manifests.refusals == []
    written = [loaded.object.dump() for loaded in manifests.all(StashObject)]
    assert written == [one for one in yaml.safe_load_all(file.read_text()) if one]


def test_files_directories_documents_and_lists(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "two.yml").write_text(
        "---\n# a comment\n---\n" + BACKUP.replace("name: b", "name: b2")
    )
    (tmp_path / "one.yaml").write_text(
        "%YAML 1.1\n---\n" + BACKUP + "---\n" + BACKUP.replace("demo", "other") + "...\n"
    )
    (tmp_path / "list.json").write_text(
        '{"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", "kind": "Secret",'
        ' "metadata": {"name": "s", "namespace": "demo"}, "stringData": {"a": "b"}}]}'
    )
    (tmp_path / "own.yaml").write_text(
        "apiVersion: stash.appscode.com/v1alpha1\nkind: RepositoryList\nitems:\n"
        "- metadata: {name: r}\n  spec: {backend: {rest: {url: 'http://r/'}}}\n"
    )
    (tmp_path / ".hidden.yaml").write_text("{")
    (tmp_path / "notes.txt").write_text("{")
    (tmp_path / "service.yaml").write_text("apiVersion: v1\nkind: Service\nmetadata: {name: x}\n")
    manifests = load(tmp_path)
    assert manifests.refusals == []
    found = {
        (one.object.kind, one.object.namespace, one.object.name): one for one in manifests.all(StashObject)
    }
    assert set(found) == {
        ("BackupConfiguration", "demo", "b"),
        ("BackupConfiguration", "other", "b"),
        ("BackupConfiguration", "demo", "b2"),
        ("Secret", "demo", "s"),
        ("Repository", "default", "r"),
    }
    assert found["BackupConfiguration", "other", "b"].line == 13
    assert found["BackupConfiguration", "demo", "b"].source.strip() == BACKUP.strip()
    assert found["Secret", "demo", "s"].object.values() == {"a": b"b"}


@pytest.mark.parametrize(
    ("text", "field", "words"),
    [
        (BACKUP.replace("keepLast", "keepLat"), "spec.retentionPolicy.keepLat", "'keepLast' meant?"),
        (BACKUP.replace("schedule:", "schedul:"), "spec.schedul", "'schedule' meant?"),
        (BACKUP.replace("{ref:", "{reff: {}, ref:"), "spec.target.reff", "'ref' meant?"),
        (
            BACKUP.replace("keepLast: 5", "keepLast: five"),
            "spec.retentionPolicy.keepLast",
            "not a whole number",
        ),
        (
            BACKUP.replace("keepLast: 5", "keepLast: true"),
            "spec.retentionPolicy.keepLast",
            "not a whole number",
        ),
        (BACKUP.replace("name: b,", "name: 12,"), "metadata.name", "put it in quotes"),
        (BACKUP.replace("name: b, ", ""), "metadata.name", "is missing"),
        (BACKUP + "  timeOut: 2 hours\n", "spec.timeOut", "write it like 90s"),
        (BACKUP + "  tempDir: {sizeLimit: 2GB}\n", "spec.tempDir.sizeLimit", "write it like 512Mi"),
        (BACKUP + "  driver: Rsync\n", "spec.driver", "'Restic' or 'VolumeSnapshotter'"),
        (
            BACKUP + "  hooks: {preBackup: {containerName: x}}\n",
            "spec.hooks.preBackup",
            "exactly one of exec",
        ),
        (
            BACKUP + "  runtimeSettings: {container: {securityContext: {runAsUsr: 0}}}\n",
            "spec.runtimeSettings.container.securityContext.runAsUsr",
            "'runAsUser' meant?",
        ),
        (
            BACKUP + "  runtimeSettings: {container: {resources: {limits: {memory: 1GB}}}}\n",
            "spec.runtimeSettings.container.resources.limits.memory",
            "no quantity",
        ),
        (
            BACKUP + "  runtimeSettings: {pod: {tolerations: [{key: a}, {kye: b}]}}\n",
            "spec.runtimeSettings.pod.tolerations[1].kye",
            "'key' meant?",
        ),
        (BACKUP.replace("BackupConfiguration", "BackupConfigration"), "kind", "'BackupConfiguration' meant?"),
        (BACKUP.replace("v1beta1", "v1alpha1"), "apiVersion", "'stash.appscode.com/v1beta1'"),
        (BACKUP.replace("kind: Back", "knd: Back"), "kind", "is missing. Is 'knd' meant?"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_the_nearest_known_name(tmp_path, text, field, words):
    refusals = refused(tmp_path, text)
    assert [one.field for one in refusals] == [field]
    assert words in refusals[0].sentence
    assert refusals[0].file == str(tmp_path / "m.yaml")
    assert str(refusals[0]).startswith(f"{tmp_path / 'm.yaml'}:1: ")


def test_several_mistakes_of_an_object_are_told_at_once(tmp_path):
    text = BACKUP.replace("keepLast", "keepLat").replace("schedule", "schedul")
    assert {one.field for one in refused(tmp_path, text)} == {"spec.schedul", "spec.retentionPolicy.keepLat"}


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\n---\nb: {\n", 4, "no valid YAML"),
        ("a: 1\na: 2\n", 2, "'a' stands twice"),
        ("just words\n", 1, "holds no object"),
        ("b: {{ .Values.x }}\n", 1, "no valid YAML"),
    ],
)
def test_bad_yaml_is_told_with_its_line_and_the_rest_loads(tmp_path, text, line, words):
    (tmp_path / "good.yaml").write_text(BACKUP)
    (refusal,) = refused(tmp_path, text, "bad.yaml")
    assert (refusal.file, refusal.line) == (str(tmp_path / "bad.yaml"), line)
    assert words in refusal.sentence
    assert load(tmp_path).get(BackupConfiguration, "demo", "b") is not None


def test_bad_yaml_of_a_secret_is_not_repeated(tmp_path):
    (refusal,) = refused(tmp_path, "kind: Secret\nstringData:\n  password: 'hunter2\n")
    assert "hunter2" not in str(refusal)
    secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {a: 'hunter2!'}\n"
    (refusal,) = refused(tmp_path, secret)
    assert refusal.field == "data.a"
    assert "hunter2" not in str(refusal)


def test_what_can_not_be_read_is_told(tmp_path):
    (refusal,) = load(tmp_path / "none.yaml").refusals
    assert "No such file" in refusal.sentence
    (tmp_path / "latin.yaml").write_bytes(b"a: \xe9\n")
    assert "UTF-8" in load(tmp_path).refusals[0].sentence


def test_the_second_of_two_is_refused(tmp_path):
    (refusal,) = refused(tmp_path, f"{BACKUP}---\n{BACKUP}")
    assert refusal.line == 11
    assert "m.yaml:1" in refusal.sentence


def test_times_and_sexagesimals_stay_texts(tmp_path):
    text = BACKUP.replace(
        "metadata: {", "metadata: {creationTimestamp: 2019-04-15T06:08:16Z, labels: {a: 12:30}, "
    )
    (tmp_path / "m.yaml").write_text(text)
    found = load(tmp_path).get(BackupConfiguration, "demo", "b")
    assert found.metadata.creation_timestamp == "2019-04-15T06:08:16Z"
    assert found.metadata.labels == {"a": "12:30"}


def test_one_object_is_found_without_reading_the_others(tmp_path):
    for number in range(20):
        (tmp_path / f"{number}.yaml").write_text(BACKUP.replace("name: b,", f"name: backup-{number},"))
    (tmp_path / "bad.yaml").write_text("{")
    manifests = open_manifests(tmp_path)
    assert manifests.get(BackupConfiguration, "demo", "backup-7") is not None
    assert manifests.get(AppBinding, "demo", "backup-7") is None
    assert len(manifests._unread) == 20
    assert manifests.refusals == []


def test_a_secret_shows_nowhere(tmp_path):
    (tmp_path / "s.yaml").write_text(
        "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {password: hunter2}\n"
    )
    assert "hunter2" not in repr(load(tmp_path).all(Secret))


@pytest.mark.parametrize(
    ("name", "location", "more"),
    [
        ("local-repo-with-hostpath", "/data/stash-test/repo", {}),
        ("local-repo-with-pvc", "/safe/data", {}),
        ("local-repo-with-nfs", "/safe/data", {}),
        (
            "s3-repo",
            "s3:s3.amazonaws.com/stash-demo/backup/demo/deployment/stash-demo",
            {"region": "us-west-1"},
        ),
        (
            "minio-repo",
            "s3:https://my-minio-service.minio-namespace.svc/stash-demo/backup/demo/deployment/stash-demo",
            {},
        ),
        ("gcs-demo-repo", "gs:stash-demo-backup:/demo", {"provider": "gcs"}),
        ("azure-repo", "azure:stash-backup:/demo/deployment/my-deploy", {"max_connections": 4}),
        ("swift-repo", "swift:stash-backup:/demo/deployment/my-deploy", {}),
        ("b2-repo", "b2:stash-backup:demo/deployment/my-deploy", {}),
        ("rest-repo", "rest:http://rest-server.demo.svc:8000/stash-backup-demo", {}),
    ],
)
def test_every_backend_has_its_location_in_restics_syntax(name, location, more):
    backend = load(EXAMPLES / "guides").get(Repository, "demo", name).spec.backend
    assert backend.location == location
    assert {key: getattr(backend, key) for key in more} == more


def test_a_backend_is_one_store_with_fields_that_it_has(tmp_path):
    head = (
        "apiVersion: stash.appscode.com/v1alpha1\nkind: Repository\nmetadata: {name: r}\nspec:\n  backend: "
    )
    for backend, field in (
        ("{}", "spec.backend"),
        ("{gcs: {bucket: b}, s3: {bucket: b}}", "spec.backend"),
        ("{local: {mountPath: /m, hostPth: {path: /x}}}", "spec.backend.local.hostPth"),
        ("{s3: {bucket: b, insecureTls: true}}", "spec.backend.s3.insecureTls"),
    ):
        (refusal,) = refused(tmp_path, head + backend + "\n")
        assert refusal.field == field, refusal


@pytest.mark.parametrize(
    ("policy", "namespace", "allowed"),
    [
        ("{from: Same}", "demo", True),
        ("{from: Same}", "prod", False),
        ("{from: All}", "prod", True),
        ("{from: Selector, selector: {matchLabels: {team: a}}}", "prod", True),
        ("{from: Selector, selector: {matchLabels: {team: b}}}", "prod", False),
        (
            "{from: Selector, selector: {matchExpressions: [{key: kubernetes.io/metadata.name, operator: In,"
            " values: [prod, staging]}]}}",
            "prod",
            True,
        ),
        (
            "{from: Selector, selector: {matchExpressions: [{key: team, operator: DoesNotExist}]}}",
            "prod",
            False,
        ),
        (
            "{from: Selector, selector: {matchExpressions: [{key: team, operator: NotIn, values: [b]}]}}",
            "prod",
            True,
        ),
    ],
)
def test_usage_policies(tmp_path, policy, namespace, allowed):
    (tmp_path / "m.yaml").write_text(
        "apiVersion: v1\nkind: Namespace\nmetadata: {name: prod, labels: {team: a}}\n---\n"
        "apiVersion: stash.appscode.com/v1alpha1\nkind: Repository\nmetadata: {name: r, namespace: demo}\n"
        f"spec: {{backend: {{rest: {{url: 'http://r/'}}}}, usagePolicy: {{allowedNamespaces: {policy}}}}}\n"
    )
    manifests = load(tmp_path)
    assert manifests.refusals == []
    usage = manifests.get(Repository, "demo", "r").spec.usage_policy
    assert usage.allows(namespace, "demo", manifests.labels_of(namespace)) is allowed


SECRET = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData:\n  password: "


@pytest.mark.parametrize(
    "value",
    ["!hunter2", "!hunter2 {a: b}", "!!int hunter2", "!!float hunter2", "!!bool hunter2", "!!timestamp hunter2",
     "*hunter2", "0x_"],
)  # fmt: skip
def test_a_value_that_yaml_takes_for_something_else_is_not_repeated_and_the_rest_loads(tmp_path, value):
    (tmp_path / "good.yaml").write_text(BACKUP)
    (refusal,) = refused(tmp_path, f"{SECRET}{value}\n", "bad.yaml")
    assert refusal.sentence.startswith("This is no valid YAML: ")
    assert "hunter2" not in str(refusal)
    assert load(tmp_path).get(BackupConfiguration, "demo", "b") is not None


def test_a_value_that_holds_itself_is_refused(tmp_path):
    (refusal,) = refused(tmp_path, "a: &a [*a]\n")
    assert "holds itself" in refusal.sentence


@pytest.mark.parametrize("metadata", ["[a]", "{name: a, labels: [b]}"])
def test_a_namespace_without_labels_has_none(tmp_path, metadata):
    text = f"apiVersion: v1\nkind: Namespace\nmetadata: {metadata}\n"
    assert refused(tmp_path, text) == []
    assert load(tmp_path).labels_of("a") == {}


BINDING = """\
apiVersion: appcatalog.appscode.com/v1alpha1
kind: AppBinding
metadata: {name: a}
spec:
"""


@pytest.mark.parametrize(
    ("spec", "field", "words"),
    [
        ("parameters: {stash: x}", "spec.parameters.stash", "not a mapping"),
        (
            "parameters: {stash: {addon: {backupTask: {nme: x}}}}",
            "spec.parameters.stash.addon.backupTask.nme",
            "'name' meant?",
        ),
        (
            "secretTransforms: [{addKey: {key: k, value: 'hunter2!'}}]",
            "spec.secretTransforms[0].addKey.value",
            "stringValue",
        ),
    ],
)
def test_a_mistake_in_an_appbinding_is_told_under_its_name(tmp_path, spec, field, words):
    (refusal,) = refused(tmp_path, f"{BINDING}  clientConfig: {{url: 'http://a:2379'}}\n  {spec}\n")
    assert (refusal.object, refusal.field) == ("AppBinding default/a", field)
    assert words in refusal.sentence
    assert "hunter2" not in refusal.sentence


def test_a_ca_bundle_may_have_line_ends(tmp_path):
    encoded = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t"  # a PEM's first line
    text = f"  clientConfig:\n    url: https://a:2379\n    caBundle: |\n      {encoded[:20]}\n      {encoded[20:]}\n"
    (tmp_path / "m.yaml").write_text(BINDING + text)
    binding = load(tmp_path).get(AppBinding, "default", "a")
    assert binding.spec.client_config.ca_certificate == "-----BEGIN CERTIFICATE-----"


def test_a_path_of_the_service_can_not_be_meant(tmp_path):
    text = "  clientConfig:\n    service: {name: etcd, port: 2379, scheme: https, path: /v3}\n"
    (tmp_path / "m.yaml").write_text(BINDING + text)
    (refusal,) = load(tmp_path).refusals
    assert refusal.field == "spec.clientConfig.service.path"
    assert "neither paths nor queries" in refusal.sentence


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://a:2379/v3", "holds the path '/v3'"),
        ("https://a:2379,https://b:2379/cluster-1", "holds the path '/cluster-1'"),
        ("a:2379/v3", "holds the path '/v3'"),
        ("https://a:2379?timeout=hunter2", "holds a query or a fragment"),
        ("https://a:2379/#hunter2", "holds a query or a fragment"),
        ("https://root:hunter2@a:2379", "belongs into the Secret"),
        ("ftp://a:2379", "use http or https"),
        ("http://[::1:2379", "goes in brackets, both of them"),
        ("https://a:99999", "use 1 to 65535"),
    ],
)
def test_an_address_that_no_etcd_has_is_refused_by_name(tmp_path, url, words):
    (refusal,) = refused(tmp_path, f"{BINDING}  clientConfig: {{url: '{url}'}}\n")
    assert (refusal.object, refusal.field) == ("AppBinding default/a", "spec.clientConfig.url")
    assert words in refusal.sentence
    assert "hunter2" not in refusal.sentence


def test_addresses_of_other_applications_are_theirs(tmp_path):
    service = "{name: m, port: 3306, path: /db, query: charset=utf8}"
    config = f"  clientConfig:\n    url: user@tcp(mysql.demo.svc:3306)/db?x=1\n    service: {service}\n"
    (tmp_path / "m.yaml").write_text(f"{BINDING}  type: kubedb.com/mysql\n{config}")
    assert load(tmp_path).refusals == []
