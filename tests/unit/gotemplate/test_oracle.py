"""What Go's own text/template and sprig made of templates; oracle/main.go wrote it down."""

import json
from pathlib import Path

import pytest

from airflow_provider_stash.exceptions import GoTemplateError
from airflow_provider_stash.gotemplate import Struct, parse

ORACLE = json.loads((Path(__file__).parent / "oracle" / "cases.json").read_text())


def struct(fields):
    return Struct({name: struct(one) if isinstance(one, dict) else one for name, one in fields.items()})


def rendered(template):
    try:
        return parse(template).render(struct(ORACLE["data"]))
    except GoTemplateError:
        return None


@pytest.mark.parametrize("part", range(10))
def test_every_template_gives_what_go_gives(part):
    cases = ORACLE["cases"][part::10]
    assert len(cases) > 50
    wrong = {
        case["template"]: (got, case)
        for case in cases
        if (got := rendered(case["template"])) != (None if case.get("fails") else case["output"])
    }
    assert wrong == {}
