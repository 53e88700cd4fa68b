"""What a DAG file costs that makes the DAGs of 1,000 BackupConfigurations, each in a file with its AppBinding, Repository
and Secrets in it: parsed whole, as the DAG processor does, and for one task (docs/manifests.md, many manifests).

Run: .venv/bin/python -m benchmarks.manifests [--times 3] [--count 1000]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

TEMPLATE = """\
apiVersion: v1
kind: Secret
metadata: {{name: auth-{n}, namespace: team-{n}}}
stringData: {{username: root, password: secret-{n}}}
---
apiVersion: appcatalog.appscode.com/v1alpha1
kind: AppBinding
metadata:
  name: etcd-{n}
  namespace: team-{n}
spec:
  clientConfig:
    service: {{name: etcd, port: 2379, scheme: http}}
  secret:
    name: auth-{n}
  type: etcd
  version: 3.5.0
---
apiVersion: stash.appscode.com/v1alpha1
kind: Repository
metadata:
  name: repo-{n}
  namespace: team-{n}
spec:
  backend:
    s3:
      endpoint: https://minio.example.com
      bucket: backups
      prefix: /team-{n}
    storageSecretName: storage-{n}
---
apiVersion: stash.appscode.com/v1beta1
kind: BackupConfiguration
metadata:
  name: backup-{n}
  namespace: team-{n}
spec:
  schedule: "{minute} * * * *"
  task:
    name: etcd-backup-3.5.0
    params:
    - name: args
      value: --keepalive-timeout=6s
  repository:
    name: repo-{n}
  target:
    ref:
      apiVersion: appcatalog.appscode.com/v1alpha1
      kind: AppBinding
      name: etcd-{n}
  runtimeSettings:
    container:
      resources:
        requests:
          cpu: 200m
          memory: 1Gi
  retentionPolicy:
    name: keep-last-5
    keepLast: 5
    prune: true
"""
# The DAG processor has imported airflow.sdk before it starts on a file.
PARSE = """
import sys, time, airflow.sdk
begin = time.monotonic()
from airflow_provider_stash.dags import dags_from_manifests
dags = dags_from_manifests(sys.argv[1])
print(time.monotonic() - begin, len(dags))
"""


def parse(directory: str, home: str, expected: int, **variables: str) -> float:
    """Parse in a fresh process; gives seconds."""
    env = {**os.environ, "AIRFLOW_HOME": home, **variables}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PARSE, directory],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    seconds, made = done.stdout.split()[-2:]
    assert int(made) == expected, made
    return float(seconds)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--count", type=int, default=1000)
    options = parser.parse_args()
    task = {"_AIRFLOW_PARSING_CONTEXT_DAG_ID": "stash.team-0.backupconfiguration.backup-0"}
    with tempfile.TemporaryDirectory(prefix="benchmark-") as directory:
        many, one, home = (str(Path(directory, name)) for name in ("many", "one", "home"))
        for place, count in ((many, options.count), (one, 1)):
            Path(place).mkdir()
            for number in range(count):
                text = TEMPLATE.format(n=number, minute=number % 60)
                Path(place, f"{number}.yaml").write_text(text)
        parse(one, home, 1)  # Airflow makes its home
        first = parse(many, home, options.count)
        again = [parse(many, home, options.count) for _ in range(options.times)]
        alone = [parse(one, home, 1, **task) for _ in range(options.times)]
        among = [parse(many, home, 1, **task) for _ in range(options.times)]
    print(f"{options.count} BackupConfigurations, with AppBinding, Repository and Secret each:")
    print(f"parsed for the first time in {first:.2f} s, again in {statistics.median(again):.2f} s")
    print(
        f"a task's start spends on its file: {statistics.median(alone):.3f} s with one, "
        f"{statistics.median(among):.3f} s among {options.count}"
    )


if __name__ == "__main__":
    main()
