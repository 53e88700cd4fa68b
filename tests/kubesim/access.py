"""Who asks, and whether it may: bearer tokens, Roles and RoleBindings."""

from __future__ import annotations

from dataclasses import dataclass

from tests.kubesim.objects import ROLE_BINDINGS, ROLES, ApiError, Object, Resource, secret_token
from tests.kubesim.store import Store


@dataclass(frozen=True)
class User:
    """Who asks: the administrator, or a service account."""

    name: str
    namespace: str | None = None
    account: str | None = None

    @property
    def is_admin(self) -> bool:
        """Whether everything is allowed."""
        return self.account is None


class Access:
    """
    Authentication and authorization.

    :param admin_token: of the user that may do everything.
    """

    def __init__(self, store: Store, admin_token: str) -> None:
        self._store = store
        self._users = {admin_token: User("kubernetes-admin")}

    def issue(self, namespace: str, account: str) -> str:
        """Make a token of a service account."""
        token = secret_token()
        self._users[token] = User(f"system:serviceaccount:{namespace}:{account}", namespace, account)
        return token

    def user(self, authorization: str) -> User:
        """
        Tell who asks.

        :param authorization: the header.
        :raises ApiError: 401.
        """
        user = self._users.get(authorization.removeprefix("Bearer "))
        if user is None:
            raise ApiError(401, "Unauthorized", "Unauthorized")
        return user

    def allows(
        self, user: User, verb: str, group: str, resource: str, *, namespace: str | None, name: str | None
    ) -> bool:
        """
        Tell whether a user may do this.

        :param resource: its plural, with the subresource: ``statefulsets/scale``.
        """
        if user.is_admin:
            return True
        return any(_fits(rule, verb, group, resource, name) for rule in self._rules(user, namespace))

    def require(
        self,
        user: User,
        verb: str,
        resource: Resource,
        subresource: str | None,
        *,
        namespace: str | None,
        name: str | None,
    ) -> None:
        """
        Refuse what is not allowed.

        :raises ApiError: 403, in the words of the API server.
        """
        path = f"{resource.plural}/{subresource}" if subresource else resource.plural
        if self.allows(user, verb, resource.group, path, namespace=namespace, name=name):
            return
        named = f' "{name}"' if name else ""
        where = f' in the namespace "{namespace}"' if namespace else " at the cluster scope"
        message = (
            f'{resource.qualified}{named} is forbidden: User "{user.name}" cannot {verb} resource "{path}" '
            f'in API group "{resource.group}"{where}'
        )
        raise ApiError(403, "Forbidden", message, name=name, kind=resource.plural)

    def _rules(self, user: User, namespace: str | None) -> list[Object]:
        if namespace is None:
            return []
        rules: list[Object] = []
        for binding in self._store.all(ROLE_BINDINGS, namespace):
            for subject in binding.get("subjects") or []:
                whose = (subject.get("namespace") or namespace, subject["name"])
                if subject["kind"] == "ServiceAccount" and whose == (user.namespace, user.account):
                    role = self._store.find(ROLES, namespace, binding["roleRef"]["name"])
                    rules += (role or {}).get("rules") or []
        return rules


def _fits(rule: Object, verb: str, group: str, resource: str, name: str | None) -> bool:
    names = rule.get("resourceNames") or []
    return (
        bool({verb, "*"} & set(rule["verbs"]))
        and bool({group, "*"} & set(rule.get("apiGroups") or []))
        and bool({resource, "*"} & set(rule.get("resources") or []))
        and (not names or name in names)
    )
