"""Errors in words fit for a log."""

from django.conf import settings

from apis.gateways import error_text


def test_an_error_is_told_by_its_first_line_without_secrets():
    error = ValueError(f"refused {settings.NODE_SECRET} of {settings.REDIS_URL}\nDETAIL: a value")
    password = settings.REDIS_URL.split("@")[0].split(":")[-1]
    assert error_text.described(error) == (
        f"ValueError: refused … of {settings.REDIS_URL.replace(password, '…')}"
    )


def test_an_error_is_placed_where_it_was_raised():
    try:
        raise ValueError
    except ValueError as error:
        assert error_text.where(error).startswith(f"{__file__}:")
