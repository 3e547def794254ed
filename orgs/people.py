"""What is done to people and organisations: one set of functions behind pages, REST, Django admin and commands.

Each runs in the caller's transaction and leaves its audit entry there. Rules: a person belongs to the organisation
of whoever adds him, so whoever a super-user adds is a super-user; nobody grants what he lacks; the last
administrator and the last super-user stay.
"""

from collections.abc import Callable

from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils import timezone
from django.utils.crypto import get_random_string
from django.utils.text import slugify

from orgs import audit, limits, organisations, permissions, scope
from orgs.credentials import access_key_hash, new_access_key
from orgs.models import Organisation, User, zone_names

DUPLICATE = "User email already exists for this Org"
LONGEST_PASSWORD = 1_024

# Called with the organisation, in its scope, when it is deleted: how apps above take their things out of service.
DEPARTURES: list[Callable[[Organisation], None]] = []

_AUDITED = ("email", "first_name", "last_name", "is_active", "permissions")
_AUDITED_ORGANISATION = (
    "owner_name",
    "slug",
    "cname",
    "cname_enabled",
    "enabled",
    "time_zone",
    "extra",
    *limits.LIMITS,
)


class NotAllowed(Exception):
    """The change would break a rule about people; the message says which."""


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
    if org is not None:
        locked = organisations.lock(org.id)
        limits.refuse_more(locked, "max_people", User.everyone.filter(org=org).count() + 1)
    granted = {} if org is None else (granted or {})
    _may_grant(actor, granted)
    key = new_access_key()
    user = User(
        org=org,
        email=email.strip().lower(),
        first_name=first_name,
        last_name=last_name,
        permissions=granted,
        is_active=active,
        is_superuser=org is None,
        access_key_hash=access_key_hash(key),
        password=make_password(password),
    )
    _validate(user)
    user.save(force_insert=True)
    _note("user.created", user, actor, after=_facts(user))
    return user, key


def change_user(user: User, *, actor: User | None = None, **changed) -> User:
    """Change any of email, first_name, last_name, permissions, is_active. Binding on the person's next request."""
    _lock_people(user.org)
    # As they are now, under the lock: what may be granted follows from what is held.
    user.refresh_from_db(fields=_AUDITED)
    _may_act_on(user, actor)
    before = _facts(user)
    if "permissions" in changed:
        _may_grant(actor, changed["permissions"], user.permissions)
    for name, value in changed.items():
        setattr(user, name, value.strip().lower() if name == "email" else value)
    _validate(user)
    someone_stays(user)
    after = _facts(user)
    if after != before:
        user.save(update_fields=changed)
        _note("user.changed", user, actor, before=before, after=after)
    return user


def delete_user(user: User, *, actor: User | None = None) -> None:
    """Remove the person; what the audit log says of him stays."""
    _lock_people(user.org)
    _may_act_on(user, actor)
    user.is_active = False
    someone_stays(user)
    _note("user.deleted", user, actor, before=_facts(user))
    user.delete()


def set_password(user: User, password: str, *, actor: User | None = None) -> None:
    """Set a password already validated; every session of the person ends."""
    _may_act_on(user, actor)
    user.set_password(password)
    user.save(update_fields=["password"])
    _note("user.password-changed", user, actor)


def renew_access_key(user: User, *, actor: User | None = None) -> str:
    """A new access key, returned this once; the old one ends at once."""
    _may_act_on(user, actor)
    key = new_access_key()
    user.access_key_hash = access_key_hash(key)
    user.save(update_fields=["access_key_hash"])
    _note("user.access-key-renewed", user, actor)
    return key


def initial_password() -> str:
    """A password to hand over: 20 letters and digits."""
    return get_random_string(20)


def create_organisation(*, actor: User | None = None, **facts) -> Organisation:
    """A new organisation from its field values; a missing slug is made of the name. Raises ValidationError."""
    organisation = Organisation(**facts)
    organisation.slug = organisation.slug or _free_slug(organisation.owner_name)
    _validate(organisation)
    organisation.save(force_insert=True)
    _note("organisation.created", organisation, actor, after=_facts(organisation))
    return organisation


def change_organisation(organisation: Organisation, *, actor: User | None = None, **changed) -> Organisation:
    """Change field values of an organisation. Raises ValidationError, Departed."""
    organisations.lock(organisation.id)
    before = _facts(organisation)
    for name, value in changed.items():
        setattr(organisation, name, value)
    _validate(organisation)
    after = _facts(organisation)
    if after != before:
        organisation.save(update_fields=changed)
        _note("organisation.changed", organisation, actor, before=before, after=after)
    return organisation


