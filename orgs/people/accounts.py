"""What is done to people and organisations: one set of functions behind pages, REST, Django admin and commands.

Each runs in the caller's transaction and leaves its audit entry there. Rules: a person belongs to the organisation
of whoever adds him, so whoever a super-user adds is a super-user; nobody grants what he lacks; the last
administrator and the last super-user stay.

Changes to the people of one organisation come one after another. Under that lock the person and whoever changes him
are read again, so the rules hold for what is stored, not for what a page once showed. `expected` is the change number
that the caller saw; None overwrites what others did. Each change counts it up by one and leaves one entry.
"""

from django.core.exceptions import ValidationError
from django.db.models import F, Q
from django.utils import timezone
from django.utils.crypto import get_random_string
from django.utils.text import slugify

from orgs import rights, scope
from orgs.changes import facts, insert, note, refuse_stale, store
from orgs.email_address import normal_address
from orgs.models import Organisation, User, zone_names
from orgs.organisations import events, limits, locks
from orgs.people import duplicates
from orgs.signing_in.credentials import access_key_hash, new_access_key

_FREE_SLUGS_TRIED = 50


class NotAllowed(Exception):
    """The change would break a rule about people; the message says which."""


class DenialUnseen(NotAllowed):
    """The change would take the denials named away, made by somebody who does not say what he saw of the person."""


class AlreadyMade(Exception):
    """The form was sent before; `organisation` is what it made."""

    def __init__(self, organisation: Organisation):
        super().__init__(organisation.id)
        self.organisation = organisation


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
        _may_change_people(actor)
    if locked is not None:
        limits.refuse_more(locked, "max_people", User.everyone.filter(org=org).count() + 1)
    granted = {} if org is None else (granted or {})
    _may_grant(actor, granted)
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
    _validate(user)
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
        _may_grant(actor, changed["permissions"], user.permissions)
        if not lifts_denials:
            _refuse_lifting(user.permissions, changed["permissions"])
    for name, value in changed.items():
        setattr(user, name, value)
    _validate(user)
    someone_stays(user)
    # Who is let in again, or was renamed, signs in again: no session of before goes on.
    user.session_round += not user.is_active or user.email != before["email"]
    store(user, [*changed, "session_round"])
    note("user.changed", user, actor, before=before, after=facts(user))
    return user


def delete_user(user: User, *, actor: User | None = None, expected: int | None = None) -> None:
    """Remove the person; what the audit log says of him stays. Raises NotAllowed, Stale, Departed."""
    _hold(user, actor)
    refuse_stale(user, expected)
    before = facts(user)
    user.is_active = False
    someone_stays(user)
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


def create_organisation(
    *, actor: User | None = None, form_token: str | None = None, **values
) -> Organisation:
    """A new organisation from its field values; a missing slug is made of the name.

    Raises ValidationError, and AlreadyMade for a form token used before.
    """
    _refuse_second(form_token)
    organisation = Organisation(form_token=form_token, **values)
    try:
        _insert(organisation)
    except ValidationError:
        _refuse_second(form_token)
        raise
    note("organisation.created", organisation, actor, after=facts(organisation))
    return organisation


def change_organisation(
    organisation: Organisation, *, actor: User | None = None, expected: int | None = None, **changed
) -> Organisation:
    """Change field values of an organisation; an empty slug leaves it, members which `extra` lacks stay.

    Raises ValidationError, Stale, Departed.
    """
    locks.lock(organisation.id)
    organisation.refresh_from_db()
    if not changed.get("slug", "given"):
        del changed["slug"]
    if "slug" in changed:
        changed["slug"] = changed["slug"].lower()
    if "extra" in changed:
        changed["extra"] = organisation.extra | changed["extra"]
    before = facts(organisation)
    if before | changed == before:
        return organisation
    refuse_stale(organisation, expected)
    for name, value in changed.items():
        setattr(organisation, name, value)
    _validate(organisation)
    store(organisation, changed)
    if not organisation.enabled:
        # Enabled again, it begins without the sessions of before.
        User.everyone.filter(org=organisation).update(session_round=F("session_round") + 1)
    note("organisation.changed", organisation, actor, before=before, after=facts(organisation))
    return organisation


