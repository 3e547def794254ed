"""What needs somebody's attention: each app that can tell declares who says it (orgs.declarations), and the home page
lists what they say.
"""

from dataclasses import dataclass
from datetime import datetime

from orgs import declarations
from orgs.models import Organisation, User


@dataclass(frozen=True)
class Item:
    """text: one sentence with its figures and their period; url: the page that shows why; bad, or else a warning."""

    text: str
    url: str
    bad: bool = False


def items(org: Organisation, user: User, now: datetime) -> list[Item]:
    """What needs the person's attention in an organisation, whose scope is entered: the bad before the warnings.

    Each of the functions declared is given the same and says only what the person may see on the page it links to.
    """
    found = [item for say in declarations.functions("attention") for item in say(org, user, now)]
    return sorted(found, key=lambda item: not item.bad)
