"""
Runs one step: the entry point of a Job's container.

``python -m airflow_provider_stash.steps.run STEP ARGUMENTS``: the step's name, and a JSON object with
``arguments`` and, where the step needs them, the plain settings of ``etcd`` and ``repository``. Secrets are files
below ``STASH_CREDENTIALS`` (default ``/etc/stash``). The last line of the output is the step's record.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

from airflow_provider_stash.exceptions import InvalidConfigurationError, StashError
from airflow_provider_stash.kubernetes.record import CREDENTIALS, write_error, write_result
from airflow_provider_stash.steps.call import StepCall
from airflow_provider_stash.steps.credentials import load_etcd, load_repository

log = logging.getLogger("airflow_provider_stash.steps.run")

_TERMINATED = 128 + signal.SIGTERM


class _Ended(BaseException):
    """Kubernetes ends the container: every ``finally`` of the step runs."""


def main(arguments: list[str]) -> int:
    """
    Run the step that the arguments name.

    :param arguments: step and JSON.
    :return: exit code: 0; 1: the step failed; 2: the call can't be meant; 143: it was ended from outside.
    """
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s", stream=sys.stdout, force=True)
    signal.signal(signal.SIGTERM, _end)
    try:
        try:
            call, settings = _parse(arguments)
        except InvalidConfigurationError as error:
            _say(write_error(error))
            return 2
        directory = Path(os.environ.get("STASH_CREDENTIALS", CREDENTIALS))
        result = call.run(
            etcd=load_etcd(settings["etcd"], directory / "etcd") if call.of_etcd else None,
            repository=load_repository(settings["repository"], directory / "repository")
            if call.of_repository
            else None,
        )
    except StashError as error:
        _say(write_error(error))
        return 1
    except _Ended:
        log.error("The container is being ended from outside; the step was stopped.")
        return _TERMINATED
    except Exception as error:
        log.exception("The step failed unexpectedly.")
        _say(write_error(error))
        return 1
    _say(write_result(result))
    return 0


def _parse(arguments: list[str]) -> tuple[StepCall, dict[str, Any]]:
    try:
        step, text = arguments
        settings: dict[str, Any] = json.loads(text)
        call = StepCall(step, settings["arguments"])
        needed = {
            name for name, needs in (("etcd", call.of_etcd), ("repository", call.of_repository)) if needs
        }
        if not needed <= set(settings):
            raise KeyError(needed)
    except InvalidConfigurationError:
        raise
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidConfigurationError(
            "Give a step's name and a JSON object with 'arguments', and 'etcd' and 'repository' as the step needs."
        ) from error
    return call, settings


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _end(number: int, frame: FrameType | None) -> None:
    raise _Ended


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
