"""What others may ask of a definition, of whichever kind it is. Pure.

Nobody outside this package looks into a definition: he asks here, or, for a page about a single one, the modules beside
this (starter, calling, difference), or reads the columns which publishing writes (apis.publishing.columns). A kind is a
module with these functions; which one, `_kind` says alone.
"""

from collections.abc import Callable, Collection, Mapping
from types import ModuleType

from apis.definitions import classic
from apis.definitions.facts import Names, Targets
from apis.definitions.fields import classic as fields
from apis.definitions.fields import openapi
from apis.definitions.fields.description import Sections
from apis.definitions.listen_path import Address
from apis.definitions.oas import definition as oas
from apis.definitions.oas.document import is_document
from apis.definitions.pointer import Problem
from apis.definitions.rules.references import texts
from apis.definitions.versions import Versioning


def _kind(definition: object) -> ModuleType:
    return oas if is_document(definition) else classic


def problems(
    definition: object, *, may_use_references: bool, org_id: str = "", allowed: Collection[str] = ()
) -> list[Problem]:
    """The Problems that keep `definition` (parsed JSON) from being published: none, or all up to some thousand.

    may_use_references: whether the author may have the gateway use what its host has: values, files, code,
    connections (super-users only). org_id: the organisation whose certificates it may name. allowed: the references
    that it may use all the same, each the whole text of a member.
    """
    return _kind(definition).problems(
        definition, may_use_references=may_use_references, org_id=org_id, allowed=allowed
    )


def references(definition: object) -> set[str]:
    """The texts in a definition that are a reference to the gateway's host as a whole."""
    return texts(definition)


def normal_form(definition: dict, *, id: str, api_id: str, org_id: str, active: bool | None = None) -> dict:
    """A copy of `definition` with the members that are not its author's to choose; order and all else kept.

    active: None keeps what the definition says (absent means inactive, as it does to a gateway's decoder).
    """
    return _kind(definition).normal_form(definition, id=id, api_id=api_id, org_id=org_id, active=active)


def unnamed(definition: dict) -> dict:
    """A copy of a stored definition without what no two APIs may share: its ids are left out, and its name and listen
    path, for its author to choose others, are empty."""
    return _kind(definition).unnamed(definition)


def additions(definition: dict) -> list[str]:
    """What gateways are given or do otherwise than it says, in sentences for its author: added because they serve
    nothing without it, or left out because they know nothing of the kind."""
    return _kind(definition).additions(definition)


def kind(definition: dict) -> str:
    """Which kind of API it is, in the words by which Tyk's clients filter: "classic", "graphql", "udg", "oas", …; of
    whatever somebody sent."""
    return _kind(definition).kind(definition)


def categories(definition: dict) -> list[str]:
    """The categories that the definition itself names, each once."""
    return _kind(definition).categories(definition)


def names(definition: dict) -> Names:
    """What it calls itself."""
    return _kind(definition).names(definition)


def is_active(definition: dict) -> bool:
    """Whether it says that gateways are to be given it."""
    return _kind(definition).is_active(definition)


def versions(definition: dict) -> list[str]:
    """The names of its versions, as sessions have to spell them; never empty."""
    return _kind(definition).versions(definition)


def versioning(definition: dict) -> Versioning:
    """Which of its versions are APIs of their own, of a valid definition."""
    return classic.versioning(as_classic(definition))


def with_versioning(definition: dict, versioning: Versioning) -> dict:
    """A copy of a definition of which these, and no others, are the versions that are APIs of their own."""
    return _kind(definition).with_versioning(definition, versioning)


def address(definition: dict) -> Address:
    """The Address of a valid definition, in normal form."""
    return _kind(definition).address(definition)


def auth(definition: dict) -> str:
    """How callers prove who they are, in words: "token", "keyless", "JWT", "basic, mutual TLS"."""
    return _kind(definition).auth(definition)


def authorize_types(definition: dict) -> list[str]:
    """What OAuth clients may be given for the consent of their user: "code", "token"."""
    return _kind(definition).authorize_types(definition)


def targets(definition: dict) -> Targets:
    """Where requests are sent."""
    return _kind(definition).targets(definition)


def policies(definition: dict) -> list[tuple[str, str]]:
    """(JSON pointer, ID) of each policy that it names; of wrong types none."""
    return _kind(definition).policies(definition)


def classic_for_gateways(
    definition: dict, id_of: Callable[[str], str | None], policy_ids: Mapping[str, str]
) -> dict:
    """A copy of a valid definition in the classic form, as gateways are given it.

    id_of: the database id of an API of the same organisation by its id, None for one that is not there. policy_ids:
    those of its policies by either of their IDs; another that is named is nobody's to gateways.
    """
    return _kind(definition).classic_for_gateways(definition, id_of, policy_ids)


def document_for_gateways(definition: dict) -> dict | None:
    """What gateways from 4.1 on are given beside the classic form; None for nothing."""
    return _kind(definition).document_for_gateways(definition)


def as_classic(definition: dict) -> dict:
    """What a valid definition says in the classic form: itself, or what is derived from it."""
    return _kind(definition).as_classic(definition)


def is_recorded_in_detail(definition: dict) -> bool:
    """Whether gateways tell the requests and answers of a valid definition whole."""
    return bool(as_classic(definition).get("enable_detailed_recording"))


def place(definition: dict, pointer: str) -> str:
    """The JSON pointer in a valid definition of what stands at `pointer` of its classic form."""
    return _kind(definition).place(definition, pointer)


def id_place(definition: object) -> str:
    """The JSON pointer of its API ID, of whatever somebody sent."""
    return _kind(definition).ID


def member(definition: object) -> str:
    """The member of a request's body in which a definition of its kind stands; "" where it is the body."""
    return _kind(definition).MEMBER


def sections(definition: dict) -> Sections:
    """The form of its kind."""
    return openapi.sections(definition) if _kind(definition) is oas else fields.SECTIONS