def delete_organisation(
    organisation: Organisation, *, actor: User | None = None, expected: int | None = None
) -> None:
    """Take an organisation out of service: nothing of it is served, nobody of it gets in, its slug is free again.

    The row stays, marked, because the audit log and the analytics speak of it. What other apps own is withdrawn by
    the receivers of orgs.organisations.events.organisation_departing. Raises Stale, Departed.
    """
    organisation = locks.lock_alone(organisation.id)
    refuse_stale(organisation, expected)
    with scope.org(organisation.id):
        events.organisation_departing.send(Organisation, organisation=organisation)
    User.everyone.filter(org=organisation).update(
        is_active=False, access_key_hash=None, change_number=F("change_number") + 1
    )
    note("organisation.deleted", organisation, actor, before=facts(organisation))
    organisation.enabled = False
    organisation.deleted_at = timezone.now()
    organisation.slug = f"deleted-{organisation.id}"
    store(organisation, ["enabled", "deleted_at", "slug"])


def _validate(row: User | Organisation) -> None:
    if isinstance(row, User):
        # Ours before Django's: the wording is what clients of the original read.
        same = User.everyone.filter(org=row.org, email=row.email).exclude(pk=row.pk)
        if same.exists():
            raise ValidationError({"email": duplicates.EMAIL})
    row.full_clean(exclude=["password"])
    if isinstance(row, Organisation) and row.time_zone not in zone_names():
        raise ValidationError({"time_zone": "This is not a time zone."})


def _insert(organisation: Organisation) -> None:
    """Store a new organisation; under a slug of its name, under the next one as often as others are faster."""
    chosen = organisation.slug.lower()
    for _ in range(_FREE_SLUGS_TRIED):
        organisation.slug = chosen or _free_slug(organisation.owner_name)
        try:
            _validate(organisation)
            insert(organisation)
        except ValidationError as error:
            if chosen or error.message_dict.keys() != {"slug"}:
                raise
            refusal = error
        else:
            return
    raise refusal


def _refuse_second(form_token: str | None) -> None:
    made = Organisation.everyone.filter(form_token=form_token).first() if form_token else None
    if made is not None:
        raise AlreadyMade(made)


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
    wrong = rights.problems(granted)
    if wrong:
        raise ValidationError({"permissions": wrong})
    if actor is None:
        return
    lacking = rights.exceeding(granted, rights.effective(actor), before)
    if lacking:
        raise NotAllowed(f"You cannot grant what you do not hold: {', '.join(sorted(lacking))}")


def _refuse_lifting(held: dict[str, str], asked: dict[str, str]) -> None:
    lifted = [name for name in sorted(held) if held[name] == "deny" != asked.get(name)]
    if lifted:
        raise DenialUnseen(", ".join(lifted))


def _hold(user: User, actor: User | None) -> None:
    """Bring the person and the actor up to date under the lock, and see whether the one may still act on the other."""
    _take_turns(user.org_id)
    try:
        user.refresh_from_db(from_queryset=User.everyone.select_for_update(of=("self",), no_key=True))
    except User.DoesNotExist:
        raise locks.Departed(user.id) from None
    if actor is not None:
        _bring_up_to_date(actor)
        _may_act_on(user, actor)


def _bring_up_to_date(actor: User) -> None:
    """The rights that the actor has now, not when the request began."""
    try:
        with scope.nobody():  # a super-user is not among the people of an organisation that he has entered
            actor.refresh_from_db(fields=["is_active", "permissions"])
    except User.DoesNotExist:
        actor.is_active = False
    if not actor.is_active:
        raise NotAllowed("Your account is no longer active")


def _may_act_on(user: User, actor: User) -> None:
    """Whoever holds more than the actor is out of his reach, or a password reset would be a way up."""
    if actor.pk == user.pk:
        return
    _may_change_people(actor)
    lacking = rights.exceeding(rights.effective(user), rights.effective(actor))
    if lacking:
        raise NotAllowed(f"This person holds rights which you do not: {', '.join(sorted(lacking))}")


def _may_change_people(actor: User) -> None:
    if not actor.may("users", "write"):
        raise NotAllowed("You may no longer change people")


def _take_turns(org_id: str | None) -> Organisation | None:
    """Changes to the people of one organisation, or to the super-users, come one after another, so that two cannot
    remove the last two. The organisation as it is now."""
    if org_id is not None:
        return locks.lock(org_id)
    list(User.everyone.select_for_update(no_key=True).filter(org=None).order_by("pk").values_list("pk"))
    return None


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