def delete_organisation(organisation: Organisation, *, actor: User | None = None) -> None:
    """Take an organisation out of service: nothing of it is served, nobody of it gets in, its slug is free again.

    The row stays, marked, because the audit log and the analytics speak of it. What other apps own is withdrawn by
    the functions they put into DEPARTURES. Raises Departed.
    """
    organisation = organisations.lock_alone(organisation.id)
    with scope.org(organisation.id):
        for withdraw in DEPARTURES:
            withdraw(organisation)
    User.everyone.filter(org=organisation).update(is_active=False, access_key_hash=None)
    _note("organisation.deleted", organisation, actor, before=_facts(organisation))
    organisation.enabled = False
    organisation.deleted_at = timezone.now()
    organisation.slug = f"deleted-{organisation.id}"
    organisation.save(update_fields=["enabled", "deleted_at", "slug"])


def end_sessions(user: User, *, actor: User | None = None) -> None:
    """Sign the person out everywhere and end the access key."""
    _may_act_on(user, actor)
    user.session_round += 1
    user.access_key_hash = None
    user.save(update_fields=["session_round", "access_key_hash"])
    _note("user.sessions-ended", user, actor)


def _validate(row: User | Organisation) -> None:
    if isinstance(row, User):
        # Ours before Django's: the wording is what clients of the original read.
        same = User.everyone.filter(org=row.org, email=row.email).exclude(pk=row.pk)
        if same.exists():
            raise ValidationError({"email": DUPLICATE})
    row.full_clean(exclude=["password"])
    if isinstance(row, Organisation) and row.time_zone not in zone_names():
        raise ValidationError({"time_zone": "This is not a time zone."})


def _free_slug(name: str) -> str:
    stem = slugify(name)[:50] or "organisation"
    taken = set(Organisation.everyone.filter(slug__startswith=stem).values_list("slug", flat=True))
    return next(slug for slug in _candidates(stem) if slug not in taken)


def _candidates(stem: str):
    yield stem
    number = 2
    while True:
        yield f"{stem}-{number}"
        number += 1


def _may_grant(actor: User | None, granted: dict[str, str], before: dict[str, str] | None = None) -> None:
    wrong = permissions.problems(granted)
    if wrong:
        raise ValidationError({"permissions": wrong})
    if actor is None or actor.is_superuser:
        return
    lacking = permissions.exceeding(granted, actor.permissions, before)
    if lacking:
        raise NotAllowed(f"You cannot grant what you do not hold: {', '.join(sorted(lacking))}")


def _may_act_on(user: User, actor: User | None) -> None:
    """Whoever holds more than the actor is out of his reach, or a password reset would be a way up."""
    if actor is None or actor.is_superuser or actor.pk == user.pk:
        return
    lacking = permissions.exceeding(user.permissions, actor.permissions)
    if lacking:
        raise NotAllowed(f"This person holds rights which you do not: {', '.join(sorted(lacking))}")


def _lock_people(org: Organisation | None) -> None:
    """Changes to the people of one organisation, or to the super-users, come one after another, so that two cannot
    remove the last two."""
    if org is not None:
        organisations.lock(org.id)
    else:
        list(User.everyone.select_for_update().filter(org=None).order_by("pk").values_list("pk"))


def someone_stays(user: User) -> None:
    """Refuse what would leave an organisation without administrator, or the installation without super-user."""
    stored = User.everyone.get(pk=user.pk)
    others = User.everyone.filter(org=stored.org, is_active=True).exclude(pk=user.pk)
    if stored.is_superuser:
        if stored.is_active and not user.is_active and not others.exists():
            raise NotAllowed("The last super-user stays")
    elif (
        stored.is_active
        and stored.is_administrator
        and not (user.is_active and user.is_administrator)
        and not others.filter(Q(permissions__IsAdmin="admin")).exists()
    ):
        raise NotAllowed("The last administrator of an organisation stays")


def _facts(row: User | Organisation) -> dict:
    return {
        name: getattr(row, name) for name in (_AUDITED if isinstance(row, User) else _AUDITED_ORGANISATION)
    }


def _note(action: str, row: User | Organisation, actor: User | None, **facts: dict) -> None:
    """The audit entry of a change to a person, kept by his organisation, or to an organisation, kept by itself."""
    kind, _, _ = action.partition(".")
    org = row.org_id if isinstance(row, User) else row.id
    audit.record(action, kind, row.id, str(row), org=org, actor=actor, **facts)
