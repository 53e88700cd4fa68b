"""The Backups page in Airflow's UI."""
