from airflow_provider_stash.operators.restic import ResticForgetOperator
from airflow_provider_stash.operators.session import EtcdBackupSessionOperator
from airflow_provider_stash.restic.retention import RetentionPolicy


def test_the_serialized_dag_tells_the_policy_as_the_forget_operators_does():
    policy = RetentionPolicy.from_stash({"keepLast": 5})
    session = EtcdBackupSessionOperator(task_id="session", retention_policy=policy)
    forget = ResticForgetOperator(task_id="forget", retention_policy=policy)
    assert session.retention_policy == forget.retention_policy == {"keepLast": 5}
    assert EtcdBackupSessionOperator(task_id="all").retention_policy is None
