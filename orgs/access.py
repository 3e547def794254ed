"""Who may call a view. Every view declares it; one that does not cannot be reached (AccessMiddleware)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from django.conf import settings
from django.contrib import admin

from orgs.rights import known


class Person(Protocol):
    """What is asked of an orgs.models.User."""

    def may(self, permission: str, level: str = "read") -> bool: ...


CALLERS = {
    "anyone": "no credential",
    "session": "a signed-in person",
    "super": "a signed-in super-user",
    "key": "a user's access key in Authorization",
    "admin": "the admin secret in admin-auth",
    "node": "the node secret in Authorization",
    "metrics": "the secret of monitoring as a Bearer in Authorization",
}
BY_HEADER = frozenset({"key", "admin", "node", "metrics"})
SAFE = frozenset({"GET", "HEAD"})


@dataclass(frozen=True)
class Access:
    """caller: a name of CALLERS. permission: Tyk's name, "" for none. methods: the allowed ones, HEAD along with GET.

    own: the URL's `user` may always be the caller himself ("me" or his id), whatever his rights.
    form: a page that only leads to a change; seeing it needs what sending it needs. asking: a POST that changes
    nothing, because what it says must stand in no address; it needs what reading needs.
    files: its form may bring a file along, which is kept in memory; those of others may not.
    instead: another permission that lets in as well; the view looks which of the two the caller has.
    """

    caller: str
    permission: str
    methods: frozenset[str]
    own: bool = False
    form: bool = False
    asking: bool = False
    files: bool = False
    instead: str = ""

    def level(self, method: str) -> str:
        """The level of the permission that `method` needs."""
        return "read" if self.asking or (method in SAFE and not self.form) else "write"

    def admits(self, user: Person, method: str) -> bool:
        """Whether the rights of a person let him call it."""
        level = self.level(method)
        return user.may(self.permission, level) or bool(self.instead and user.may(self.instead, level))


def access(
    caller: str, permission: str = "", *, methods: str = "GET", instead: str = "", **marks: bool
) -> Callable:
    """Declare who may call a function view and how, e.g. `@access("session", "keys", methods="GET POST")`. marks:
    `own`, `form`, `asking`, `files`.

    Callers that prove themselves by a header are exempt from the CSRF check, which guards cookies. Raises
    ValueError for an unknown caller or permission.
    """
    declared = _access(caller, permission, methods, instead, **marks)

    def declare(view):
        view.access = declared
        if caller in BY_HEADER:
            view.csrf_exempt = True
        return view

    return declare


def _access(caller: str, permission: str, methods: str, instead: str = "", **marks: bool) -> Access:
    if caller not in CALLERS:
        raise ValueError(f"{caller} is no kind of caller")
    for name in (permission, instead):
        if name:
            known(name)
    allowed = frozenset(methods.split())
    return Access(
        caller, permission, allowed | ({"HEAD"} if "GET" in allowed else set()), instead=instead, **marks
    )


_ADMIN_SITE = _access("super", "", "GET POST")


def declared(view: Callable, namespaces: Sequence[str] = ()) -> Access | None:
    """What a URL's callback declares, or what is declared for it; None for neither.

    Django's admin declares as a whole, by being under our site object. namespaces: those of the URL, outermost first;
    for a view of somebody else's, ours to mount but not to write, the setting ACCESS_OF_NAMESPACES declares by them.
    """
    site = getattr(view, "admin_site", None) or getattr(
        getattr(view, "model_admin", None), "admin_site", None
    )
    if isinstance(site, admin.AdminSite):
        return _ADMIN_SITE
    own = getattr(view, "access", None)
    return own or next(
        (of_namespace(name) for name in namespaces if name in settings.ACCESS_OF_NAMESPACES), None
    )


def of_namespace(name: str) -> Access:
    """What the setting declares for the views of one URL namespace. Raises ValueError, TypeError for what is none."""
    declaration = {"permission": "", "methods": "GET", **settings.ACCESS_OF_NAMESPACES[name]}
    if declaration.get("caller") in BY_HEADER:
        raise ValueError("callers by a header are for views which know that no cookie protects them")
    return _access(**declaration)
