"""Real servers and an Airflow on loopback, for the demo, the tests and the benchmarks."""
