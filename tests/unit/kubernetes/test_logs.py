import logging

from airflow_provider_stash.kubernetes.logs import Shown
from airflow_provider_stash.kubernetes.record import write_result


def pod(**states):
    return {"status": {"containerStatuses": [{"name": name, "state": {state: {}}} for name, state in states.items()]}}  # fmt: skip


def read(shown, now, logs):
    """Read what is unread; gives the containers whose logs were asked for."""
    asked = []
    for unread in shown.unread(now):
        asked.append(unread.container)
        for line in logs[unread.container]:
            unread.add(line)
    return asked


def test_each_line_is_shown_once_with_its_containers_name():
    said = []
    shown = Shown(["dump-0", "step"], lambda level, line: said.append((level, line)))
    assert read(shown, pod(**{"dump-0": "waiting"}), {}) == []
    assert read(shown, pod(**{"dump-0": "running"}), {"dump-0": ["one"]}) == ["dump-0"]
    # The connection broke; now all is there.
    logs = {"dump-0": ["one", "WARNING two"], "step": ["three", write_result({"a": 1})]}
    now = pod(**{"dump-0": "terminated", "step": "running"})
    assert read(shown, now, logs) == ["dump-0", "step"]
    assert said == [
        (logging.INFO, "[dump-0] one"),
        (logging.WARNING, "[dump-0] two"),
        (logging.INFO, "[step] three"),
    ]
    assert shown.record == logs["step"][-1]
    assert read(shown, now, logs) == ["step"]  # an ended container's log is whole
    assert len(said) == 3


def test_a_container_by_itself_needs_no_name():
    said = []
    shown = Shown(["step"], lambda level, line: said.append(line))
    read(shown, pod(step="running"), {"step": ["INFO one"]})
    assert said == ["one"]


def test_a_record_is_the_steps_alone():
    said = []
    shown = Shown(["own-0", "step"], lambda level, line: said.append(line))
    read(shown, pod(**{"own-0": "running"}), {"own-0": [write_result({"a": 1})]})
    assert shown.record is None
    assert said == [f"[own-0] {write_result({'a': 1})}"]
