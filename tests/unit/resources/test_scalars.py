from datetime import timedelta
from decimal import Decimal

import pytest

from airflow_provider_stash.resources.scalars import Duration, Quantity


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1h30m", timedelta(minutes=90)),
        ("90s", timedelta(seconds=90)),
        ("250ms", timedelta(milliseconds=250)),
        ("1.5h", timedelta(minutes=90)),
        (".5s", timedelta(milliseconds=500)),
        ("2m40.595857548s", timedelta(microseconds=160595858)),
        ("0", timedelta()),
    ],
)
def test_durations_as_go_writes_them(text, expected):
    duration = Duration(text)
    assert duration.timedelta == expected
    assert duration == text


@pytest.mark.parametrize("text", ["", "1", "1d", "1h 30m", "h", "1hm", "-1h", "1h30"])
def test_no_durations(text):
    with pytest.raises(ValueError):  # noqa: PT011 - pydantic makes the sentence of it
        Duration(text)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1Gi", 1 << 30),
        ("256M", 256_000_000),
        ("200m", Decimal("0.2")),
        ("0.5", Decimal("0.5")),
        ("1e3", 1000),
        ("1.5Ki", 1536),
        ("3E", 3 * 10**18),
        ("12E-1", Decimal("1.2")),
    ],
)
def test_quantities_as_kubernetes_writes_them(text, number):
    quantity = Quantity(text)
    assert quantity.number == number
    assert quantity == text


@pytest.mark.parametrize("text", ["", "Gi", "1GB", "1 Gi", "1gi", "0x10"])
def test_no_quantities(text):
    with pytest.raises(ValueError):  # noqa: PT011
        Quantity(text)
