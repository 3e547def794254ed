"""Errors in words fit for a log."""

import pytest
from django.conf import settings

from apis.gateways import error_text


def secrets() -> list[str]:
    password = settings.REDIS_URL.split("@")[0].rpartition(":")[2]
    found = [
        settings.SECRET_KEY,
        settings.ADMIN_SECRET,
        settings.NODE_SECRET,
        password,
        *(database["PASSWORD"] for database in settings.DATABASES.values()),
    ]
    return [secret for secret in found if secret]


def test_an_error_is_told_by_its_first_line():
    error = ValueError("the first of them\nDETAIL: a value of a customer\r\nHINT: none")
    assert error_text.described(error) == "ValueError: the first of them"


def test_each_secret_of_this_installation_is_left_out_wherever_it_stands():
    assert len(set(secrets())) >= 4
    for secret in secrets():
        assert len(secret) >= 8
        error = ConnectionError(f"redis://user:{secret}@host: {secret}")
        assert error_text.described(error) == "ConnectionError: redis://user:…@host: …"


def test_passwords_of_the_database_are_left_out_too(monkeypatch):
    for alias in ("default", "owner"):
        monkeypatch.setitem(settings.DATABASES[alias], "PASSWORD", f"password of the {alias}")
    error = OSError("password of the default and password of the owner are wrong")
    assert error_text.described(error) == "OSError: … and … are wrong"


def test_what_is_not_set_takes_no_letter_out_of_the_words(monkeypatch):
    monkeypatch.setattr(settings, "REDIS_URL", "redis://127.0.0.1:6379")
    monkeypatch.setitem(settings.DATABASES["owner"], "PASSWORD", "")
    assert error_text.described(OSError("no route")) == "OSError: no route"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ValueError(), "ValueError: "),
        (ValueError(""), "ValueError: "),
        (ValueError("\n\nlater"), "ValueError: "),
        (KeyError("kind"), "KeyError: 'kind'"),
        (RuntimeError("x" * 200), f"RuntimeError: {'x' * 200}"),
        (RuntimeError("x" * 201), f"RuntimeError: {'x' * 200}"),
    ],
)
def test_words_are_as_many_as_a_table_holds_and_may_be_none(error, told):
    assert error_text.described(error) == told


def test_a_secret_that_stands_on_the_edge_of_what_is_told_does_not_begin_there():
    error = ValueError(f"{'x' * 195}{settings.NODE_SECRET}")
    assert error_text.described(error) == f"ValueError: {'x' * 195}…"


def deep() -> None:
    raise ValueError


def test_an_error_is_placed_on_the_line_that_raised_it_and_not_on_one_that_called_that():
    try:
        deep()
    except ValueError as error:
        raised = deep.__code__.co_firstlineno + 1
        assert error_text.where(error) == f"{__file__}:{raised}"
