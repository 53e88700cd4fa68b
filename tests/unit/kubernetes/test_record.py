import pytest

from airflow_provider_stash.exceptions import JobFailedError, RepositoryLockedError
from airflow_provider_stash.kubernetes.record import is_record, read_record, write_error, write_result


def test_a_result_comes_back():
    result = {"a": [1, None, 2.5], "b": "x\ny"}
    line = write_result(result)
    assert is_record(line)
    assert "\n" not in line
    assert read_record(line) == result


def test_an_error_comes_back_as_it_was_raised():
    with pytest.raises(RepositoryLockedError, match="^someone holds it$") as caught:
        read_record(write_error(RepositoryLockedError("someone holds it")))
    assert type(caught.value) is RepositoryLockedError


def test_an_error_of_no_class_of_ours():
    with pytest.raises(JobFailedError, match="ZeroDivisionError: by zero"):
        read_record(write_error(ZeroDivisionError("by zero")))


@pytest.mark.parametrize("line", ["stash-record: {", "stash-record: {}", 'stash-record: {"error": 1}'])
def test_a_record_that_is_cut(line):
    with pytest.raises(JobFailedError, match="can't be read"):
        read_record(line)


def test_a_class_that_is_no_error_of_ours_is_not_raised():
    with pytest.raises(JobFailedError, match="m"):
        read_record('stash-record: {"error": {"class": "annotations", "message": "m"}}')
