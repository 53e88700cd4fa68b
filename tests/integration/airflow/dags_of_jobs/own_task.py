"""A backup by a Task of one's own, from manifests."""

import json
import os

from airflow_provider_stash.dags import ManifestSettings, dags_from_manifests
from airflow_provider_stash.kubernetes.job_settings import KubernetesJob

settings = ManifestSettings(
    execution=KubernetesJob(**json.loads(os.environ["STASH_TEST_JOB"])), backup={"check": False}
)
globals().update(dags_from_manifests(os.environ["STASH_TEST_OWN_TASK"], settings=settings))
