"""Bodies on their way from a gateway's entry into the database, in the very transaction of their records.

Redacted before anything else sees them. Whatever is wrong with one, its record is stored: the body is left out. As
`drain` and `store`, it runs with every organisation entered.
"""

import logging
from collections.abc import Callable, Mapping, Set
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from django.conf import settings
from django.db import DatabaseError, DataError, IntegrityError, connection, transaction

from apis.definitions import kinds
from apis.definitions.authentication import credentials
from apis.models import Revision
from dashboard.analytics.bodies import keeping
from dashboard.analytics.bodies.message import read
from dashboard.analytics.bodies.redaction.found import clear
from dashboard.analytics.bodies.redaction.messages import redact
from dashboard.analytics.bodies.redaction.names import Names, plain
from dashboard.analytics.clock import DAY, EPOCH
from dashboard.analytics.dimensions import BODIES, oldest
from dashboard.analytics.ingest import partitions
from dashboard.analytics.ingest.entries import clean
from dashboard.analytics.ingest.entries.clean import Line, instant, microseconds
from dashboard.analytics.ingest.entries.decode import GatewayRecord, Messages
from dashboard.analytics.ingest.store import MICROSECONDS_A_DAY, NO_PARTITION, sqlstate
from dashboard.analytics.models import BodyKeeping

log = logging.getLogger(__name__)

MOST_HELD = 8 << 20  # characters, until they are written
# Of an API, newest first: a request may have waited since the time of an older one.
REVISIONS = 20
NO_WORD = 12  # characters
_TEXTS = ("path", "raw_path", "user_agent", "alias", "oauth_id")


class Body(NamedTuple):
    """A row of `record_body`, in the order of its columns."""

    org_id: str
    ts: datetime
    id: int
    request: str
    response: str
    request_cut: bool
    response_cut: bool


class Bodies:
    """Those of one transaction. `orgs`: the organisations that keep them."""

    def __init__(self, now: datetime):
        kept = BodyKeeping.objects.filter(enabled=True, org__deleted_at=None)
        self.orgs: Mapping[str, Names] = {row.org_id: keeping.names_of(row) for row in kept}
        self._first = microseconds(oldest(BODIES, now))
        self._names: dict[tuple[str, str], Names] = {}
        self._held: list[Body] = []
        self._size = 0
        self._written: dict[int, datetime] = {}

    def line(
        self,
        messages: Messages | None,
        record: GatewayRecord,
        row_id: int,
        line: Callable[[GatewayRecord, int], Line],
    ) -> Line:
        """The line of a record whose organisation keeps bodies, without the secrets that its messages tell of. What
        they say is held, to be stored with it."""
        found = None
        try:
            found = messages and self._redacted(messages, record)
        except DatabaseError:
            raise
        except Exception as error:  # whatever a caller has sent, his request is counted
            log.error("What an entry recorded in detail is left out: %s", type(error).__name__)
        made = line(record, row_id)
        if found and made.at >= self._first:
            self._hold(Body(made.org_id, instant(made.at), row_id, *found))
        return made

    def settle(self, refused: Set[int]) -> None:
        """Store what is held, but nothing of the records that were refused."""
        if gone := self._written.keys() & refused:
            with connection.cursor() as cursor:
                cursor.execute(
                    "DELETE FROM record_body WHERE org_id = ANY(%s) AND ts = ANY(%s) AND id = ANY(%s)",
                    [list(self.orgs), [self._written[id] for id in gone], list(gone)],
                )
        self._held = [body for body in self._held if body.id not in refused]
        self._write()

    def _redacted(self, messages: Messages, record: GatewayRecord) -> tuple[str, str, bool, bool] | None:
        request, response = read(messages.request), read(messages.response)
        if not request and not response:
            return None
        names = self._names_of(record.org_id, clean.text(record.api_id, 200))
        tokens = _tokens(record.api_key)
        found = redact(request, response, names, tokens)
        # Records are counted by their paths: what may as well be a word stays in them.
        secrets = [secret for secret in found.secrets if secret in tokens or len(secret) >= NO_WORD]
        for name in _TEXTS:
            setattr(record, name, clear(getattr(record, name), secrets))
        record.tags = record.tags and [clear(tag, secrets) for tag in record.tags]
        return _storable(found.request), _storable(found.response), *found.cut

    def _names_of(self, org_id: str, api_id: str) -> Names:
        if (org_id, api_id) not in self._names:
            revisions = Revision.objects.filter(org_id=org_id, api_id=api_id).order_by(
                "-created_at", "-number"
            )
            of_api = [_of_revision(pk) for pk in revisions.values_list("pk", flat=True)[:REVISIONS]]
            own = self.orgs[org_id]
            self._names[org_id, api_id] = Names(
                own.headers.union(*(each.headers for each in of_api)),
                own.parameters.union(*(each.parameters for each in of_api)),
                own.members,
            )
        return self._names[org_id, api_id]

    def _hold(self, body: Body) -> None:
        self._held.append(body)
        self._size += len(body.request) + len(body.response)
        if self._size > MOST_HELD:
            self._write()

    def _write(self) -> None:
        held, self._held, self._size = self._held, [], 0
        if not held:
            return
        days = {microseconds(body.ts) // MICROSECONDS_A_DAY for body in held}
        partitions.ensure_bodies({EPOCH.date() + day * DAY for day in days})
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(
                    "INSERT INTO record_body SELECT * FROM unnest(%s::text[], %s::timestamptz[], %s::bigint[], "
                    "%s::text[], %s::text[], %s::boolean[], %s::boolean[])",
                    list(map(list, zip(*held, strict=True))),
                )
            self._written |= {body.id: body.ts for body in held}
        except (DataError, IntegrityError) as error:
            if sqlstate(error) == NO_PARTITION:
                raise
            log.error("PostgreSQL refuses %d bodies, which are left out: %s", len(held), type(error).__name__)


def _tokens(key: str) -> tuple[str, ...]:
    """The key that an entry names, unless it is what is stored of it."""
    return () if clean.key(key, settings.GATEWAY_HASH_KEYS) in ("", key) else (key,)


def _storable(text: str) -> str:
    return clean.text(text, len(text))


@lru_cache(maxsize=5_000)
def _of_revision(pk: str) -> Names:
    """What a revision, which is never changed, names."""
    definition = Revision.objects.get(pk=pk).definition
    found = [credentials(definition)]
    try:
        found.append(credentials(kinds.as_classic(definition)))
    except Exception as error:  # of one that an earlier version has published
        log.error("The names of a revision's credentials are only partly known: %s", type(error).__name__)
    return Names(
        headers=frozenset(plain(name) for each in found for name in each.headers),
        parameters=frozenset(plain(name) for each in found for name in each.parameters),
    )
