import pytest


@pytest.fixture(autouse=True)
def mail_is_on(settings):
    """By a server that is not there: messages are left, and wait."""
    settings.EMAIL_SERVER = {"host": "127.0.0.1", "port": 1}
    settings.DEFAULT_FROM_EMAIL = "alerts@gatehouse.example"
