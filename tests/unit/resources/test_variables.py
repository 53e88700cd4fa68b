import pytest

from airflow_provider_stash.resources.refusal import Refused
from airflow_provider_stash.resources.variables import substitute


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${A}", "1"),
        ("x${A:=2}y", "x1y"),
        ("${A:-2}", "1"),
        ("${B:=2}", "2"),
        ("${B:=}", ""),
        ("${B=2}", "2"),
        ("${B:-}", ""),
        ("sh -c 'restic --host ${B:-host-0} --tag ${A:-t}'", "sh -c 'restic --host host-0 --tag 1'"),
        ("${B:=a:b=c-d$e}", "a:b=c-d$e"),
        ("${B:=$$}", "$$"),  # no escape inside of a default
        ("${EMPTY}", ""),
        ("${EMPTY:=d}", ""),
        ("${EMPTY:-d}", ""),
        ("${EMPTY=d}", ""),
        ("$${A}", "${A}"),
        ("$${A##*/}", "${A##*/}"),
        ("$$${A}", "$1"),
        ("$$(A)", "$(A)"),
        ("$A $(A) $", "$A $(A) $"),
        # of the library's own tests
        ("some text ${A}$${var$${A}$A${A}", "some text 1${var${A}$A1"),
    ],
)
def test_substitution(text, expected):
    assert substitute([{"k": text}], {"A": "1", "EMPTY": ""}) == [{"k": expected}]


def test_a_variable_without_value_or_default_is_refused_with_its_place():
    with pytest.raises(Refused, match="UNKNOWN has no value") as raised:
        substitute({"args": ["a", "${UNKNOWN}"]}, {}, "spec")
    assert raised.value.field == "spec.args[1]"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a ${A^^} b", "${A^^}"),
        ("${A,}", "${A,}"),
        ("${A:0:3}", "${A:0:3}"),
        ("${A##*/}", "${A##*/}"),
        ("${A%.*}", "${A%.*}"),
        ("${A/x/y}", "${A/x/y}"),
        ("${#A}", "${#A}"),
        ("${A:?no}", "${A:?no}"),
        ("${A:+yes}", "${A:+yes}"),
        ("${A-d}", "${A-d}"),
        ("${B:=${A}}", "${B:=${A}"),
        ("${B:-x${A}}", "${B:-x${A}"),
        ("${a.b}", "${a.b}"),
        ("${}", "${}"),
        ("${A", "${A"),
    ],
)
def test_what_is_written_in_another_way_is_refused(text, told):
    with pytest.raises(Refused) as raised:
        substitute({"args": [text]}, {"A": "1"}, "Function dump: spec")
    assert raised.value.field == "Function dump: spec.args[0]"
    assert raised.value.sentence == (
        f"holds {told!r}: variables are taken as ${{NAME}}, ${{NAME:=default}}, ${{NAME:-default}} and "
        "${NAME=default}, without another one inside. Write $$ for a dollar that a shell is to see."
    )
