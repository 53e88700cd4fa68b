import pytest

from airflow_provider_stash.exceptions import InvalidConfigurationError
from airflow_provider_stash.gotemplate import parse
from airflow_provider_stash.steps.summary import Status, check_session, go_duration, summary

SESSION = {
    "namespace": "demo",
    "invoker": {"apiGroup": "stash.appscode.com", "kind": "BackupConfiguration", "name": "etcd-backup"},
    "target": {"apiVersion": "appcatalog.appscode.com/v1alpha1", "kind": "AppBinding", "name": "etcd"},
}


def test_templates_see_what_stashs_see():
    check_session(SESSION)
    data = summary(SESSION, "run-1", Status("Failed", 66.4, "no space", 2))
    template = (
        "{{ .Name }} {{ .Namespace }} {{ .Invoker.APIGroup }} {{ .Invoker.Kind }} {{ .Invoker.Name }} "
        "{{ .Target.APIVersion }} {{ .Target.Kind }} {{ .Target.Name }} [{{ .Target.Namespace }}] "
        "{{ .Status.Phase }} {{ .Status.Duration }} {{ .Status.Error }} {{ .RetryLeft }}"
    )
    assert parse(template).render(data) == (
        "run-1 demo stash.appscode.com BackupConfiguration etcd-backup "
        "appcatalog.appscode.com/v1alpha1 AppBinding etcd [] Failed 1m6s no space 2"
    )


def test_an_error_that_is_no_utf_8_can_be_sent():
    data = summary({}, "r", Status("Failed", error=b"caf\xe9".decode(errors="surrogateescape")))
    assert parse("{{ toJson .Status.Error }}").render(data).encode() == b'"caf?"'


def test_what_is_not_told_is_empty():
    assert parse("[{{ .Namespace }}{{ .Target.Name }}]").render(summary({}, "r", Status("Succeeded"))) == "[]"


@pytest.mark.parametrize(
    ("session", "words"),
    [
        ({"targt": {}}, "session.targt: unknown field; did you mean target?"),
        ({"target": {"nam": "x"}}, "session.target.nam: unknown field; did you mean name?"),
        ({"target": "etcd"}, "session.target: give fields and values"),
        ({"namespace": 1}, "session.namespace: must be a string"),
        ({"target": {"name": None}}, "session.target.name: is missing"),
    ],
)
def test_a_session_has_stashs_fields(session, words):
    with pytest.raises(InvalidConfigurationError) as caught:
        check_session(session)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(0, "0s"), (0.4, "0s"), (0.5, "1s"), (59.6, "1m0s"), (66, "1m6s"), (3600, "1h0m0s"), (90061, "25h1m1s")],
)
def test_lengths_of_time_as_go_writes_them(seconds, written):
    assert go_duration(seconds) == written
