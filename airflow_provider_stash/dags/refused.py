"""Tells what is refused in manifests as Airflow's import errors, while the DAGs beside it load."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG

from airflow_provider_stash.exceptions import InvalidConfigurationError

if TYPE_CHECKING:
    from airflow_provider_stash.resources.refusal import Refusal


class RefusedManifest(DAG):
    """
    Stands for what is refused in one manifest; it never becomes a DAG.

    Airflow has one place where one DAG of a file may fail and the others stay: when each is serialized. There the
    import error is told under the path that the DAG names as its own, which is the manifest's here: under the DAG
    file's path Airflow would take all DAGs of that file for broken.

    :param dag_id: an id that no DAG has.
    :param file: the manifest's path.
    :param refusals: what is refused in it.
    """

    def __init__(self, dag_id: str, file: str, refusals: Sequence[Refusal]) -> None:
        super().__init__(dag_id, schedule=None)
        self.manifest, self.refusals = file, list(refusals)

    @property
    def relative_fileloc(self) -> str:
        """The manifest's path."""
        return self.manifest

    @relative_fileloc.setter
    def relative_fileloc(self, value: Any) -> None:
        """Airflow sets the DAG file's path here."""

    def get_serialized_fields(self) -> Any:  # type: ignore[override]
        """Fail, in the words of the refusals."""
        raise InvalidConfigurationError("\n".join(["This is refused:", *map(str, self.refusals)]))


def refused_manifests(refusals: Sequence[Refusal]) -> dict[str, DAG]:
    """
    Make one for each file that holds something refused.

    Their ids are the files' own, so that a DAG file may take manifests from several places.
    """
    files: dict[str, list[Refusal]] = {}
    for refusal in refusals:
        files.setdefault(refusal.file, []).append(refusal)
    made = (RefusedManifest(_id_of(file), file, found) for file, found in files.items())
    return {dag.dag_id: dag for dag in made}


def _id_of(file: str) -> str:
    return f"stash.refused.{sha256(file.encode()).hexdigest()[:16]}"
