"""One login serves all endpoints, and none waits for long for another's."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from airflow_provider_stash.etcd import login
from airflow_provider_stash.etcd.login import SharedLogin


class Logins:
    def __init__(self):
        self.count = 0
        self.at_it, self.go_on = threading.Event(), threading.Event()

    def quick(self):
        self.count += 1
        return f"token-{self.count}"

    def slow(self):
        self.at_it.set()
        assert self.go_on.wait(20)
        return self.quick()


def test_who_asks_meanwhile_gets_the_same():
    shared, logins = SharedLogin(), Logins()
    with ThreadPoolExecutor() as pool:
        first = pool.submit(shared.token, logins.slow)
        assert logins.at_it.wait(20)
        others = [pool.submit(shared.token, logins.quick) for _ in range(2)]
        logins.go_on.set()
        assert {one.result() for one in (first, *others)} == {"token-1"}
    assert shared.token(logins.quick) == "token-1"


def test_a_silent_endpoint_holds_up_no_other(monkeypatch):
    monkeypatch.setattr(login, "_PATIENCE_SECONDS", 0.05)
    shared, logins = SharedLogin(), Logins()
    with ThreadPoolExecutor() as pool:
        first = pool.submit(shared.token, logins.slow)
        assert logins.at_it.wait(20)
        assert shared.token(logins.quick) == "token-1"
        logins.go_on.set()
        assert first.result() == "token-2"


def test_once_there_is_a_token_nobody_logs_in_again_though_the_first_has_failed(monkeypatch):
    monkeypatch.setattr(login, "_PATIENCE_SECONDS", 0.05)
    shared, logins = SharedLogin(), Logins()

    def fails():
        logins.slow()
        raise ConnectionError("silent")

    with ThreadPoolExecutor() as pool:
        first = pool.submit(shared.token, fails)
        assert logins.at_it.wait(20)
        assert shared.token(logins.quick) == "token-1"
        logins.go_on.set()
        assert isinstance(first.exception(), ConnectionError)
    assert shared.token(logins.quick) == "token-1"


def test_a_login_that_fails_is_tried_by_the_next():
    shared = SharedLogin()

    def refused():
        raise ConnectionError("refused")

    with pytest.raises(ConnectionError):
        shared.token(refused)
    assert shared.token(lambda: None) is None  # the cluster wants no token
    assert shared.token(refused) is None
