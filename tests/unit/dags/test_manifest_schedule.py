from datetime import timedelta
from pathlib import Path

import pytest
from airflow.sdk import CronTriggerTimetable

from airflow_provider_stash.dags.manifest_schedule import schedule_label, schedule_of
from airflow_provider_stash.resources.refusal import Refused

pytestmark = pytest.mark.oldest


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, None),
        ("@every 90m", timedelta(minutes=90)),
        ("*/5 * * * *", CronTriggerTimetable("*/5 * * * *", timezone="UTC")),
        ("@hourly", CronTriggerTimetable("@hourly", timezone="UTC")),
        ("CRON_TZ=Europe/Berlin 0 3 * * 1-5", CronTriggerTimetable("0 3 * * 1-5", timezone="Europe/Berlin")),
    ],
)
def test_schedules_of_cronjobs(text, expected):
    assert schedule_of(text) == expected


@pytest.mark.parametrize("text", ["every day", "61 * * * *", "@every day", "TZ=Nowhere 0 3 * * *", ""])
def test_no_schedules(text):
    with pytest.raises(Refused, match=r"spec\.schedule"):
        schedule_of(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, None),
        ("*/5 * * * *", "hourly"),
        ("* * * * *", "hourly"),
        ("@hourly", "hourly"),
        ("17 * * * *", "hourly"),
        ("@every 90s", "hourly"),
        ("@every 1h", "hourly"),
        ("@every 90m", "daily"),
        ("0 */2 * * *", "daily"),
        ("50 0,23 * * *", "daily"),
        ("* 8-17 * * *", "daily"),
        ("@daily", "daily"),
        ("CRON_TZ=Europe/Berlin 30 2 * * *", "daily"),
        ("@every 24h", "daily"),
        ("@every 25h", "weekly"),
        ("@weekly", "weekly"),
        ("0 3 * * 1-5", "weekly"),
        ("*/5 8-17 * * 1-5", "weekly"),
        ("0 3 * * 2,6", "weekly"),
        ("0 3 */2 * *", "weekly"),
        ("0 3 1,8,15,22,29 * *", "weekly"),
        # April has no 31st: nine days until May's third.
        ("0 3 3,10,17,24,31 * *", "monthly"),
        ("* * * 1-11 *", "monthly"),
        ("0 3 * * 1#1", "monthly"),
        ("0 3 L * *", "monthly"),
        ("@monthly", "monthly"),
        ("@yearly", "monthly"),
        ("0 3 29 2 *", "monthly"),
        ("0 3 30 2 *", "monthly"),
    ],
)
def test_how_often_alerts_take_a_backup_to_come(text, expected):
    assert schedule_label(text) == expected


def test_the_rules_know_each_of_them():
    rules = (Path(__file__).parents[3] / "monitoring" / "rules.yaml").read_text()
    for label in ("hourly", "weekly", "monthly"):
        assert f'schedule="{label}"' in rules
