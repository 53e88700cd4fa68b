"""One function a backup or restore step: plain arguments in, a plain dict out, no Airflow."""
