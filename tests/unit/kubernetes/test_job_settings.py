import pytest

from airflow_provider_stash.exceptions import InvalidConfigurationError
from airflow_provider_stash.kubernetes.job_settings import KubernetesJob


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"pod": {"nodeSelectr": {}}}, "pod takes no 'nodeSelectr'; is 'nodeSelector' meant"),
        ({"container": {"image": "x"}}, "container takes no 'image'"),
        ({"container": {"nice": {"adjust": 1}}}, "container.nice takes no 'adjust'; is 'adjustment' meant"),
        ({"temp_dir": {"size": "1Gi"}}, "temp_dir takes no 'size'"),
        ({"interim_volume_template": {}}, "interim_volume_template has no 'spec'"),
        ({"image_pull_policy": "always"}, "image_pull_policy is 'always'"),
        ({"active_deadline": 0}, "active_deadline is 0"),
        ({"ttl": -1}, "ttl is -1"),
    ],
)
def test_what_can_not_be_meant(given, said):
    with pytest.raises(InvalidConfigurationError, match=said):
        KubernetesJob(**given)


def test_the_connections_defaults_fill_in_what_was_not_given():
    job = KubernetesJob(image="mine").with_defaults({"image": "theirs", "namespace": "demo", "ttl": 1})
    assert (job.image, job.namespace, job.ttl) == ("mine", "demo", 1)
    with pytest.raises(InvalidConfigurationError, match="stash_job takes no 'img'"):
        job.with_defaults({"img": "x"})


def test_of_stashs_runtime_settings():
    settings = {"container": {"nice": {"adjustment": 5}}, "pod": {"priority": 3}}
    job = KubernetesJob.from_runtime_settings(settings, image="i")
    assert (job.image, job.pod, job.container) == ("i", settings["pod"], settings["container"])
    with pytest.raises(InvalidConfigurationError, match="runtimeSettings takes no 'pods'"):
        KubernetesJob.from_runtime_settings({"pods": {}})
