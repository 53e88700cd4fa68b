"""An Airflow home of the tests' own, before Airflow is first imported."""

import os
import tempfile

# What the surroundings have set for these programs is not what is tested.
for _name in list(os.environ):
    if _name.startswith(("AIRFLOW_", "AWS_", "ETCD_", "ETCDCTL_", "RESTIC_", "RCLONE_")):
        del os.environ[_name]

_HOME = tempfile.TemporaryDirectory(prefix="stash-tests-")
os.environ.update(
    {
        "AIRFLOW_HOME": _HOME.name,
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{_HOME.name}/airflow.db",
        # Of etcds that are started from here. Else each login takes a quarter of a second of a processor; and no machine fails here,
        # so that what a member has written is there without waiting for the disk (from 3.5 on).
        "ETCD_BCRYPT_COST": "4",
        "ETCD_UNSAFE_NO_FSYNC": "true",
    }
)
