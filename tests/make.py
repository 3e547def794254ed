"""Plain builders of rows, for tests."""

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
