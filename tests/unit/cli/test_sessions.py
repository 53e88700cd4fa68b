import io
from argparse import Namespace

import pytest
from airflow.serialization.definitions.param import SerializedParam, SerializedParamsDict

from airflow_provider_stash.cli import sessions
from airflow_provider_stash.cli.console import Exit
from airflow_provider_stash.cli.sessions import parse_params
from airflow_provider_stash.dags.forms import restore_form
from airflow_provider_stash.exceptions import InvalidConfigurationError

pytestmark = pytest.mark.oldest


def test_values_are_json_else_text():
    given = [
        "keep_forever=true",
        'tags=["a"]',
        "snapshot=latest",
        "before=",
        "bump_revision=1e",
        "n=3",
        "x=a=b",
    ]
    assert parse_params(given, {}) == {
        "keep_forever": True,
        "tags": ["a"],
        "snapshot": "latest",
        "before": "",
        "bump_revision": "1e",
        "n": 3,
        "x": "a=b",
    }


@pytest.mark.parametrize("wrong", ["tags", "=x", ""])
def test_what_has_no_name_or_value_is_refused(wrong):
    with pytest.raises(InvalidConfigurationError, match="NAME=VALUE"):
        parse_params([wrong], {})


@pytest.fixture
def trigger(monkeypatch):
    """``trigger`` of a restore DAG, up to the run: gives what its form was filled in with."""
    made = []

    class Client:
        def trigger_dag(self, *, conf, **given):
            made.append(conf)
            return {"dag_run_id": "by-hand", "state": "queued"}

    form = SerializedParamsDict(
        {
            name: SerializedParam(param.value, param.description, **param.schema)
            for name, param in restore_form("host-0", False, "auto", phrase="etcd.prod").items()
        }
    )
    monkeypatch.setattr(sessions, "_find_dags", lambda dag_ids: dict.fromkeys(dag_ids, False))
    monkeypatch.setattr(sessions, "_form_of", lambda dag_id: form)
    monkeypatch.setattr(sessions, "_restores", lambda dag_id: True)
    monkeypatch.setattr("airflow.api.client.get_current_api_client", Client)
    monkeypatch.setattr("sys.stdin", io.StringIO(""))

    def run(*params, yes=True):
        made.clear()
        args = Namespace(dag_id="restore_prod", param=params, yes=yes, wait=False, output="json")
        sessions.trigger.__wrapped__.__wrapped__(args)
        return made[0]

    return run


def test_a_restore_goes_with_its_name_typed_and_a_yes_or_dry(trigger):
    conf = trigger("confirm=etcd.prod", "snapshot=12345678", "before=null")
    assert conf == {"confirm": "etcd.prod", "snapshot": "12345678", "before": None}
    assert trigger("dry_run=true", yes=False) == {"dry_run": True}


@pytest.mark.parametrize(
    ("params", "yes", "code", "words"),
    [
        ((), True, Exit.NOT_CONFIRMED, "type etcd.prod, the connection of the cluster"),
        (("confirm=",), True, Exit.FAILED, "does not take that"),
        (("confirm=null",), True, Exit.NOT_CONFIRMED, "-p confirm=NAME"),
        (("confirm=etcd.prod",), False, Exit.NOT_CONFIRMED, "there is nobody to ask"),
        (("confirm=etcd-prod",), True, Exit.FAILED, "does not take that"),
        (("dry_run=perhaps",), True, Exit.FAILED, "does not take that"),
        (("confirm=etcd.prod", "snapshto=abcd"), True, Exit.USAGE, "is 'snapshot' meant?"),
        (("confirm",), True, Exit.USAGE, "NAME=VALUE"),
    ],
)
def test_else_no_run_is_made(trigger, capsys, params, yes, code, words):
    with pytest.raises(SystemExit) as ended:
        trigger(*params, yes=yes)
    assert ended.value.code == code
    assert words in capsys.readouterr().err
