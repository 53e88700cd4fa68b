"""What an import costs: a DAG file pays for it at each parse, a Job's image must do without Airflow."""

import pkgutil
import subprocess
import sys

import pytest

import airflow_provider_stash

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(airflow_provider_stash.__path__, "airflow_provider_stash.")
    if not module.name.startswith(("airflow_provider_stash.example_dags", "airflow_provider_stash.plugins."))
    or module.name == "airflow_provider_stash.plugins.stash"  # the others run in the API server alone
)
LEAVES = {
    "airflow_provider_stash.operators.kubernetes_job",
    "airflow_provider_stash.operators.kubernetes_workload",
    "airflow_provider_stash.operators.task_job",
    "airflow_provider_stash.triggers.kubernetes_job",
}
"""Modules that load the Kubernetes client, imported by tasks that run a Job and by the triggerer alone."""
HEAVY = ("grpc", "etcd3", "kubernetes", "boto3", "botocore", "prometheus_client")
SLIM = (
    "etcd",
    "restic",
    "metrics",
    "kubernetes",
    "resources",
    "workloads",
    "steps",
    "protection",
    "watch",
    "exceptions",
    "commands",
)


def in_fresh_python(code):
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    return done.stdout


def loaded_after(run, imports, unwanted):
    return loaded_by(run, "; ".join(f"import {name}" for name in imports), unwanted)


def loaded_by(run, code, unwanted):
    return run(f"import sys; {code}; print(*[m for m in {unwanted!r} if m in sys.modules])").split()


@pytest.mark.oldest
def test_no_module_loads_a_heavy_client(in_fresh_airflow):
    assert loaded_after(in_fresh_airflow, sorted(set(MODULES) - LEAVES), HEAVY) == []


@pytest.mark.oldest
def test_making_a_dag_loads_no_heavy_client(in_fresh_airflow):
    """Nor by way of the asset: Airflow asks every provider about a URI, unless its scheme begins with x-."""
    make = "etcd_backup_dag('b', etcd_conn_id='e', repository_conn_id='r', schedule=None, execution='kubernetes')"
    code = f"from airflow_provider_stash.dags import etcd_backup_dag; {make}"
    assert loaded_by(in_fresh_airflow, code, HEAVY) == []


MAKES = {
    "etcd_backup_dag": "etcd_backup_dag('b', etcd_conn_id='e', repository_conn_id='r', retention_policy={'keepLast': 5})",
    "etcd_restore_dag": (
        "from airflow_provider_stash.workloads.process import ProcessWorkload as W, ProcessMember as M;"
        "member = M(name='m', data_dir='/d', peer_urls='http://m:2380', stop=['true'], start=['true']);"
        "etcd_restore_dag('r', etcd_conn_id='e', repository_conn_id='r', workload=W([member]))"
    ),
}
NOT_FOR_A_DAG = (
    "etcd.client", "gotemplate", "resources", "restic.process", "steps.backup", "steps.fetch",
    "workloads.kubernetes_workload",
)  # fmt: skip
"""What a step needs when it runs, and what other DAGs need."""


@pytest.mark.oldest
@pytest.mark.parametrize("factory", MAKES)
def test_making_a_dag_loads_nothing_of_its_steps(in_fresh_airflow, factory):
    """Each task's process reads the DAG file again before its step begins."""
    other = {"etcd_backup_dag": "dags.restore", "etcd_restore_dag": "dags.backup"}[factory]
    unwanted = tuple(f"airflow_provider_stash.{name}" for name in (*NOT_FOR_A_DAG, other, "dags.manifests"))
    code = f"from airflow_provider_stash.dags import {factory}; {MAKES[factory]}"
    assert loaded_by(in_fresh_airflow, code, unwanted) == []


def test_every_factory_is_found_by_its_name():
    import airflow_provider_stash.dags as dags

    assert {getattr(dags, name).__name__ for name in dags.__all__} == set(dags.__all__)
    assert set(dags.__all__) <= set(dir(dags))
    with pytest.raises(AttributeError, match="no_such_dag"):
        _ = dags.no_such_dag


def test_slim_rooms_do_without_airflow():
    slim = [name for name in MODULES if name.split(".")[1] in SLIM]
    assert len(slim) > 30
    assert loaded_after(in_fresh_python, slim, ("airflow",)) == []


def test_the_package_itself_imports_nothing():
    code = "import sys; before = set(sys.modules); import airflow_provider_stash; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["airflow_provider_stash"]


@pytest.mark.oldest
def test_a_task_process_pays_little_for_the_plugin(in_fresh_airflow):
    """Each task's process imports every plugin's module; the fastest of some tries is what it costs, not the machine's load."""
    code = (
        "import time; import airflow.sdk.plugins_manager; begin = time.process_time();"
        "from airflow_provider_stash.plugins.stash import StashPlugin; StashPlugin().external_views;"
        "print('cost', time.process_time() - begin)"
    )
    costs = [float(in_fresh_airflow(code).split("cost ")[1]) for _ in range(3)]
    assert min(costs) < 0.020, costs
