"""Airflow tasks, one a step."""
