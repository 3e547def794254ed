"""Under a role that row-level security does not bind, nothing runs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connections
from django.test import Client

from dashboard.isolation import IsolationMiddleware

ROOT = Path(__file__).resolve().parent.parent.parent
OWNED = "Gatehouse refuses to run: the application's database role inherits the role that sees every organisation;"


def manage(*arguments: str) -> subprocess.CompletedProcess:
    """A command of manage.py whose application role is the owner of the tables."""
    environment = os.environ | {"DATABASE_URL": os.environ["DATABASE_MIGRATE_URL"]}
    command = [sys.executable, ROOT / "manage.py", *arguments]
    return subprocess.run(command, check=False, env=environment, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("command", [("worker",), ("serve", "--port", "0")])
def test_worker_and_serve_refuse_in_one_sentence(committed, redis, command):
    ended = manage(*command)
    assert (ended.returncode, ended.stderr.count(OWNED), ended.stderr.count("Traceback")) == (1, 1, 0), (
        ended.stderr
    )


def test_web_processes_answer_503(committed):
    asked = "from django.test import Client; print([Client().get(p).status_code for p in ('/hello', '/sign-in/')])"
    assert manage("shell", "-v", "0", "-c", asked).stdout.strip() == "[503, 503]"


def test_nothing_is_served_until_the_database_proves_that_it_keeps_organisations_apart(
    committed, monkeypatch, caplog
):
    monkeypatch.setattr(IsolationMiddleware, "proved", False)
    with connections["owner"].cursor() as cursor:
        cursor.execute("ALTER TABLE keys_key NO FORCE ROW LEVEL SECURITY")
        answers = [Client().get(path).status_code for path in ("/hello", "/sign-in/", "/sign-in/")]
        cursor.execute("ALTER TABLE keys_key FORCE ROW LEVEL SECURITY")
    answers.append(Client().get("/sign-in/").status_code)
    with connections["owner"].cursor() as cursor:
        cursor.execute("ALTER TABLE keys_key NO FORCE ROW LEVEL SECURITY")
    answers.append(Client().get("/sign-in/").status_code)  # it is asked once
    assert answers == [503, 503, 503, 200, 200]
    assert [record.levelname for record in caplog.records if record.name == "dashboard.isolation"] == [
        "CRITICAL"
    ] * 3
