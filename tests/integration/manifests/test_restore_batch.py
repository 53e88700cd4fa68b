"""A RestoreBatch of two real clusters: what becomes of a member when its sibling fails, or is left out."""

import shlex

import pytest

from testbed.stash_objects import point_appbinding, point_repository, secret, write_objects
from testbed.webhook import Webhook
from tests.integration.manifests.conftest import PASSWORD, described

pytestmark = pytest.mark.timeout(600)
NAMES = ("first", "second")
BACKUP, SIDE_BY_SIDE = "stash.demo.backupbatch.both", "stash.demo.restorebatch.side-by-side"
IN_ORDER = "stash.demo.restorebatch.in-order"


def batch(kind, name, order, members):
    return {
        "apiVersion": "stash.appscode.com/v1beta1",
        "kind": kind,
        "metadata": {"name": name, "namespace": "demo"},
        "spec": {
            "repository": {"name": "repo"},
            "executionOrder": order,
            **({"retentionPolicy": {"keepLast": 3}} if kind == "BackupBatch" else {}),
            "members": [
                {
                    "task": {"name": "etcd-backup-3.5.0" if kind == "BackupBatch" else "etcd-restore-3.5.0"},
                    "target": {
                        "alias": member,
                        "ref": {
                            "apiVersion": "appcatalog.appscode.com/v1alpha1",
                            "kind": "AppBinding",
                            "name": f"etcd-{member}",
                        },
                    },
                }
                for member in members
            ],
        },
    }


@pytest.fixture(scope="module")
def webhook():
    """Hears the hooks of the batch as a whole."""
    with Webhook() as server:
        yield server


@pytest.fixture(scope="module")
def both(clusters, serve, webhook, tmp_path_factory):
    """Two clusters; while ``broken`` is there, the second's member does not start: it goes with the attempt."""
    found = {name: clusters(name, tls=False, password=None) for name in NAMES}
    broken = tmp_path_factory.mktemp("broken") / "broken"
    member = found["second"].members[0]
    start = f"rm {shlex.quote(str(broken))} 2>/dev/null && exit 1; exec {shlex.join(member.command('start'))}"
    stash = serve(
        {
            "demo/etcd-first": [described(found["first"].members[0])],
            "demo/etcd-second": [described(member, ["sh", "-c", start])],
        }
    )
    objects = {
        "repository": {
            "apiVersion": "stash.appscode.com/v1alpha1",
            "kind": "Repository",
            "metadata": {"name": "repo", "namespace": "demo"},
            "spec": {"backend": {"storageSecretName": "storage"}},
        },
        "storage": secret("storage", RESTIC_PASSWORD=PASSWORD),
        "backup": batch("BackupBatch", "both", "Parallel", NAMES),
        "side-by-side": batch("RestoreBatch", "side-by-side", "Parallel", NAMES),  # with hooks, below
        "in-order": batch("RestoreBatch", "in-order", "Sequential", NAMES[::-1]),
    }
    objects["side-by-side"]["spec"]["hooks"] = {
        name: {
            "httpPost": {"host": "127.0.0.1", "port": webhook.server_port, "path": f"/{name}", "body": words}
        }
        for name, words in (
            ("preRestore", "{{ .Invoker.Name }}"),
            ("postRestore", "{{ .Status.Phase }}: {{ .Status.Error }}"),
        )
    }
    point_repository(objects["repository"], stash.backend)
    for name, cluster in found.items():
        objects[name] = {
            "apiVersion": "appcatalog.appscode.com/v1alpha1",
            "kind": "AppBinding",
            "metadata": {"name": f"etcd-{name}", "namespace": "demo"},
            "spec": {"type": "etcd", "version": "3.5.0"},
        }
        point_appbinding(objects[name], cluster)
        cluster.fill(20, prefix=f"/{name}/")
    write_objects(stash.manifests, objects)
    stash.succeed(BACKUP)
    return stash, found, broken


