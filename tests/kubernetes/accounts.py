"""Accounts of a cluster that may do what some rules allow."""

import json
import os
import secrets

import yaml
from kubernetes import client


def kubeconfig_of(api, kubeconfig, namespace, rules, directory):
    """
    Make a service account with these rules, and give a kubeconfig of it.

    :param api: the administrator's client.
    :param kubeconfig: the administrator's.
    :param directory: where the file goes.
    """
    core, rbac, name = (
        client.CoreV1Api(api),
        client.RbacAuthorizationV1Api(api),
        f"airflow-{secrets.token_hex(3)}",
    )
    core.create_namespaced_service_account(namespace, {"metadata": {"name": name}})
    rbac.create_namespaced_role(namespace, {"metadata": {"name": name}, "rules": rules})
    rbac.create_namespaced_role_binding(namespace, {
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}],
    })  # fmt: skip
    asked = {"spec": {"expirationSeconds": 3600}}
    token = core.create_namespaced_service_account_token(name, namespace, asked).status.token
    return kubeconfig_with(kubeconfig, token, directory / f"{name}.json")


def kubeconfig_with(kubeconfig, token, file):
    """Write a kubeconfig with another token."""
    given = yaml.safe_load(kubeconfig.read_text())
    given["users"] = [{"name": one["name"], "user": {"token": token}} for one in given["users"]]
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(json.dumps(given))
    return file
