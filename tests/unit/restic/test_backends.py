import pytest

from airflow_provider_stash.exceptions import InvalidConfigurationError
from airflow_provider_stash.restic.backends import with_credentials
from airflow_provider_stash.restic.repository import Repository


def build(location, keys):
    return with_credentials(Repository(location, "pw"), keys)


@pytest.mark.parametrize(
    ("location", "keys"),
    [
        ("s3:h/b", {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}),
        ("s3:h/b", {}),
        ("azure:b:/", {"AZURE_ACCOUNT_NAME": "a", "AZURE_ACCOUNT_KEY": "b"}),
        ("b2:b:", {"B2_ACCOUNT_ID": "a", "B2_ACCOUNT_KEY": "b"}),
        ("swift:b:/", {"ST_AUTH": "a", "ST_USER": "b", "ST_KEY": "c"}),
        ("swift:b:/", {"OS_AUTH_URL": "a", "OS_USERNAME": "b", "OS_PASSWORD": "c", "OS_TENANT_NAME": "d"}),
        (
            "swift:b:/",
            {
                "OS_AUTH_URL": "a",
                "OS_APPLICATION_CREDENTIAL_ID": "b",
                "OS_APPLICATION_CREDENTIAL_SECRET": "c",
            },
        ),
        ("swift:b:/", {"OS_STORAGE_URL": "a", "OS_AUTH_TOKEN": "b"}),
    ],
)
def test_credentials_become_the_environment(location, keys):
    assert build(location, keys).environment == keys


def test_googles_key_becomes_a_file():
    repository = build("gs:b:/", {"GOOGLE_PROJECT_ID": "p", "GOOGLE_SERVICE_ACCOUNT_JSON_KEY": "{}"})
    assert repository.secret_files == {"GOOGLE_APPLICATION_CREDENTIALS": b"{}"}
    assert repository.environment == {"GOOGLE_PROJECT_ID": "p"}


def test_a_rest_servers_user_goes_into_the_location_quoted():
    repository = build(
        "rest:https://h:8000/r", {"REST_SERVER_USERNAME": "u@x", "REST_SERVER_PASSWORD": "a/b:c"}
    )
    assert repository.location == "rest:https://u%40x:a%2Fb%3Ac@h:8000/r"
    assert repository.redacted_location == "rest:https://h:8000/r"


def test_password_and_ca_fit_every_backend():
    repository = build("/srv", {"RESTIC_PASSWORD": "other", "CA_CERT_DATA": "pem"})
    assert (repository.password, repository.ca_cert) == ("other", b"pem")


@pytest.mark.parametrize(
    ("location", "keys", "words"),
    [
        ("s3:h/b", {"AWS_ACCES_KEY_ID": "a"}, "is 'AWS_ACCESS_KEY_ID' meant"),
        ("s3:h/b", {"AWS_ACCESS_KEY_ID": "a"}, "AWS_SECRET_ACCESS_KEY is missing"),
        ("/srv", {"B2_ACCOUNT_ID": "a"}, "takes no key 'B2_ACCOUNT_ID'"),
        ("b2:b:", {}, "needs credentials: B2_ACCOUNT_ID, B2_ACCOUNT_KEY"),
        ("swift:b:/", {"OS_AUTH_URL": "a"}, "needs credentials"),
        ("rest:http://h/", {"REST_SERVER_USERNAME": "u"}, "REST_SERVER_PASSWORD is missing"),
    ],
)
def test_what_is_missing_or_misspelt_is_named(location, keys, words):
    with pytest.raises(InvalidConfigurationError, match=words):
        build(location, keys)
