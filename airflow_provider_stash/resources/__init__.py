"""Stash's API objects as models: YAML in, models and refusals out; and the plans of the DAGs they become."""

from airflow_provider_stash.resources.load import Manifests, load, open_manifests
from airflow_provider_stash.resources.plan import DagPlan
from airflow_provider_stash.resources.planner import plan_all, plan_one
from airflow_provider_stash.resources.refusal import Refusal

__all__ = ["DagPlan", "Manifests", "Refusal", "load", "open_manifests", "plan_all", "plan_one"]
