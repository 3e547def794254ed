"""Reading back what gateways really run: the worker asks each control API that there is, one after the other, and
compares the answer with what gateways are to be given. No web request ever asks one."""

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from apis.definitions import kinds, segments
from apis.models import ServedApi
from dashboard.nodes.confirming import control
from dashboard.nodes.confirming.comparison import differences
from dashboard.nodes.confirming.control import ControlFault
from dashboard.nodes.models import GatewayControl, Node, RunOtherwise, wanted_version
from orgs import scope
from orgs.sealing import NotOpened, unseal

logger = logging.getLogger(__name__)

# After which it is asked again: one that runs what is wanted, and any other.
SELDOM = timedelta(minutes=5)
SOON = timedelta(seconds=10)
# And one that could not be read.
AFTER_TROUBLE = timedelta(minutes=1)
MOST_OTHERS = 200
_AT_ONCE = 50
_VERSION = 60  # characters


@dataclass
class Found:
    """What a gateway runs, held against a version of the feed."""

    version: int
    runs: int = 0
    strangers: int = 0
    others: list[RunOtherwise] = field(default_factory=list)
    count: int = 0  # of others, of which only the first are kept


def step(_redis: object) -> bool:
    """Ask the control API that is due and was asked longest ago; whether there may be another."""
    now = timezone.now()
    with scope.every_org():
        row = _claim(now)
        if row is None:
            return False
        try:
            secret = (unseal(row, "sealed_secret") or b"").decode()
            row.gateway_version = _version(row)
            found = _compare(row, _loaded(row, secret))
        except (ControlFault, NotOpened) as error:
            trouble = (
                str(error) if isinstance(error, ControlFault) else "its secret cannot be opened any more"
            )
            _note(row, now, trouble=trouble)
        else:
            # Of what was published while it was asked it says nothing: it is asked again soon.
            if found.version == wanted_version():
                _keep(row, found, now)
    return True


def _claim(now: datetime) -> GatewayControl | None:
    """The one that is due, which is nobody else's then."""
    wanted = wanted_version()
    runs_it = Q(confirmed_version=wanted, compared_version=wanted, others=0, trouble="")
    soon = Q(asked_at__lte=now - AFTER_TROUBLE) | Q(asked_at__lte=now - SOON, trouble="")
    due = Q(asked_at=None) | Q(asked_at__lte=now - SELDOM) | (soon & ~runs_it)
    row = GatewayControl.objects.filter(due).order_by(F("asked_at").asc(nulls_first=True), "id").first()
    if row is None:
        return None
    claimed = GatewayControl.objects.filter(id=row.id, asked_at=row.asked_at).update(asked_at=now)
    row.asked_at = now
    return row if claimed else None


def _version(row: GatewayControl) -> str:
    """What the gateway says of its version, to whoever asks; "" if that is nothing to show."""
    try:
        said = json.loads(control.ask(row.url, "/hello", "", settings.GATEWAY_CONTROL_NETWORKS))
        version = said["version"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    return version[:_VERSION] if isinstance(version, str) and version.isprintable() else ""


def _loaded(row: GatewayControl, secret: str) -> dict[str, dict]:
    """The classic definitions that the gateway has loaded, by API ID. Raises ControlFault."""
    answer = control.ask(row.url, "/tyk/apis/", secret, settings.GATEWAY_CONTROL_NETWORKS)
    try:
        listed = json.loads(answer)
    except (ValueError, RecursionError):
        raise ControlFault("its answer is no JSON") from None
    if listed is None:
        listed = []
    if not isinstance(listed, list) or not all(isinstance(api, dict) for api in listed):
        raise ControlFault("its answer is no list of APIs")
    return {api["api_id"]: api for api in listed if isinstance(api.get("api_id"), str)}


def _compare(row: GatewayControl, loaded: dict[str, dict]) -> Found:
    found = Found(wanted_version(), runs=len(loaded))
    tags = (
        Node.objects.filter(hostname=row.hostname)
        .order_by("-last_ping_at")
        .values_list("tags", flat=True)
        .first()
    )
    for served in _served():
        definition = json.loads(bytes(served.body))["api_definition"]
        runs = loaded.pop(kinds.names(definition).api_id, None)
        if runs is None and not _is_loaded(definition, tags or ""):
            continue
        pointers = differences(definition, runs) if runs else []
        if runs is None or pointers:
            found.count += 1
            found.others += [_otherwise(row, served, pointers, is_absent=runs is None)][
                : MOST_OTHERS - len(found.others)
            ]
    found.strangers = len(loaded)
    return found


def _served() -> Iterator[ServedApi]:
    rows = ServedApi.objects.order_by("org_id", "id").only("org_id", "api_id", "revision", "body")
    return rows.iterator(chunk_size=_AT_ONCE)


def _is_loaded(definition: dict, tags: str) -> bool:
    """Whether a gateway that tells these tags, in one word, loads it: if it has none, any."""
    return not tags or any(tag and tag in tags for tag in segments.tags(definition))


def _otherwise(
    row: GatewayControl, served: ServedApi, pointers: list[str], *, is_absent: bool
) -> RunOtherwise:
    return RunOtherwise(
        org_id=served.org_id,
        control_id=row.id,
        api=served.api_id,
        revision=served.revision,
        is_absent=is_absent,
        pointers=pointers,
    )


def _keep(row: GatewayControl, found: Found, now: datetime) -> None:
    runs_it = not found.count and not found.strangers
    confirmed = {"confirmed_version": found.version, "confirmed_at": now} if runs_it else {}
    with transaction.atomic():
        # Whoever has changed or deleted it meanwhile is not answered by what was asked before.
        if not _note(
            row,
            now,
            trouble="",
            compared_version=found.version,
            compared_at=now,
            runs=found.runs,
            strangers=found.strangers,
            others=found.count,
            **confirmed,
        ):
            return
        RunOtherwise.objects.filter(control_id=row.id).delete()
        RunOtherwise.objects.bulk_create(found.others)


def _note(row: GatewayControl, now: datetime, *, trouble: str, **facts: object) -> bool:
    if trouble and trouble != row.trouble:
        logger.warning("the control API of gateway %s: %s", row.hostname, trouble)
    same = GatewayControl.objects.filter(id=row.id, asked_at=now, url=row.url)
    return bool(same.update(trouble=trouble[:300], gateway_version=row.gateway_version, **facts))
