import random

import pytest

from airflow_provider_stash.exceptions import GoTemplateError, InvalidConfigurationError
from airflow_provider_stash.gotemplate import NeverRendersError, Struct, UnknownFieldError, parse

DATA = Struct({"Name": "nightly", "Status": Struct({"Phase": "Failed", "Error": "no space"})})


def failure(template, data=DATA):
    with pytest.raises(GoTemplateError) as caught:
        parse(template).render(data)
    return caught.value


@pytest.mark.parametrize(
    ("template", "line", "column", "words"),
    [
        ("{{ .Name", 1, 1, "not closed with }}"),
        ("a\n  {{ foo }}", 2, 6, "function foo is not known here"),
        ("{{ .Name }}\n{{ if }}{{ end }}", 2, 7, "missing value for if"),
        ("{{ if .Name }}x", 1, 4, "{{if}} has no {{end}}"),
        ("x{{ end }}", 1, 5, "without its beginning"),
        ("{{ $x }}", 1, 4, "undefined variable $x"),
        ('{{ "a }}', 1, 4, "not closed"),
        ("{{ .Name | upper | .Name }}", 1, 20, "no function"),
        ("{{ .Name }}\n\n {{ upper 1 }}", 3, 5, "upper: argument 1 must be of type string, not int"),
        ("{{ upper }}", 1, 4, "wrong number of arguments: give 1, not 0"),
        ("{{ index (list 1) 4 }}", 1, 4, "index 4 is out of range"),
        ("{{ len .Status }}", 1, 4, "len: struct has no length"),
        ('{{ fail "stop" }}', 1, 4, "fail: stop"),
        ("{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}", 1, 1, "nested too deeply"),
        ("{{ lt 1 true }}", 1, 4, "lt: int and bool have no order"),
    ],
)
def test_an_error_tells_its_place(template, line, column, words):
    error = failure(template)
    assert isinstance(error, InvalidConfigurationError)
    assert words in str(error)
    assert (error.line, error.column) == (line, column)
    assert str(error).startswith(f"line {line}, column {column}: ")


@pytest.mark.parametrize(
    "template",
    [
        '{{ define "x" }}{{ end }}',
        '{{ template "x" }}',
        '{{ block "x" . }}{{ end }}',
        "{{ 1i }}",
        '{{ printf "%#v" 1 }}',
        '{{ printf "%[1]s" 1 }}',
        '{{ printf "%x" 1.5 }}',
    ],
)
def test_what_is_beyond_says_so(template):
    assert "beyond" in str(failure(template))


@pytest.mark.parametrize("function", ["env", "expandenv", "getHostByName", "call"])
def test_a_template_reads_nothing_of_the_worker(function):
    assert "is not known here" in str(failure(f'{{{{ {function} "HOME" }}}}'))


def test_a_field_that_no_data_has_is_told_with_those_that_there_are():
    error = failure("{{ .Status.Phse }}")
    assert isinstance(error, UnknownFieldError)
    assert "no field .Phse here; there are .Phase, .Error" in str(error)


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{{ .Status.Phase.Name }}", ".Name is asked of string, which has no fields"),
        ("{{ upper .Status }}", "argument 1 must be of type string, not struct"),
        ("{{ index .Status 1 }}", "struct has no elements"),
        ("{{ first .Status }}", "struct is no list"),
        ("{{ range .Status }}{{ end }}", "range can't go over struct"),
        ("{{ eq .Status .Status }}", "struct can't be compared"),
        ('{{ printf "%T" .Status }}', "%T of a struct is beyond"),
        ('{{ printf "%p" .Status }}', "%p of a struct is beyond"),
        ('{{ printf "" .Status }}', "a struct is left over"),
    ],
)
def test_what_no_struct_can_do_is_told_as_such(template, words):
    error = failure(template)
    assert isinstance(error, NeverRendersError)
    assert words in str(error)


REFERENCE = Struct({"APIGroup": "stash.appscode.com", "Kind": "BackupConfiguration", "Name": ""})


@pytest.mark.parametrize(
    "template",
    [
        "{{ . }}",
        "{{ .Invoker }}",
        "{{ toString .Invoker }}",
        "{{ list .Invoker }}",
        '{{ printf "%v" (dict "a" .Invoker) }}',
    ],
)
def test_no_address_is_printed(template):
    """Kubernetes' APIGroup is a pointer; what Go prints of it is another number each time."""
    error = failure(template, Struct({"Name": "nightly", "Invoker": REFERENCE}))
    assert isinstance(error, NeverRendersError)
    assert "Go would print the address of .APIGroup here" in str(error)
    assert "(APIGroup, Kind, Name), or all of them by toJson" in str(error)


