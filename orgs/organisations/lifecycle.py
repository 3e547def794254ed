"""What is done to organisations: one set of functions behind pages, REST, Django admin and commands.

Each runs in the caller's transaction and leaves its audit entry there. `expected` is the change number that the caller
saw; None overwrites what others did. Each change counts it up by one.
"""

from collections.abc import Mapping
from types import MappingProxyType

from django.core.exceptions import ValidationError
from django.db.models import F
from django.utils import timezone
from django.utils.text import slugify

from orgs import scope
from orgs.audit.changes import facts, insert, note, refuse_stale, store
from orgs.models import Organisation, User, check_kept_days, zone_names
from orgs.organisations import events, locks, retention
from orgs.refusals import Taken

_FREE_SLUGS_TRIED = 50


class AlreadyMade(Taken):
    """The form was sent before; `organisation` is what it made."""

    def __init__(self, organisation: Organisation):
        super().__init__("This form was sent before.")
        self.organisation = organisation


def create(*, actor: User | None = None, form_token: str | None = None, **values) -> Organisation:
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
    _tell_of_domain(organisation, actor)
    return organisation


def change(
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
    _validate(organisation, kept_days=before["kept_days"])
    store(organisation, changed)
    if not organisation.enabled:
        # Enabled again, it begins without the sessions of before.
        User.everyone.filter(org=organisation).update(session_round=F("session_round") + 1)
    note("organisation.changed", organisation, actor, before=before, after=facts(organisation))
    if (before["cname"], before["cname_enabled"]) != (organisation.cname, organisation.cname_enabled):
        _tell_of_domain(organisation, actor)
    return organisation


def delete(organisation: Organisation, *, actor: User | None = None, expected: int | None = None) -> None:
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


def _tell_of_domain(organisation: Organisation, actor: User | None) -> None:
    if organisation.cname and organisation.cname_enabled:
        with scope.org(organisation.id):
            events.domain_named.send(Organisation, organisation=organisation, actor=actor)


def _validate(organisation: Organisation, kept_days: Mapping[str, int] = MappingProxyType({})) -> None:
    """kept_days: its periods of before, of which any may be longer than the installation's has become, by which it is
    kept then: those that stay are not asked after."""
    organisation.full_clean(exclude={"kept_days"})
    own = organisation.kept_days
    try:
        check_kept_days(retention.changed(kept_days, own) if isinstance(own, dict) else own)
    except ValidationError as error:
        raise ValidationError({"kept_days": error.messages}) from None
    if organisation.time_zone not in zone_names():
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
