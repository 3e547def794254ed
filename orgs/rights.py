"""What a person may do: Tyk's permission names and levels, and the one rule that reads them. An empty map is nothing.

Names as tyk-demo, the API description and two SDKs agree on; `log_bodies` is ours. `IsAdmin` and `ResetPassword` are
pseudo-permissions whose only level is `admin`.
"""

from typing import Protocol

NAMES = (
    "analytics",
    "api_assets",
    "apis",
    "audit_logs",
    "certs",
    "hooks",
    "idm",
    "keys",
    "log",
    "log_bodies",
    "mcp",
    "oauth",
    "owned_analytics",
    "policies",
    "portal",
    "system",
    "user_groups",
    "users",
    "websockets",
)
READ_ONLY = frozenset({"analytics", "owned_analytics", "log", "log_bodies", "audit_logs", "websockets"})
LEVELS = ("deny", "read", "write")
PSEUDO = ("IsAdmin", "ResetPassword")
ADMINISTRATOR = {"IsAdmin": "admin", "ResetPassword": "admin"}


class Person(Protocol):
    """What is asked of an orgs.models.User."""

    is_superuser: bool
    permissions: dict[str, str]


def effective(user: Person) -> dict[str, str]:
    """The map that counts for a person, whoever gave it to him: of a super-user everything, else his own.

    The only place that says where rights come from; those of a group or a role would be added here.
    """
    return ADMINISTRATOR if user.is_superuser else user.permissions


def known(name: str) -> str:
    """`name`, which code asks for by a literal. Raises ValueError for a misspelt one, which nobody would ever hold."""
    if name not in NAMES:
        raise ValueError(f"{name} is no permission: see orgs.rights.NAMES")
    return name


def allows(granted: dict[str, str], name: str, level: str) -> bool:
    """Whether the map `granted` allows `level` ("read" or "write") on `name`.

    An administrator may everything that is not explicitly denied; anyone else only what is named. Raises ValueError
    for a name that is no permission.
    """
    known(name)
    held = granted.get(name)
    if held == "deny":
        return False
    if granted.get("IsAdmin") == "admin":
        return True
    return held == "write" or (held == "read" and level == "read")


def problems(asked: object) -> list[str]:
    """What is wrong with a permission map from outside; empty for a good one."""
    if not isinstance(asked, dict):
        return ["user_permissions must be an object of names and levels"]
    found = []
    for name, level in asked.items():
        if name in PSEUDO:
            if level != "admin":
                found.append(f"user_permissions.{name} can only be admin")
        elif name not in NAMES:
            found.append(f"user_permissions.{name} is not a permission")
        elif level not in LEVELS:
            found.append(f"user_permissions.{name} must be one of {', '.join(LEVELS)}")
        elif level == "write" and name in READ_ONLY:
            found.append(f"user_permissions.{name} can only be read or deny")
    return found


def exceeding(
    asked: dict[str, str], holder: dict[str, str], before: dict[str, str] | None = None
) -> list[str]:
    """The names on which `asked` allows what neither its holder has nor `before`, the rights until now, allowed.

    What counts is the effect: taking a "deny" away from an administrator gives as much as naming the permission.
    """
    before = before or {}
    lacking = [
        name
        for name in NAMES
        if any(
            allows(asked, name, level) and not allows(before, name, level) and not allows(holder, name, level)
            for level in ("read", "write")
        )
    ]
    return lacking + [
        name
        for name in PSEUDO
        if asked.get(name) == "admin" != before.get(name)
        and "admin" not in (holder.get(name), holder.get("IsAdmin"))
    ]