@pytest.fixture
def changed(both):
    """What the clusters hold since the backup, and held at it."""
    _, found, _ = both
    good = {}
    for name, cluster in found.items():
        cluster.delete("/")
        cluster.fill(20, prefix=f"/{name}/")
        good[name] = cluster.all_keys()
        cluster.fill(1, prefix="/since/")
    return {name: cluster.all_keys() for name, cluster in found.items()}, good


def states(tasks, member):
    return {
        key.removeprefix(f"{member}.session."): state
        for key, state in tasks.items()
        if key.startswith(member)
    }


def test_side_by_side_a_member_that_fails_is_put_back_and_its_sibling_is_restored(both, changed, webhook):
    stash, found, broken = both
    since, good = changed
    broken.touch()
    state, tasks = stash.run(SIDE_BY_SIDE, confirm="side-by-side")
    assert state == "failed", tasks
    assert not broken.exists()
    assert (states(tasks, "first")["verify"], states(tasks, "first")["roll_back"]) == ("success", "skipped")
    second = states(tasks, "second")
    assert (second["start_members"], second["verify"], second["roll_back"]) == (
        "failed",
        "upstream_failed",
        "success",
    )
    assert tasks["outcome"] == "upstream_failed"
    assert found["first"].all_keys() == good["first"]
    assert found["second"].all_keys() == since["second"]
    before, after = [asked.body for asked in webhook.asked]
    assert before == "side-by-side"
    assert after.startswith("Failed: Member 'm0' was not started by"), after


def test_one_after_another_a_failure_keeps_the_next_member_untouched(both, changed):
    stash, found, broken = both
    since, _ = changed
    broken.touch()
    state, tasks = stash.run(IN_ORDER, confirm="in-order")
    assert state == "failed", tasks
    assert tasks["checked"] == "success"
    assert (states(tasks, "second")["roll_back"], tasks["after_second"]) == ("success", "failed")
    first = states(tasks, "first")
    assert (first["approve"], first["fill_members"], first["stop_members"]) == (
        "success",
        "upstream_failed",
        "upstream_failed",
    )
    assert {name: cluster.all_keys() for name, cluster in found.items()} == since


def test_one_after_another_it_goes_on_where_the_form_says_so(both, changed):
    stash, found, broken = both
    since, good = changed
    broken.touch()
    state, tasks = stash.run(IN_ORDER, confirm="in-order", go_on_after_failure=True)
    assert state == "failed", tasks
    assert not broken.exists()
    assert (states(tasks, "second")["roll_back"], tasks["after_second"]) == ("success", "success")
    assert (states(tasks, "first")["verify"], tasks["outcome"]) == ("success", "upstream_failed")
    assert found["first"].all_keys() == good["first"]
    assert found["second"].all_keys() == since["second"]


def test_a_member_that_is_turned_off_is_passed_over(both, changed):
    stash, found, _ = both
    since, good = changed
    tasks = stash.succeed(IN_ORDER, confirm="in-order", **{"second.restore": False})
    assert set(states(tasks, "second").values()) == {"skipped", "success"}
    assert (states(tasks, "second")["fill_members"], states(tasks, "first")["verify"]) == (
        "skipped",
        "success",
    )
    assert found["first"].all_keys() == good["first"]
    assert found["second"].all_keys() == since["second"]


def test_a_dry_run_checks_all_and_changes_nothing(both, changed, webhook):
    stash, found, _ = both
    since, _ = changed
    webhook.asked.clear()
    tasks = stash.succeed(SIDE_BY_SIDE, dry_run=True)
    assert {tasks[f"{name}.session.fetch_snapshot"] for name in NAMES} == {"success"}
    assert {tasks["checked"], *(tasks[f"{name}.session.stop_members"] for name in NAMES)} == {"skipped"}
    assert {name: cluster.all_keys() for name, cluster in found.items()} == since
    assert webhook.asked == []
