import json
import os
import signal
import subprocess
import sys

import pytest

from airflow_provider_stash.exceptions import InvalidConfigurationError, RepositoryNotFoundError
from airflow_provider_stash.kubernetes.record import read_record
from airflow_provider_stash.restic.repository import Repository
from airflow_provider_stash.restic.retention import RetentionPolicy
from airflow_provider_stash.steps import call as calls
from airflow_provider_stash.steps import initialize as initialize_step
from airflow_provider_stash.steps import retention
from airflow_provider_stash.steps.call import plain
from airflow_provider_stash.steps.credentials import repository_settings
from airflow_provider_stash.steps.run import main
from airflow_provider_stash.steps.staging import TempDir


@pytest.fixture
def mounted(tmp_path, monkeypatch):
    directory = tmp_path / "credentials"
    (directory / "repository").mkdir(parents=True)
    (directory / "repository" / "RESTIC_PASSWORD").write_text("pw")
    monkeypatch.setenv("STASH_CREDENTIALS", str(directory))
    before = signal.getsignal(signal.SIGTERM)
    yield directory
    signal.signal(signal.SIGTERM, before)


def request(**arguments):
    return json.dumps({"arguments": arguments, "repository": repository_settings(Repository("/r", ""))})


def last_line(capsys):
    return capsys.readouterr().out.splitlines()[-1]


def test_a_step_runs_with_what_is_mounted(mounted, monkeypatch, capsys):
    def apply_retention(given, policy, **others):
        return {"password": given.password == "pw", "keep": policy.keep_last, "others": sorted(others)}

    monkeypatch.setattr(retention, "apply_retention", apply_retention)
    text = request(policy=plain(RetentionPolicy(keep_last=3)), hostname="h")
    assert main(["apply_retention", text]) == 0
    assert read_record(last_line(capsys)) == {"password": True, "keep": 3, "others": ["hostname"]}


def test_a_steps_error_is_its_record(mounted, monkeypatch, capsys):
    def initialize(given, **others):
        raise RepositoryNotFoundError("there is none")

    monkeypatch.setattr(initialize_step, "initialize", initialize)
    assert main(["initialize", request()]) == 1
    with pytest.raises(RepositoryNotFoundError, match="there is none"):
        read_record(last_line(capsys))


@pytest.mark.parametrize(
    "arguments",
    [[], ["initialize"], ["initialize", "{"], ["initialize", "{}"], ["initialize", '{"arguments": {}}'], ["rm_rf", '{"arguments": {}}']],
)  # fmt: skip
def test_a_call_that_can_not_be_meant(mounted, arguments, capsys):
    assert main(arguments) == 2
    with pytest.raises(InvalidConfigurationError):
        read_record(last_line(capsys))


def test_sigterm_stops_the_step_in_order(tmp_path):
    text = json.dumps({
        "arguments": {"timeout": 600, "poke_interval": 0.1},
        "etcd": {"endpoints": "http://127.0.0.1:9", "ca_cert": None, "insecure_skip_verify": False,
                 "server_name": None, "timeout": 0.2},
    })  # fmt: skip
    with subprocess.Popen(
        [sys.executable, "-m", "airflow_provider_stash.steps.run", "wait_for_health", text],
        stdout=subprocess.PIPE, text=True, env={**os.environ, "STASH_CREDENTIALS": str(tmp_path)},
    ) as process:  # fmt: skip
        assert "does not answer yet" in process.stdout.readline()
        process.terminate()
        rest = process.stdout.read()
    assert process.returncode == 143
    assert "ended from outside" in rest
    assert "stash-record" not in rest


def test_every_step_is_a_function_of_its_module():
    for name, module in calls._STEPS.items():
        assert callable(getattr(__import__(f"airflow_provider_stash.steps.{module}", fromlist=[name]), name))


def test_arguments_are_plain():
    given = {"temp_dir": TempDir("/t", 5), "tags": ("a",), "none": None}
    assert plain(given) == {"temp_dir": {"path": "/t", "size_limit": 5}, "tags": ["a"], "none": None}
