"""An organisation and a user from the command line: `manage.py bootstrap --neworg --newuser`."""

import getpass
import json
import os
import sys

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import ProgrammingError, transaction
from django.db.models import Q

from dashboard import reachable
from dashboard.engines import embedded
from orgs import rights
from orgs.ids import is_id
from orgs.models import Organisation, User
from orgs.organisations import lifecycle
from orgs.organisations.limits import LimitReached
from orgs.people import accounts
from orgs.signing_in import passwords

NOBODY = "none"
QUOTES = "\"'“”\u2018\u2019"


class Command(BaseCommand):
    help = __doc__ + " Either flag or both. What is not given as an option is asked for on a terminal."

    def add_arguments(self, parser):
        parser.add_argument("--neworg", action="store_true", help="create an organisation")
        parser.add_argument("--newuser", action="store_true", help="create a user")
        parser.add_argument("--org-name", help="name of the new organisation; blanks are welcome")
        parser.add_argument("--org-slug", help="its part of URLs; made of the name if left out")
        parser.add_argument(
            "--org-id", help="its id: that of the files or keys which gateways have of it already"
        )
        parser.add_argument("--time-zone", help="its time zone, for example Europe/Berlin; UTC if left out")
        parser.add_argument(
            "--org",
            help=f"existing organisation of the new user (id or slug), or {NOBODY} for a super-user",
        )
        parser.add_argument("--email", help="e-mail address of the new user")
        parser.add_argument("--first-name")
        parser.add_argument("--last-name")
        parser.add_argument(
            "--password", help="made and printed if left out; better given by GATEHOUSE_PASSWORD"
        )
        parser.add_argument(
            "--member", action="store_true", help="without any rights at first, instead of an administrator"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args, **options):
        if not (options["neworg"] or options["newuser"]):
            raise CommandError("Say --neworg, --newuser or both.")
        asking = sys.stdin.isatty() and not options["json"]
        try:
            with embedded.start(settings.VAR, postgresql=settings.EMBEDDED_DATABASE, valkey=False):
                reachable.postgresql("default")
                with transaction.atomic():
                    made = make(Answers(options, asking))
        except ProgrammingError as error:
            raise CommandError("The database is not up to date: run `manage.py migrate` first.") from error
        except embedded.EngineError as error:
            raise CommandError(str(error)) from error
        except ValidationError as error:
            raise CommandError(_line(error)) from error
        except LimitReached as error:
            raise CommandError(str(error)) from error
        self.stdout.write(json.dumps(made) if options["json"] else _text(made))


class Answers:
    """What is known from options, or can be asked for."""

    def __init__(self, options: dict, asking: bool):
        self.options = options
        self.asking = asking

    def get(self, name: str, question: str, default: str | None = None) -> str:
        """The answer without surrounding blanks and quotes; `default` where nobody says otherwise.

        Raises CommandError where there is neither.
        """
        given = self.options.get(name.replace("-", "_"))
        if given is None and self.asking:
            given = input(f"{question}{f' [{default}]' if default else ''}: ").strip() or None
        if given is None:
            given = default
        if given is None:
            raise CommandError(f"--{name} is missing.")
        return unquoted(given)

    def password(self) -> str:
        given = self.options["password"] or os.environ.get("GATEHOUSE_PASSWORD", "")
        if not given and self.asking:
            given = getpass.getpass("Password (empty: one is made): ")
        return given


def unquoted(text: str) -> str:
    """Without the quotes that an older wizard needed around names."""
    text = text.strip()
    if len(text) >= 2 and text[0] in QUOTES and text[-1] in QUOTES:
        return text[1:-1].strip()
    return text


def make(answers: Answers) -> dict:
    """Create what was asked for, in the caller's transaction, and return what to print."""
    made, org = {}, None
    if answers.options["neworg"]:
        id = answers.options["org_id"]
        if id is not None and not is_id(id):
            raise CommandError("--org-id: must be 24 lower-case hexadecimal digits.")
        org = lifecycle.create(
            owner_name=answers.get("org-name", "Organisation name"),
            slug=answers.get("org-slug", "Its part of URLs (empty: made of the name)", ""),
            time_zone=answers.get("time-zone", "Time zone", "UTC"),
            **({"id": id} if id else {}),
        )
        made |= {"org_id": org.id, "org_slug": org.slug}
    if answers.options["newuser"]:
        if org is None:
            org = existing(answers.get("org", f"Organisation (id or slug, {NOBODY}: a super-user)"))
        made |= new_user(answers, org)
    return made


def existing(text: str) -> Organisation | None:
    """The organisation of that id or slug; None for a super-user. Raises CommandError for an unknown one."""
    if text.lower() == NOBODY:
        return None
    found = Organisation.everyone.present().filter(Q(pk=text) | Q(slug=text.lower())).first()
    if found is None:
        raise CommandError(f"There is no organisation {text}.")
    return found


def new_user(answers: Answers, org: Organisation | None) -> dict:
    """Create the user and return id, access key and, if it was made here, the password."""
    email = answers.get("email", "E-mail address")
    first = answers.get("first-name", "First name", "")
    last = answers.get("last-name", "Last name", "")
    given = answers.password()
    password = given or accounts.initial_password()
    passwords.validate(password, User(email=email, first_name=first, last_name=last))
    granted = {} if answers.options["member"] else rights.ADMINISTRATOR
    user, key = accounts.create_user(
        org=org, email=email, first_name=first, last_name=last, password=password, granted=granted
    )
    made = {
        "user_id": user.id,
        "user_email": user.email,
        "user_org_id": org.id if org else "",
        "access_key": key,
    }
    return made if given else made | {"password": password}


def _text(made: dict) -> str:
    """One `Name: value` a line, in a stable order."""
    return "\n".join(f"{name.replace('_', ' ').capitalize()}: {value}" for name, value in made.items())


def _line(error: ValidationError) -> str:
    if hasattr(error, "error_dict"):
        return "; ".join(f"{name}: {' '.join(texts)}" for name, texts in error.message_dict.items())
    return " ".join(error.messages)
