"""The demonstration's organisations, people, APIs, policies and keys, made by the same functions as anybody's."""

import json
import os
import secrets
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from apis.models import ApiDefinition
from apis.publishing import publish
from dashboard.demonstration import catalogue, watched
from dashboard.demonstration.traffic import Incident, Tenant, Traffic
from dashboard.engines.listening import StartError
from keys.keys import lifecycle
from keys.keys.session import Right
from keys.keys.token import token_hash
from keys.models import Key
from keys.policies import lifecycle as policy_lifecycle
from orgs import scope
from orgs.audit import log
from orgs.ids import new_id
from orgs.models import Organisation, User
from orgs.organisations import lifecycle as organisations
from orgs.people import accounts

AGE = timedelta(weeks=11)
INCIDENT_MINUTES = 58


def seed(var: Path) -> dict[str, Any]:
    """What `var/demo.json` says, with the organisations it tells of made first if they are not there.

    The member `url` is empty or an earlier one: who serves fills it. Raises StartError where organisations
    of these names exist and nobody can know their passwords any more.
    """
    with scope.every_org(), transaction.atomic():
        demonstration = _kept(var)
        if demonstration is None:
            demonstration = _made(timezone.now())
        demonstration |= {
            "admin_secret": settings.ADMIN_SECRET,
            "node_secret": settings.NODE_SECRET,
            "redis_url": settings.REDIS_URL,
        }
        # Before the commit: a file about nothing is made anew, but passwords that were never told are lost.
        write(var, demonstration)
    return demonstration


def write(var: Path, demonstration: dict[str, Any]) -> None:
    """Put `demonstration` into var/demo.json, which only its owner may read."""
    draft = var / f".demo.json.{secrets.token_hex(4)}"
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(demonstration, file, indent=2)
    draft.replace(var / "demo.json")


def read(var: Path) -> dict[str, Any] | None:
    """What var/demo.json says; None if there is none."""
    try:
        return json.loads((var / "demo.json").read_text())
    except FileNotFoundError:
        return None


def traffic(demonstration: dict[str, Any]) -> Traffic:
    """The traffic of what is left of the demonstration: active APIs, keys not revoked or suspended."""
    kept = demonstration["traffic"]
    incident = Incident(
        kept["incident"]["api_id"],
        datetime.fromisoformat(kept["incident"]["begins"]),
        timedelta(minutes=kept["incident"]["minutes"]),
    )
    return Traffic(
        [_tenant(organisation) for organisation in demonstration["organisations"]], kept["seed"], incident
    )


def _tenant(kept: dict[str, Any]) -> Tenant:
    hashes = {alias: token_hash(token) for alias, token in kept["keys"].items()}
    with scope.org(kept["id"]), transaction.atomic():
        apis = set(ApiDefinition.objects.filter(active=True).values_list("api_id", flat=True))
        keys = set(Key.objects.filter(revoked_at=None, suspended=False).values_list("token_hash", flat=True))
    return Tenant(
        kept["id"],
        next(each for each in catalogue.ORGANISATIONS if each.slug == kept["slug"]),
        {name: api_id for name, api_id in kept["apis"].items() if api_id in apis},
        {alias: key_hash for alias, key_hash in hashes.items() if key_hash in keys},
    )


def _kept(var: Path) -> dict[str, Any] | None:
    demonstration = read(var)
    ids = [organisation["id"] for organisation in demonstration["organisations"]] if demonstration else []
    if Organisation.everyone.filter(id__in=ids).exists():
        return demonstration
    slugs = [organisation.slug for organisation in catalogue.ORGANISATIONS]
    if Organisation.everyone.filter(slug__in=slugs).exists():
        raise StartError(
            f"The demonstration's data is there, but {var / 'demo.json'} is lost: begin anew with --fresh."
        )
    return None


def _made(now: datetime) -> dict[str, Any]:
    begins = trouble_begins(now)
    operator = _person(None, "operator@gatehouse.example", catalogue.Person("Robin", "Ferreira", {}))[1]
    organisations = [_organisation(organisation, now, begins) for organisation in catalogue.ORGANISATIONS]
    shipments = organisations[0]["apis"][catalogue.SHIPMENTS.name]
    made = {
        "url": "",
        "super_user": operator,
        "organisations": organisations,
        "traffic": {
            "seed": secrets.randbelow(2**32),
            "end": now.isoformat(),
            "incident": {"api_id": shipments, "begins": begins.isoformat(), "minutes": INCIDENT_MINUTES},
        },
    }
    administrator = User.everyone.get(email=organisations[0]["users"][0]["email"])
    with scope.org(organisations[0]["id"]):
        trouble = Incident(shipments, begins, timedelta(minutes=INCIDENT_MINUTES))
        watched.make(organisations[0]["id"], administrator, traffic(made), trouble, now)
    return made


