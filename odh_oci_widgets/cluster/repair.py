"""The command that gives somebody a role in a project: what a user runs, or sends to an administrator."""

from __future__ import annotations

_SERVICE_ACCOUNT = "system:serviceaccount:"


def grant(user: str, namespace: str, *, role: str = "edit", openshift: bool = True) -> str:
    """The command, for a user or a service account.

    >>> grant("system:serviceaccount:alice:notebook", "alice")
    'oc policy add-role-to-user edit -z notebook -n alice'
    >>> grant("bob", "alice", openshift=False)
    'kubectl create rolebinding bob-edit --clusterrole=edit --user=bob -n alice'
    """
    account = user.removeprefix(_SERVICE_ACCOUNT) if user.startswith(_SERVICE_ACCOUNT) else None
    if openshift:
        if account is None:
            return f"oc policy add-role-to-user {role} {_quoted(user)} -n {namespace}"
        home, _, name = account.partition(":")
        return (
            f"oc policy add-role-to-user {role} {f'-z {name}' if home == namespace else user} -n {namespace}"
        )
    if account is None:
        short = "".join(c if c.isalnum() or c == "-" else "-" for c in user.lower()).strip("-")
        return f"kubectl create rolebinding {short}-{role} --clusterrole={role} --user={_quoted(user)} -n {namespace}"
    return (
        f"kubectl create rolebinding {account.partition(':')[2]}-{role} --clusterrole={role} "
        f"--serviceaccount={account} -n {namespace}"
    )


def role_for(group: str, resource: str) -> str:
    """The least of the standard roles that covers changing `resource`: `admin` for roles and bindings, else `edit`."""
    return "admin" if group == "rbac.authorization.k8s.io" and resource.startswith("role") else "edit"


def _quoted(user: str) -> str:
    return user if all(c.isalnum() or c in "-_.@:" for c in user) else f"'{user}'"
