import pytest
from airflow.sdk.definitions.param import ParamsDict
from airflow.sdk.exceptions import AirflowFailException, ParamValidationError

from airflow_provider_stash.dags.forms import backup_form, require_confirmation, restore_form

pytestmark = pytest.mark.oldest
PHRASE = "etcd.prod-1"


def form(**given):
    return restore_form("host-0", False, "auto", **{"phrase": PHRASE, **given})


@pytest.mark.parametrize("made", [backup_form(), form()], ids=["backup", "restore"])
def test_every_field_has_a_title_a_help_text_and_a_section_and_its_default_is_good(made):
    for name, param in made.items():
        assert param.schema["title"], name
        assert param.description.endswith("."), name
        assert param.schema["section"], name
    ParamsDict(made).validate()


def test_fields_of_a_section_stand_together():
    """Airflow shows a section where its first field stands."""
    for made in (backup_form(), form()):
        sections = [param.schema["section"] for param in made.values()]
        assert sections == sorted(sections, key=sections.index)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("snapshot", "yesterday"),
        ("snapshot", "abc"),
        ("before", "soon"),
        ("hostname", ""),
        ("bump_revision", "much"),
        ("confirm", "etcd_prod-1"),  # the dot of the phrase is a dot
        ("confirm", "etcd.prod-1 "),
        ("dry_run", "perhaps"),
    ],
)
def test_a_wrong_value_is_refused_before_the_run(field, value):
    made = ParamsDict(form())
    with pytest.raises(ParamValidationError, match=field):
        made[field] = value


def test_the_choices_have_words_and_a_number_of_the_dags_is_one_of_them():
    schema = restore_form("host-0", False, 5000, phrase=None)["bump_revision"].schema
    assert schema["enum"] == ["auto", "off", "5000"]
    assert set(schema["values_display"]) == set(schema["enum"])
    assert schema["values_display"]["5000"] == "By 5000 revisions"
    assert form()["bump_revision"].schema["enum"] == ["auto", "off"]


def check(**params):
    require_confirmation(PHRASE)({"params": {"dry_run": False, "confirm": None, **params}})


def test_a_restore_needs_the_phrase_and_a_dry_run_does_not():
    check(confirm=PHRASE)
    check(dry_run=True)
    with pytest.raises(AirflowFailException, match="type etcd.prod-1 into the form.*Nothing was done"):
        check()
    with pytest.raises(AirflowFailException, match="not confirmed"):
        check(confirm="etcd_prod")


@pytest.mark.parametrize("name", ["etcd-prod", "etcd.prod", "a(b)/c:d#e\\f"])
def test_any_connection_id_can_be_typed_and_a_browser_reads_the_pattern(name):
    pattern = form(phrase=name)["confirm"].schema["pattern"]
    ParamsDict({"confirm": form(phrase=name)["confirm"]})["confirm"] = name
    assert "\\-" not in pattern
    assert "\\#" not in pattern
