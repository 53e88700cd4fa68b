"""Stash's Prometheus series, and their way to a Pushgateway or a textfile."""
