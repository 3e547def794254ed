"""Plain builders of rows, for tests."""

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client

from orgs.models import Organisation, User

PASSWORD = "correct horse battery staple"


def organisation(name: str, slug: str, **facts) -> Organisation:
    return Organisation.everyone.create(owner_name=name, slug=slug, **facts)


def user(email: str, org: Organisation | None, granted: dict | None = None) -> User:
    """A person whose password is PASSWORD; without an organisation a super-user."""
    person = User(email=email, org=org, permissions=granted or {})
    person.set_password(PASSWORD)
    person.save()
    return person


def signed_in(user: User | None) -> Client:
    """A browser in which the person is signed in, as if the form had been sent; None is nobody."""
    client = Client()
    if user is not None:
        session = SessionStore()
        session[SESSION_KEY] = user.pk
        session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
        session[HASH_SESSION_KEY] = user.get_session_auth_hash()
        session.save(must_create=True)
        client.cookies[settings.SESSION_COOKIE_NAME] = session.session_key
    return client