def trouble_begins(now: datetime) -> datetime:
    """Twenty past ten, local time, of the latest working day on which that is three hours ago."""
    zone = ZoneInfo(catalogue.TIDEWATER.zone)
    day = (now - timedelta(hours=3)).astimezone(zone).date()
    while True:
        begins = datetime.combine(day, time(10, 20), zone).astimezone(UTC)
        if day.isoweekday() <= 5 and begins <= now - timedelta(hours=3):
            return begins
        day -= timedelta(days=1)


def _organisation(source: catalogue.Organisation, now: datetime, trouble: datetime) -> dict[str, Any]:
    begun = now - AGE
    with log.dated(begun):
        organisation = organisations.create(
            id=new_id(), owner_name=source.name, slug=source.slug, time_zone=source.zone, created_at=begun
        )
        users = [
            _person(
                organisation, f"{person.first_name}.{person.last_name}@{source.slug}.example".lower(), person
            )
            for person in source.people
        ]
        # Nobody publishes before he is there.
        User.everyone.filter(org=organisation).update(created_at=begun)
    administrator = users[0][0]
    apis = {
        api.name: _api(
            organisation, api, administrator, now - AGE + timedelta(days=2 * place, hours=1), trouble
        )
        for place, api in enumerate(source.apis)
    }
    policies = {
        policy.name: _policy(organisation, policy, apis, administrator, now - AGE + timedelta(weeks=2))
        for policy in source.policies
    }
    return {
        "id": organisation.id,
        "name": organisation.owner_name,
        "slug": organisation.slug,
        "users": [told for _, told in users],
        "apis": apis,
        "keys": {
            caller.alias: _key(organisation, _opening(caller, apis, policies), administrator, now)
            for caller in source.callers
        },
    }


def _person(
    organisation: Organisation | None, email: str, person: catalogue.Person
) -> tuple[User, dict[str, str]]:
    password = accounts.initial_password()
    user, access_key = accounts.create_user(
        org=organisation,
        email=email,
        first_name=person.first_name,
        last_name=person.last_name,
        password=password,
        granted=person.permissions,
    )
    return user, {"email": user.email, "password": password, "access_key": access_key}


def _api(organisation, source: catalogue.Api, author: User, first: datetime, trouble: datetime) -> str:
    """Publish an API with some history; answers its API id."""
    planned = replace(source, active=False)
    api = publish.create(organisation.id, definition(planned), author=author, message="First draft", at=first)
    steps = [(definition(source), "Open to callers", first + timedelta(hours=26))] if source.active else []
    if source == catalogue.SHIPMENTS:
        moved = replace(source, target_url="http://shipments-b.tidewater.example/")
        back = trouble + timedelta(minutes=INCIDENT_MINUTES - 1)
        steps += [
            (definition(moved), "Move to the new cluster", trouble - timedelta(minutes=2)),
            (definition(source), "Back to the old cluster: too many errors on the new one", back),
        ]
    for each, message, at in steps:
        publish.change(api, each, author=author, message=message, at=at)
    return api.api_id


def definition(api: catalogue.Api) -> dict[str, Any]:
    """The classic definition of an API."""
    return {
        "name": api.name,
        "active": api.active,
        "use_keyless": api.keyless,
        "auth": {"auth_header_name": "Authorization"},
        "proxy": {"listen_path": api.listen_path, "target_url": api.target_url, "strip_listen_path": True},
        "version_data": {
            "not_versioned": True,
            "versions": {"Default": {"name": "Default", "use_extended_paths": True}},
        },
    }


def _policy(organisation, source: catalogue.Policy, apis: dict[str, str], author: User, at: datetime) -> str:
    """Store a policy; answers its id."""
    document = {
        "name": source.name,
        "id": source.id,
        "state": source.state,
        "rate": source.rate,
        "per": 60,
        "quota_max": source.quota,
        "quota_renewal_rate": 30 * 86_400 if source.quota > 0 else 0,
        "access_rights": {
            apis[name]: {"api_id": apis[name], "api_name": name, "versions": ["Default"]}
            for name in source.apis
        },
        "tags": list(source.tags),
    }
    with log.dated(at):
        return policy_lifecycle.create(organisation.id, document, author=author).id


def _key(organisation, spec: lifecycle.KeySpec, author: User, now: datetime) -> str:
    """Issue a key; answers its token."""
    # Its traffic goes back weeks.
    issued = now - AGE + timedelta(weeks=3)
    with log.dated(issued):
        key, token = lifecycle.create(
            organisation.id,
            spec,
            created_by=author.email,
        )
    Key.objects.filter(org_id=organisation.id, id=key.id).update(created_at=issued, updated_at=issued)
    return token


def _opening(caller: catalogue.Caller, apis: dict[str, str], policies: dict[str, str]) -> lifecycle.KeySpec:
    if caller.policy:
        return lifecycle.KeySpec(alias=caller.alias, policies=(policies[caller.policy],))
    return lifecycle.KeySpec(
        alias=caller.alias,
        all_apis=not caller.apis,
        rights=tuple(Right(apis[name]) for name in caller.apis),
        rate=20 if caller.limited else 500,
        per=60,
    )
