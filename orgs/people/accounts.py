"""What is done to people: one set of functions behind pages, REST, Django admin and commands.

Each runs in the caller's transaction and leaves its audit entry there. Rules: a person belongs to the organisation
of whoever adds him, so whoever a super-user adds is a super-user; nobody grants what he lacks; the last
administrator and the last super-user stay.

Changes to the people of one organisation come one after another. Under that lock the person and whoever changes him
are read again, so the rules hold for what is stored, not for what a page once showed. `expected` is the change number
that the caller saw; None overwrites what others did. Each change counts it up by one and leaves one entry.
"""

from collections.abc import Collection
from copy import copy

from django.core.exceptions import ValidationError
from django.utils.crypto import get_random_string

from orgs import scope
from orgs.audit.changes import facts, insert, note, refuse_stale, store
from orgs.email_address import normal_address
from orgs.models import Organisation, User
from orgs.organisations import limits, locks
from orgs.people import duplicates
from orgs.people.rules import may_act_on, may_change_people, may_grant, refuse_lifting, someone_stays
from orgs.refusals import NotAllowed
from orgs.signing_in.credentials import access_key_hash, new_access_key

_SAID = ("email", "first_name", "last_name", "permissions", "is_active")


def create_user(
    *,
    org: Organisation | None,
    email: str,
    first_name: str = "",
    last_name: str = "",
    password: str | None = None,
    granted: dict[str, str] | None = None,
    active: bool = True,
    actor: User | None = None,
) -> tuple[User, str]:
    """A new person and the access key, which nobody can read again.

    org None makes a super-user. actor None is the command line or the admin API, which may grant anything. Raises
    ValidationError naming the field, NotAllowed, Departed, LimitReached.
    """
    locked = _take_turns(org.id if org else None)
    if actor is not None:
        _bring_up_to_date(actor)
        may_change_people(actor)
    if locked is not None:
        limits.refuse_more(locked, "max_people", User.everyone.filter(org=org).count() + 1)
    granted = {} if org is None else (granted or {})
    may_grant(actor, granted)
    key = new_access_key()
    user = User(
        org=org,
        email=normal_address(email),
        first_name=first_name,
        last_name=last_name,
        permissions=granted,
        is_active=active,
        is_superuser=org is None,
        access_key_hash=access_key_hash(key),
    )
    user.set_password(password)
    _validate(user, _SAID)
    insert(user)
    note("user.created", user, actor, after=facts(user))
    return user, key


def change_user(
    user: User,
    *,
    actor: User | None = None,
    expected: int | None = None,
    levels: dict[str, str] | None = None,
    lifts_denials: bool = True,
    **changed,
) -> User:
    """Change any of email, first_name, last_name, permissions, is_active. Binding on the person's next request.

    levels: single entries of the permission map, "" for none; the others stay as they are. lifts_denials: whether
    "deny" may be taken away. Raises ValidationError, NotAllowed, DenialUnseen, Stale, Departed.
    """
    _hold(user, actor)
    if levels is not None:
        changed["permissions"] = {name: level for name, level in (user.permissions | levels).items() if level}
    if "email" in changed:
        changed["email"] = normal_address(changed["email"])
    before = facts(user)
    if before | changed == before:
        return user
    refuse_stale(user, expected)
    if "permissions" in changed:
        may_grant(actor, changed["permissions"], user.permissions)
        if not lifts_denials:
            refuse_lifting(user.permissions, changed["permissions"])
    stored = copy(user)
    for name, value in changed.items():
        setattr(user, name, value)
    _validate(user, changed)
    someone_stays(user, stored)
    # Who is let in again, or was renamed, signs in again: no session of before goes on.
    user.session_round += not user.is_active or user.email != before["email"]
    store(user, [*changed, "session_round"])
    note("user.changed", user, actor, before=before, after=facts(user))
    return user


def delete_user(user: User, *, actor: User | None = None, expected: int | None = None) -> None:
    """Remove the person; what the audit log says of him stays. Raises NotAllowed, Stale, Departed."""
    _hold(user, actor)
    refuse_stale(user, expected)
    before, stored = facts(user), copy(user)
    user.is_active = False
    someone_stays(user, stored)
    note("user.deleted", user, actor, before=before)
    user.delete()


def set_password(
    user: User, password: str, *, actor: User | None = None, expected: int | None = None
) -> None:
    """Set a password already validated; every session of the person ends. Raises NotAllowed, Stale, Departed."""
    _hold(user, actor)
    refuse_stale(user, expected)
    user.set_password(password)
    user.session_round += 1  # the same password again has the same hash
    store(user, ["password", "password_email", "session_round"])
    note("user.password-changed", user, actor)


def renew_access_key(user: User, *, actor: User | None = None, expected: int | None = None) -> str:
    """A new access key, returned this once; the old one ends at once. Raises NotAllowed, Stale, Departed."""
    _hold(user, actor)
    refuse_stale(user, expected)
    key = new_access_key()
    user.access_key_hash = access_key_hash(key)
    store(user, ["access_key_hash"])
    note("user.access-key-renewed", user, actor)
    return key


def end_sessions(user: User, *, actor: User | None = None, expected: int | None = None) -> None:
    """Sign the person out everywhere and end the access key. Raises NotAllowed, Stale, Departed."""
    _hold(user, actor)
    refuse_stale(user, expected)
    user.session_round += 1
    user.access_key_hash = None
    store(user, ["session_round", "access_key_hash"])
    note("user.sessions-ended", user, actor)


def initial_password() -> str:
    """A password to hand over: 20 letters and digits."""
    return get_random_string(20)


def _validate(user: User, said: Collection[str]) -> None:
    """Raises ValidationError for what is `said` of the person. All else was judged when it came, or is ours; and the
    database has the last word (orgs.people.duplicates)."""
    if "email" in said:
        # Ours before Django's: the wording is what clients of the original read.
        same = User.everyone.filter(org_id=user.org_id, email=user.email).exclude(pk=user.pk)
        if same.exists():
            raise ValidationError({"email": duplicates.EMAIL})
    user.clean_fields(exclude={field.name for field in user._meta.fields} - set(said))


def _hold(user: User, actor: User | None) -> None:
    """Bring the person and the actor up to date under the lock, and see whether the one may still act on the other."""
    _take_turns(user.org_id)
    try:
        user.refresh_from_db(from_queryset=User.everyone.select_for_update(of=("self",), no_key=True))
    except User.DoesNotExist:
        raise locks.Departed(user.id) from None
    if actor is not None:
        _bring_up_to_date(actor)
        may_act_on(user, actor)


def _bring_up_to_date(actor: User) -> None:
    """The rights that the actor has now, not when the request began."""
    try:
        with scope.nobody():  # a super-user is not among the people of an organisation that he has entered
            actor.refresh_from_db(fields=["is_active", "permissions"])
    except User.DoesNotExist:
        actor.is_active = False
    if not actor.is_active:
        raise NotAllowed("Your account is no longer active")


def _take_turns(org_id: str | None) -> Organisation | None:
    """Changes to the people of one organisation, or to the super-users, come one after another, so that two cannot
    remove the last two. The organisation as it is now."""
    if org_id is not None:
        return locks.lock(org_id)
    list(User.everyone.select_for_update(no_key=True).filter(org=None).order_by("pk").values_list("pk"))
    return None
