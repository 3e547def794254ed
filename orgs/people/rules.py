"""Who may do what to whom: nobody grants what he lacks or acts on one who holds more, and somebody always stays."""

from django.core.exceptions import ValidationError
from django.db.models import Q

from orgs import declarations, rights
from orgs.models import User
from orgs.refusals import NotAllowed, Unseen


class DenialUnseen(Unseen):
    """The change would take the denials named away, made by somebody who does not say what he saw of the person."""


def may_grant(actor: User | None, granted: dict[str, str], before: dict[str, str] | None = None) -> None:
    """Raises ValidationError for what is no permission map, NotAllowed for what the actor lacks himself.

    actor None may grant anything. before: the person's map until now, which nobody has to hold to leave as it is.
    """
    wrong = rights.problems(granted)
    if wrong:
        raise ValidationError({"permissions": wrong})
    if actor is None:
        return
    lacking = rights.exceeding(granted, rights.effective(actor), before)
    if lacking:
        raise NotAllowed(f"You cannot grant what you do not hold: {', '.join(sorted(lacking))}")


def refuse_lifting(held: dict[str, str], asked: dict[str, str]) -> None:
    """Raises DenialUnseen where a denial of `held` is gone in `asked`."""
    lifted = [name for name in sorted(held) if held[name] == "deny" != asked.get(name)]
    if lifted:
        raise DenialUnseen(", ".join(lifted))


def may_act_on(user: User, actor: User) -> None:
    """Whoever holds more than the actor is out of his reach, or a password reset would be a way up.

    Raises NotAllowed.
    """
    if actor.pk == user.pk:
        return
    may_change_people(actor)
    lacking = rights.exceeding(rights.effective(user), rights.effective(actor))
    if lacking:
        raise NotAllowed(f"This person holds rights which you do not: {', '.join(sorted(lacking))}")


def rights_in_words(person: User) -> str:
    """What a person may do, in one line."""
    if person.is_superuser:
        return "everything"
    words = declarations.rights()
    named = [
        f"{words.get(name, name)}: {level}"
        for name, level in sorted(person.permissions.items())
        if level != "admin"
    ]
    if person.is_administrator:
        named.insert(0, "Administrator")
    return ", ".join(named) or "none"


def may_change_people(actor: User) -> None:
    """Raises NotAllowed."""
    if not actor.may("users", "write"):
        raise NotAllowed("You may no longer change people")


def someone_stays(user: User, stored: User) -> None:
    """Refuse what would leave an organisation without administrator, or the installation without super-user.

    `user` is as he would be stored, `stored` as he is, read under the lock of the change. Raises NotAllowed.
    """
    others = User.everyone.filter(org_id=stored.org_id, is_active=True).exclude(pk=user.pk)
    if stored.is_superuser:
        if stored.is_active and not user.is_active and not others.exists():
            raise NotAllowed("The last super-user stays")
    elif (
        stored.is_active
        and stored.is_administrator
        and not (user.is_active and user.is_administrator)
        and not others.filter(Q(permissions__IsAdmin="admin")).exists()
    ):
        raise NotAllowed("The last administrator of an organisation stays")
