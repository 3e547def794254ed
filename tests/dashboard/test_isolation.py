"""Under a role that row-level security does not bind, nothing runs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

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
