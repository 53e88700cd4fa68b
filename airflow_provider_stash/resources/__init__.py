"""Stash's API objects as models: YAML in, models and refusals out."""

from airflow_provider_stash.resources.load import Manifests, load, open_manifests
from airflow_provider_stash.resources.refusal import Refusal

__all__ = ["Manifests", "Refusal", "load", "open_manifests"]