def test_empty_fields_are_not_in_json():
    data = Struct({"Name": "", "RetryLeft": 0, "Invoker": REFERENCE, "Status": Struct({"Error": ""})})
    written = '{"invoker":{"apiGroup":"stash.appscode.com","kind":"BackupConfiguration"},"status":{}}'
    assert parse("{{ toJson . }}").render(data) == written


def test_a_missing_key_of_a_map_is_no_value():
    assert parse("{{ .a.b }}").render({}) == "<no value>"


@pytest.mark.parametrize(
    "template", ['{{ repeat 2000000 "x" }}', "{{ until 100000 }}", "{{ indent 9999999 .Name }}"]
)
def test_a_template_can_not_fill_the_memory(template):
    assert "out of range" in str(failure(template))


@pytest.mark.parametrize(
    ("verb", "value", "written"), [("9" * 5000 + "d", "1", 10000), (".99999f", "1.5", 10002)]
)
def test_a_width_has_an_end(verb, value, written):
    assert len(parse(f'{{{{ printf "%{verb}" {value} }}}}').render(DATA)) == written


@pytest.mark.parametrize("function", ["atoi", "int", "add"])
def test_a_number_that_is_too_long_counts_nothing(function):
    assert parse(f'{{{{ {function} "{"9" * 5000}" }}}}').render(DATA) == "0"


@pytest.mark.parametrize(
    ("template", "written"),
    [
        ('{{ floor "inf" }} {{ ceil "-inf" }} {{ floor "nan" }} {{ ceil -0.5 }}', "+Inf -Inf NaN -0"),
        ('{{ round 1.5 400 }} {{ round 1.5 -400 }} {{ round "inf" 2 }}', "NaN NaN +Inf"),
        ('{{ printf "%.*f|%.*d" -1 1.5 -1 7 }}', "%!(BADPREC)1.500000|%!(BADPREC)7"),
        ("""{{ fromJson `{"a": NaN}` }} {{ fromJson "1e400" }}""", "<no value> <no value>"),
    ],
)
def test_numbers_at_their_ends_are_those_of_go(template, written):
    assert parse(template).render(DATA) == written


def test_base64_of_other_letters_is_refused_with_its_place():
    error = failure('{{ b64dec "é" }}')
    assert ("it is no base64" in str(error), error.line, error.column) == (True, 1, 4)


def test_a_result_has_an_end():
    assert "longer than" in str(failure('{{ range until 9999 }}{{ repeat 1000 "x" }}{{ end }}'))


def test_a_template_renders_again_as_if_for_the_first_time():
    template = parse("{{ $x := 1 }}{{ if .Name }}{{ $x = 2 }}{{ end }}{{ $x }}")
    assert [template.render(DATA), template.render({})] == ["2", "1"]


def test_anything_is_rendered_or_refused_with_a_place():
    """However broken: no other error comes out."""
    pieces = [
        "{{",
        "}}",
        "{{- ",
        " -}}",
        "if ",
        "range ",
        "with ",
        "else",
        "end",
        "$x",
        ":=",
        "=",
        "|",
        "(",
        ")",
        '"',
    ]
    pieces += [
        "`",
        "'",
        ".",
        ".Name",
        ".Status.Error",
        "printf ",
        '"%5.2d%s%z"',
        "upper ",
        "1",
        "1.5e9",
        "-",
        "/*",
        "*/",
    ]
    pieces += [
        " ",
        "\n",
        "nil",
        "true",
        "list ",
        "dict ",
        "index ",
        "eq ",
        "\\",
        "é",
        "until ",
        "toJson ",
        ",",
        "break",
    ]
    source = random.Random(1)
    outcomes = set()
    for _ in range(4000):
        template = "{{ " * source.randint(0, 1) + "".join(source.choices(pieces, k=source.randint(1, 9)))
        template += " }}" * source.randint(0, 1)
        try:
            parse(template).render(DATA)
            place = None
        except GoTemplateError as error:
            place = error.line, error.column
        assert place is None or (1 <= place[0] <= template.count("\n") + 1 and place[1] >= 1), template
        outcomes.add(place is None)
    assert outcomes == {True, False}
