"""What must be done before the web processes start: migrations, and static files if they have changed."""

import hashlib
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.db import connections

from apis.publishing import serving
from keys.policies import serving as policies
from orgs import scope
from orgs.db.proof import refuse_holes


def prepare(clear: bool = True) -> None:
    """Bring the database and the collected static files up to date. clear: whether older files go.

    Raises DatabaseError, OSError, or Unprotected for a database which would not keep organisations apart.
    """
    call_command("migrate", verbosity=0, interactive=False, skip_checks=True)
    refuse_holes(connections["default"])
    with scope.every_org():
        serving.serve_again()
        policies.serve_again()
    connections.close_all()
    stamp = Path(settings.VAR) / "static-stamp"
    wanted = static_fingerprint()
    if not (stamp.exists() and stamp.read_text() == wanted and Path(settings.STATIC_ROOT).exists()):
        call_command("collectstatic", verbosity=0, interactive=False, clear=clear, skip_checks=True)
        stamp.write_text(wanted)


def static_fingerprint() -> str:
    """Hex digest over name, size and time of every static file, and over how they are stored.

    collectstatic takes seconds even when nothing has changed.
    """
    digest = hashlib.sha256(settings.STORAGES["staticfiles"]["BACKEND"].encode())
    for finder in get_finders():
        for name, storage in finder.list(()):
            status = Path(storage.path(name)).stat()
            digest.update(f"{name} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()
