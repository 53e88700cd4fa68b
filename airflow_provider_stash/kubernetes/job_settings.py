"""How a Job is run: Stash's ``runtimeSettings``, ``tempDir`` and ``interimVolumeTemplate``."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from airflow_provider_stash.exceptions import InvalidConfigurationError

ENTRY_POINT = ("python3", "-m", "airflow_provider_stash.steps.run")

POD_FIELDS = frozenset(
    [
        "affinity",
        "automountServiceAccountToken",
        "dnsConfig",
        "dnsPolicy",
        "enableServiceLinks",
        "hostAliases",
        "hostNetwork",
        "imagePullSecrets",
        "nodeName",
        "nodeSelector",
        "preemptionPolicy",
        "priority",
        "priorityClassName",
        "readinessGates",
        "runtimeClassName",
        "schedulerName",
        "securityContext",
        "serviceAccountName",
        "tolerations",
        "topologySpreadConstraints",
        "volumes",
    ]
)
"""Fields of a PodSpec that ``pod`` takes as they are; ``podLabels`` and ``podAnnotations`` are Stash's own."""

CONTAINER_FIELDS = frozenset(["env", "envFrom", "lifecycle", "resources", "securityContext", "volumeMounts"])
"""Fields of a Container that ``container`` takes as they are; ``nice`` and ``ionice`` are Stash's own."""

_TEMP_DIR_FIELDS = frozenset({"medium", "sizeLimit"})
_NICE, _IONICE = frozenset({"adjustment"}), frozenset({"class", "classData"})


@dataclass(frozen=True, kw_only=True)
class KubernetesJob:
    """
    Runs a step as a Kubernetes Job rather than in the worker.

    Mappings are in Kubernetes' and Stash's own names, as in YAML.

    :param image: the image; see docs/kubernetes.md for how to build it. None: the connection's ``stash_job``.
    :param kubernetes_conn_id: the ``kubernetes`` connection; its extra field ``stash_job`` may hold further
        settings, under the names here, for what is not given here.
    :param namespace: None: the connection's, else that of the worker's own Pod, else ``default``.
    :param image_pull_policy: ``Always``, ``IfNotPresent`` or ``Never``; None: Kubernetes' default.
    :param pod: Stash's ``runtimeSettings.pod``: fields of a PodSpec, ``podLabels``, ``podAnnotations``.
    :param container: Stash's ``runtimeSettings.container``: ``resources``, ``securityContext``, ``env``,
        ``envFrom``, ``volumeMounts``, ``lifecycle``, ``nice``, ``ionice``.
    :param labels: of the Job and its Pod.
    :param annotations: of the Job and its Pod.
    :param active_deadline: seconds after which Kubernetes ends the Job (Stash: ``timeOut``); None: no limit.
    :param ttl: seconds after which Kubernetes removes an ended Job that no task came back for.
    :param temp_dir: Stash's ``tempDir``: ``medium`` and ``sizeLimit`` of the emptyDir at ``/tmp``.
    :param interim_volume_template: Stash's ``interimVolumeTemplate``: a PersistentVolumeClaim that takes the
        emptyDir's place. It comes and goes with the Job's Pod.
    :param etcd_secret: Secrets with ``username``, ``password``, ``ca.crt``, ``tls.crt`` and ``tls.key``, or
        ``client.pem`` and ``client-key.pem``, for the Job to mount (Stash: the AppBinding's); the etcd connection then
        needs no credentials. None: the connection's go into a Secret that the Job owns.
    :param repository_secret: the same with the keys of Stash's storage Secrets, for the restic connection.
    :param startup_timeout: seconds for the Pod to start its container.
    :param poll_interval: seconds between looks at the Job.
    :param deferrable: wait in the triggerer; no worker slot is held while the Job runs.
    :param command: what starts a step; the step's name and arguments follow. Default: as in the image here.
    """

    image: str | None = None
    kubernetes_conn_id: str = "kubernetes_default"
    namespace: str | None = None
    image_pull_policy: str | None = None
    pod: Mapping[str, Any] = field(default_factory=dict)
    container: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    active_deadline: int | None = None
    ttl: int = 3600
    temp_dir: Mapping[str, Any] = field(default_factory=dict)
    interim_volume_template: Mapping[str, Any] | None = None
    etcd_secret: str | Sequence[str] | None = None
    repository_secret: str | Sequence[str] | None = None
    startup_timeout: float = 300.0
    poll_interval: float = 2.0
    deferrable: bool = False
    command: Sequence[str] = ENTRY_POINT

    def __post_init__(self) -> None:
        _known("pod", self.pod, POD_FIELDS | {"podLabels", "podAnnotations"})
        _known("container", self.container, CONTAINER_FIELDS | {"nice", "ionice"})
        _known("container.nice", self.container.get("nice") or {}, _NICE)
        _known("container.ionice", self.container.get("ionice") or {}, _IONICE)
        _known("temp_dir", self.temp_dir, _TEMP_DIR_FIELDS)
        if self.interim_volume_template is not None and "spec" not in self.interim_volume_template:
            raise InvalidConfigurationError(
                "KubernetesJob: interim_volume_template has no 'spec': give a PersistentVolumeClaim."
            )
        if self.image_pull_policy not in {None, "Always", "IfNotPresent", "Never"}:
            raise InvalidConfigurationError(
                f"KubernetesJob: image_pull_policy is {self.image_pull_policy!r}: give Always, IfNotPresent or Never."
            )
        for name in ("active_deadline", "startup_timeout", "poll_interval"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise InvalidConfigurationError(f"KubernetesJob: {name} is {value}: give seconds above zero.")
        if self.ttl < 0:
            raise InvalidConfigurationError(f"KubernetesJob: ttl is {self.ttl}: give seconds from 0 on.")

    @classmethod
    def from_runtime_settings(cls, settings: Mapping[str, Any], **others: Any) -> KubernetesJob:
        """
        Make one of Stash's ``runtimeSettings``.

        :param settings: ``pod`` and ``container``, each may be absent.
        :param others: of the parameters of the class.
        :raises InvalidConfigurationError: a field that is not known.
        """
        _known("runtimeSettings", settings, {"pod", "container"})
        return cls(pod=settings.get("pod") or {}, container=settings.get("container") or {}, **others)

    def with_defaults(self, defaults: Mapping[str, Any]) -> KubernetesJob:
        """
        Fill in what was not given.

        :param defaults: values by parameter, such as the connection's ``stash_job``.
        :raises InvalidConfigurationError: a name that is no parameter.
        """
        _known("stash_job", defaults, {one.name for one in fields(self)} - {"kubernetes_conn_id"})
        plain = KubernetesJob()
        missing = {
            name: value for name, value in defaults.items() if getattr(self, name) == getattr(plain, name)
        }
        return replace(self, **missing)


def _known(where: str, given: Collection[str], known: Collection[str]) -> None:
    for name in sorted(set(given) - set(known)):
        import difflib

        near = difflib.get_close_matches(name, known, n=1)
        raise InvalidConfigurationError(
            f"KubernetesJob: {where} takes no {name!r}"
            + (f"; is {near[0]!r} meant?" if near else f"; it takes {', '.join(sorted(known))}.")
        )
