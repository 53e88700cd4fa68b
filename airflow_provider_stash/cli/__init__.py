"""``airflow stash``: a module a group of verbs; ``definition`` tells Airflow of them."""
