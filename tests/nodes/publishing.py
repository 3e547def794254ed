from apis.definitions import starter
from apis.publishing import publish
from orgs import scope


def published(org, name: str):
    """An active API of `org`, as the form would publish it."""
    definition = starter.new()
    definition["name"] = name
    definition["proxy"] |= {"listen_path": f"/{name.lower()}/", "target_url": "http://127.0.0.1:9000/"}
    with scope.org(org.id):
        return publish.create(org.id, definition, author=None)
