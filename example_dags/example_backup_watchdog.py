"""Tells of backups that fail, and of those that did not come though their schedule wanted them."""

from airflow.providers.smtp.notifications.smtp import SmtpNotifier

from airflow_provider_stash.dags import backup_watchdog_dag

dag = backup_watchdog_dag(
    "example_backup_watchdog",
    notify=[
        SmtpNotifier(to="oncall@example.com", subject="{{ stash.subject }}", html_content="{{ stash.text }}")
    ],
    # An http connection to Airflow's API server, with a user who may read the DAGs.
    airflow_conn_id="airflow_api",
    dag_kwargs={"is_paused_upon_creation": True},
)
