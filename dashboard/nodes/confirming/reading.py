"""Reading back what gateways really run: the worker asks each control API that there is, one after the other, and
compares the answer with what gateways are to be given. No web request ever asks one."""

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from apis.definitions import kinds, segments
from apis.definitions.rules.targets import NOWHERE
from apis.models import ServedApi
from dashboard.nodes.confirming import runs
from dashboard.nodes.confirming.comparison import MOST, differences
from dashboard.nodes.confirming.control import ControlFault
from dashboard.nodes.models import GatewayControl, Node, RunOtherwise, wanted_version
from keys.models import ServedPolicy
from keys.policies.document import TYPES as POLICY_TYPES
from orgs import scope
from orgs.sealing import NotOpened, unseal

logger = logging.getLogger(__name__)

# After which it is asked again: one that runs what is wanted, and any other.
SELDOM = timedelta(minutes=5)
SOON = timedelta(seconds=10)
# And one that could not be read.
AFTER_TROUBLE = timedelta(minutes=1)
MOST_OTHERS = 200  # of one kind
_AT_ONCE = 50

# What a policy is found by is compared by finding it.
_POLICY_TYPES = {name: wanted for name, wanted in POLICY_TYPES.items() if name not in {"_id", "id"}}


@dataclass
class Found:
    """What a gateway runs of one kind, held against what it is to run."""

    kind: str
    control_id: str
    runs: int = 0
    strangers: int = 0
    others: list[RunOtherwise] = field(default_factory=list)
    count: int = 0  # of others, of which only the first are kept

    def note(self, org_id: str, id: str, revision: int, pointers: list[str], *, is_absent: bool) -> None:
        """One is run otherwise. id: of its row."""
        self.count += 1
        if len(self.others) < MOST_OTHERS:
            said = {"revision": revision, "pointers": pointers, "is_absent": is_absent}
            row = RunOtherwise(org_id=org_id, control_id=self.control_id, kind=self.kind, api=id, **said)
            self.others.append(row)

    @property
    def differs(self) -> bool:
        return bool(self.count or self.strangers)


def step(_redis: object) -> bool:
    """Ask the control API that is due and was asked longest ago; whether there may be another."""
    now = timezone.now()
    with scope.every_org():
        row = _claim(now)
        if row is None:
            return False
        try:
            secret = (unseal(row, "sealed_secret") or b"").decode()
            row.gateway_version = runs.version(row)
            loaded, policies = runs.apis(row, secret), runs.policies(row, secret)
            version = wanted_version()
            apis, policies = _apis(row, loaded), None if policies is None else _policies(row, policies)
        except ControlFault as error:
            _note(row, now, trouble=str(error))
        except NotOpened:
            _note(row, now, trouble="its secret cannot be opened any more")
        except RecursionError:
            _note(row, now, trouble="its answer is nested too deeply")
        else:
            # Of what was published while it was compared it says nothing: it is asked again soon.
            if version == wanted_version():
                _keep(row, version, apis, policies, now)
    return True


def _claim(now: datetime) -> GatewayControl | None:
    """The one that is due, which is nobody else's then."""
    wanted = wanted_version()
    runs_it = Q(confirmed_version=wanted, compared_version=wanted, others=0, other_policies=0, trouble="")
    soon = Q(asked_at__lte=now - AFTER_TROUBLE) | Q(asked_at__lte=now - SOON, trouble="")
    due = Q(asked_at=None) | Q(asked_at__lte=now - SELDOM) | (soon & ~runs_it)
    row = GatewayControl.objects.filter(due).order_by(F("asked_at").asc(nulls_first=True), "id").first()
    if row is None:
        return None
    claimed = GatewayControl.objects.filter(id=row.id, asked_at=row.asked_at).update(asked_at=now)
    row.asked_at = now
    return row if claimed else None


def _apis(row: GatewayControl, loaded: dict[str, dict]) -> Found:
    found = Found("api", row.id, runs=len(loaded))
    tags = (
        Node.objects.filter(hostname=row.hostname)
        .order_by("-last_ping_at")
        .values_list("tags", flat=True)
        .first()
    )
    for served in _served():
        definition = json.loads(bytes(served.body))["api_definition"]
        there = loaded.pop(kinds.names(definition).api_id, None)
        if there is None and not _is_loaded(definition, tags or ""):
            continue
        pointers = differences(definition, there) if there else []
        if there is None or pointers:
            found.note(served.org_id, served.api_id, served.revision, pointers, is_absent=there is None)
    found.strangers = len(loaded)
    return found


def _policies(row: GatewayControl, loaded: dict[tuple[str, str], dict]) -> Found:
    """Each policy is served under one name or two, and run as it is to be if both are."""
    loaded.pop(("", NOWHERE), None)  # what is served where there is no policy
    found = Found("policy", row.id)
    for org_id, id, revision, body in _served_policies():
        elements = json.loads(b"[" + bytes(body) + b"]")
        there = [loaded.pop(runs.policy_place(element), None) for element in elements]
        found.runs += any(each is not None for each in there)
        pointers = [
            pointer
            for element, each in zip(elements, there, strict=True)
            if each is not None
            for pointer in differences(element, each, _POLICY_TYPES)
        ]
        is_absent = None in there
        if is_absent or pointers:
            found.note(org_id, id, revision, list(dict.fromkeys(pointers))[:MOST], is_absent=is_absent)
    found.strangers = len(loaded)
    found.runs += found.strangers
    return found


def _served() -> Iterator[ServedApi]:
    rows = ServedApi.objects.order_by("org_id", "id").only("org_id", "api_id", "revision", "body")
    return rows.iterator(chunk_size=_AT_ONCE)


def _served_policies() -> Iterator[tuple[str, str, int, bytes]]:
    rows = ServedPolicy.objects.order_by("org_id", "id")
    return rows.values_list("org_id", "policy_id", "policy__revision", "body").iterator(chunk_size=_AT_ONCE)


def _is_loaded(definition: dict, tags: str) -> bool:
    """Whether a gateway that tells these tags, in one word, loads it: if it has none, any."""
    return not tags or any(tag and tag in tags for tag in segments.tags(definition))


def _keep(row: GatewayControl, version: int, apis: Found, policies: Found | None, now: datetime) -> None:
    facts: dict[str, Any] = {
        "compared_version": version,
        "compared_at": now,
        "runs": apis.runs,
        "strangers": apis.strangers,
        "others": apis.count,
        "policies": policies.runs if policies else None,
        "strange_policies": policies.strangers if policies else 0,
        "other_policies": policies.count if policies else 0,
    }
    if not (apis.differs or (policies and policies.differs)):
        facts |= {"confirmed_version": version, "confirmed_at": now}
    with transaction.atomic():
        # Whoever has changed or deleted it meanwhile is not answered by what was asked before.
        if not _note(row, now, trouble="", **facts):
            return
        RunOtherwise.objects.filter(control_id=row.id).delete()
        RunOtherwise.objects.bulk_create([*apis.others, *(policies.others if policies else ())])


def _note(row: GatewayControl, now: datetime, *, trouble: str, **facts: object) -> bool:
    if trouble and trouble != row.trouble:
        logger.warning("the control API of gateway %s: %s", row.hostname, trouble)
    same = GatewayControl.objects.filter(id=row.id, asked_at=now, url=row.url)
    return bool(same.update(trouble=trouble[:300], gateway_version=row.gateway_version, **facts))
