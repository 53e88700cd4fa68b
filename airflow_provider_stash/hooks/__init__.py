"""Airflow connections, as clients of etcd and restic."""
