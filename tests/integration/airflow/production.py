"""A cluster whose backups fail and recover, and the words that its DAGs, ``dags/alerts.py``, send about it."""

import json

from airflow_provider_stash.restic.repository import Repository
from testbed.airflow_api import WATCHER, WATCHER_PASSWORD
from testbed.binaries import restics
from testbed.restic_repository import make_repository

PASSWORD = "p"


class Production:
    """
    The cluster's backups.

    :param cluster: the cluster.
    :param directory: for its repository, and what was told.
    """

    def __init__(self, cluster, directory):
        self.cluster, self.repository = cluster, directory / "repository"
        self.lineage, self._told = directory / "lineage", directory / "told"
        self._told.touch()
        make_repository(Repository(str(self.repository), PASSWORD, no_cache=True, restic=restics()[0]))

    def told(self, state=""):
        """Give the lines that were sent, of a state or all."""
        return [line for line in self._told.read_text().splitlines() if line.startswith(state)]

    def environment(self):
        """Give what an Airflow with the DAGs needs."""
        extra = {"restic_path": restics()[0], "no_cache": True}
        repository = {
            "conn_type": "restic",
            "host": str(self.repository),
            "password": PASSWORD,
            "extra": extra,
        }
        transport = {"type": "file", "log_file_path": str(self.lineage), "append": True}
        return {
            "AIRFLOW_CONN_ETCD_PROD": self.cluster.connection(),
            "AIRFLOW_CONN_RESTIC_PROD": json.dumps(repository),
            "AIRFLOW__SCHEDULER__DEADLINE_CHECK_INTERVAL": "1",
            "AIRFLOW__OPENLINEAGE__SELECTIVE_ENABLE": "True",
            "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(transport),
            "STASH_TEST_TOLD": str(self._told),
        }

    @staticmethod
    def airflow_api(home):
        """Give the connection by which the watchdog looks: its user may read these DAGs alone."""
        api = {"conn_type": "http", "host": home.url, "login": WATCHER, "password": WATCHER_PASSWORD}
        return json.dumps(api)
