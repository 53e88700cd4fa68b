import pytest

from airflow_provider_stash.exceptions import InvalidConfigurationError
from airflow_provider_stash.kubernetes.job_settings import KubernetesJob
from airflow_provider_stash.kubernetes.place import as_job


def test_where_a_step_runs():
    assert as_job(None) is None
    assert as_job("worker") is None
    assert as_job("kubernetes") == KubernetesJob()
    assert as_job(KubernetesJob(image="i")) == KubernetesJob(image="i")
    with pytest.raises(InvalidConfigurationError, match="execution is 'cloud'"):
        as_job("cloud")
