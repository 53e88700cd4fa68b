"""Kubernetes objects as plain mappings, and what a Pod's failure means. No client, no Airflow."""
