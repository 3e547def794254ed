"""Nothing is served until the database has proved that it would keep organisations apart."""

import logging

from django.db import DatabaseError, InterfaceError, connection

from orgs.db.proof import Unprotected, refuse_holes
from orgs.middleware import unavailable

logger = logging.getLogger(__name__)


class IsolationMiddleware:
    """Asks for the proof once a process, with the first request that finds the database up.

    At start-up the database may be away for a moment, and a process that refused to start then would close the
    socket on gateways: 503 does them no harm.
    """

    proved = False  # of the process, which may have several handlers

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if not self.proved and not self._prove():
            return unavailable(request)
        return self.get_response(request)

    def _prove(self) -> bool:
        try:
            refuse_holes(connection)
        except (DatabaseError, InterfaceError) as error:
            logger.warning("the database could not be asked for its isolation: %s", type(error).__name__)
        except Unprotected as error:
            logger.critical("%s", error)
        else:
            type(self).proved = True
        return self.proved
