"""Who am I, what may I do, is this token good: the kinds that are only asked, never stored."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from .rbac import Attributes, Authorizer
from .status import FieldError, invalid, not_found
from .store import Store
from .users import Tokens, User

Object = dict[str, Any]


class Reviews:
    def __init__(self, store: Store, authorizer: Authorizer, tokens: Tokens) -> None:
        self._store = store
        self._authorizer = authorizer
        self._tokens = tokens

    def answer(self, plural: str, namespace: str, obj: Object, user: User) -> Object:
        """The review with its status filled in."""
        status = {
            "selfsubjectreviews": self._who,
            "selfsubjectaccessreviews": self._may_i,
            "selfsubjectrulesreviews": self._rules,
            "subjectaccessreviews": self._may_they,
            "localsubjectaccessreviews": self._may_they,
            "tokenreviews": self._token,
        }[plural](obj.get("spec") or {}, user)
        meta = {"creationTimestamp": None, **({"namespace": namespace} if namespace else {})}
        return {**obj, "metadata": meta, "status": status}

    def _who(self, _: Object, user: User) -> Object:
        return {"userInfo": user.info()}

    def _may_i(self, spec: Object, user: User) -> Object:
        resource, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
        if not resource and not path:
            why = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
            field = FieldError("spec.resourceAttributes", f"Invalid value: null: {why}")
            raise invalid("SelfSubjectAccessReview", "authorization.k8s.io", "", [field])
        if path:
            asked = Attributes(path.get("verb", ""), path=path.get("path", ""))
        else:
            asked = Attributes(
                resource.get("verb", ""), resource.get("group", ""), resource.get("resource", ""),
                resource.get("subresource", ""), resource.get("namespace", ""), resource.get("name", ""),
            )  # fmt: skip
        return (
            {"allowed": True, "reason": "RBAC: allowed by binding"}
            if self._allowed(user, asked)
            else {"allowed": False}
        )

    def _may_they(self, spec: Object, _: User) -> Object:
        user = User(spec.get("user", ""), tuple(spec.get("groups") or ()))
        return self._may_i(spec, user)

    def _allowed(self, user: User, asked: Attributes) -> bool:
        if asked.verb == "*" or asked.resource == "*":
            return any(
                "*" in (rule.get("verbs") or []) and "*" in (rule.get("resources") or [])
                for rule in self._authorizer.rules(user, asked.namespace)
            )
        return self._authorizer.allowed(user, asked)

    def _rules(self, spec: Object, user: User) -> Object:
        rules = self._authorizer.rules(user, spec.get("namespace") or "")
        names = ("verbs", "apiGroups", "resources", "resourceNames")
        resource_rules = [
            {n: rule[n] for n in names if rule.get(n)} for rule in rules if rule.get("resources")
        ]
        paths = [
            {"verbs": rule["verbs"], "nonResourceURLs": rule["nonResourceURLs"]}
            for rule in rules
            if rule.get("nonResourceURLs")
        ]
        return {"resourceRules": resource_rules, "nonResourceRules": paths, "incomplete": False}

    def _token(self, spec: Object, _: User) -> Object:
        user = self._tokens.look_up(spec.get("token", ""))
        if user is None:
            return {"user": {}, "error": "[invalid bearer token, token lookup failed]"}
        return {"authenticated": True, "user": user.info(), "audiences": ["https://kubernetes.default.svc"]}

    def token_request(self, namespace: str, name: str, obj: Object) -> Object:
        """A new token of a service account."""
        if self._store.get(("", "serviceaccounts", namespace, name)) is None:
            raise not_found("serviceaccounts", "", name)
        spec = obj.get("spec") or {}
        seconds = spec.get("expirationSeconds") or 3600
        if seconds < 600:
            why = f"Invalid value: {seconds}: may not specify a duration less than 10 minutes"
            field = FieldError("spec.expirationSeconds", why)
            raise invalid("TokenRequest", "authentication.k8s.io", "", [field])
        token = self._tokens.issue_service_account(namespace, name, seconds=seconds).token
        until = datetime.fromtimestamp(time.time() + seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {
            "kind": "TokenRequest",
            "apiVersion": "authentication.k8s.io/v1",
            "metadata": {"name": name, "namespace": namespace, "creationTimestamp": None},
            "spec": {
                "audiences": spec.get("audiences") or ["https://kubernetes.default.svc"],
                "expirationSeconds": seconds,
                "boundObjectRef": spec.get("boundObjectRef"),
            },
            "status": {"token": token, "expirationTimestamp": until},
        }
