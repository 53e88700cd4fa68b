"""AppsCode Stash's etcd backup and restore, as an Apache Airflow provider."""

__version__ = "0.1.0"
