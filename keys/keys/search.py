"""Finding keys: what the list, its CSV and REST have in common.

A page of a list is read newest first, until it is full. For what few keys have, that would read all of them; so each
thing that is asked for is looked up in an index of its own first, and if it is few that have it, only those are read.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.postgres.aggregates import StringAgg
from django.db.models import (
    Case,
    Exists,
    OuterRef,
    Q,
    QuerySet,
    TextField,
    Value,
    When,
)
from django.db.models.functions import Cast
from django.utils import timezone

from apis.models import ApiDefinition
from keys.keys.words import beginning, beginning_in_text, hash_beginning, of_key, tag_mark, words
from keys.models import Generation, Key, KeyPolicy, KeyRight, KeyWord, PolicyRight, in_state
from orgs.ids import is_id

FEW = 2_000
LONGEST_SEARCH = 200  # characters; each word is looked up by a statement of its own


@dataclass(frozen=True)
class Found:
    """countable: whether counting the keys reads few that are not among them. total: how many they are, where that is
    known already."""

    keys: QuerySet[Key]
    countable: bool = True
    total: int | None = None


@dataclass(frozen=True)
class Called:
    """Keys that were called, by the hashes of their tokens. wanted: whether these are looked for, or the others; of
    those, the ones made before `made_before`."""

    hashes: Collection[str]
    wanted: bool
    made_before: datetime | None = None


def found(
    *,
    text: str = "",
    state: str = "",
    api_id: str = "",
    policy: str = "",
    tag: str = "",
    owner: str | None = None,
    called: Called | None = None,
    ends_by: datetime | None = None,
) -> Found:
    """Keys in scope. `text`: words, each of which some word of the name, the owner, a tag or the metadata begins with,
    or the start of the token's hash, or the id. `state`: one of STATES. `api_id`: those that may open this API.
    `policy`: those that have it, by its row's id. `owner`: exactly; "" is none. `ends_by`: living ones that expire from
    now until then."""
    now = timezone.now()
    keys = Key.objects.all()
    looked_up = []
    if text:
        in_text = {"tags_text": Cast("tags", TextField()), "meta_text": Cast("meta_data", TextField())}
        named = _few_with(text)
        keys = keys.alias(**in_text).filter(_says(text) if named is not None else _often(_says(text)))
        looked_up.append(named)
    if state:
        keys = in_state(keys, state, now)
    if state in ("expired", "refused"):
        looked_up.append(_few(in_state(Key.objects.all(), state, now).values_list("id", flat=True)))
    if api_id:
        # Its own id first: the planner knows how many rights name that, and cannot tell through a join.
        api = ApiDefinition.objects.filter(api_id=api_id).values_list("id", flat=True).first() or ""
        policies = _opening(api)
        keys = keys.filter(_opens(api, policies))
        looked_up.append(_few_opening(api, policies))
    if policy:
        keys = keys.filter(Exists(_having(policy)))
        looked_up.append(_few(KeyPolicy.objects.filter(policy_id=policy).values_list("key_id", flat=True)))
    if tag:
        keys = keys.filter(tags__contains=[tag])
        looked_up.append(_few(KeyWord.objects.filter(word=tag_mark(tag)).values_list("key_id", flat=True)))
    if owner is not None:
        keys = keys.filter(owner=owner)
        looked_up.append(_few(Key.objects.filter(owner=owner).values_list("id", flat=True)))
    if called:
        keys = keys.filter(_was_called(called))
        looked_up.append(_few_called(called))
    if ends_by:
        ending = {"revoked_at": None, "suspended": False, "expires_at__gt": now, "expires_at__lte": ends_by}
        keys = keys.filter(**ending)
        looked_up.append(_few(Key.objects.filter(**ending).values_list("id", flat=True)))
    few = [ids for ids in looked_up if ids is not None]
    for ids in few:
        keys = keys.filter(id__among=ids)
    # An API is not opened by all keys that name it, and words and states are asked of more than is looked up.
    alone = sum(map(bool, (text, state, api_id, policy, tag, owner is not None, called, ends_by))) == 1
    exact = bool(policy or tag or owner is not None or ends_by)
    total = len(few[0]) if few and alone and exact else None
    return Found(keys, countable=bool(few) or not looked_up, total=total)


def opens(key: Key, api: ApiDefinition) -> bool:
    """Whether one key may open an API: looked up, where a search would read all that do."""
    if key.org_id != api.org_id:
        return False
    one = Key.objects.filter(org_id=key.org_id, id=key.id)
    return one.filter(_opens(api.id, _opening(api.id))).exists()


def index(*keys: Key) -> None:
    """Have the search find keys of one organisation by what they are now."""
    ids = [key.id for key in keys]
    KeyWord.objects.filter(org_id__in={key.org_id for key in keys}, key_id__in=ids).delete()
    KeyWord.objects.bulk_create(
        KeyWord(org_id=key.org_id, key=key, word=word)
        for key in keys
        for word in of_key(key.alias, key.owner, key.tags, key.meta_data)
    )


def indexed(key: Key) -> tuple[Any, ...]:
    """What a key is found by."""
    return key.alias, key.owner, key.tags, key.meta_data


def _having(policy: str) -> QuerySet:
    return KeyPolicy.objects.filter(org_id=OuterRef("org_id"), key_id=OuterRef("id"), policy_id=policy)


def with_hashes(hashes: Collection[str]) -> Q:
    """Keys with one of these tokens, or that had it before."""
    former = Generation.objects.filter(token_hash__among=hashes)
    return Q(token_hash__among=hashes) | Q(id__in=former.values("key_id"))


def _was_called(called: Called) -> Q:
    among = with_hashes(called.hashes)
    if called.wanted:
        return among
    return ~among & Q(created_at__lt=called.made_before) if called.made_before else ~among


def _few_called(called: Called) -> set[str] | None:
    if not called.wanted or len(called.hashes) > FEW:
        return None
    return _few_of_hashes(token_hash__among=called.hashes)


def _few(ids: QuerySet) -> set[str] | None:
    """The ids that a query answers, None if there are more than FEW. They come as one text: to make 2,000 rows of
    Python's takes longer than to find them."""
    (name,) = ids.query.values_select
    told = ids[: FEW + 1].aggregate(ids=StringAgg(name, delimiter=" "))["ids"]
    read = told.split() if told else []
    return set(read) if len(read) <= FEW else None


def _with_word(word: str) -> QuerySet:
    lowest, highest = beginning(word)
    return KeyWord.objects.filter(word__gte=lowest, word__lte=highest).values_list("key_id", flat=True)


def _few_of_hashes(**condition: Any) -> set[str] | None:
    """Those with such a token, or a former one."""
    newest = _few(Key.objects.filter(**condition).values_list("id", flat=True))
    former = _few(Generation.objects.filter(**condition).values_list("key_id", flat=True))
    return None if newest is None or former is None else newest | former


def _in_hashes(text: str) -> dict[str, str]:
    lowest, beyond = hash_beginning(text) or ("", "")
    return {"token_hash__gte": lowest, "token_hash__lt": beyond}


def _few_with(text: str) -> set[str] | None:
    hashed = _few_of_hashes(**_in_hashes(text)) if hash_beginning(text) else set()
    named = [ids for ids in (_few(_with_word(word)) for word in words(text)) if ids is not None]
    if hashed is None or (words(text) and not named):
        return None
    return hashed | ({_id(text)} - {""}) | (set.intersection(*named) if named else set())


def _says(text: str) -> Q:
    said = Q()
    for word in words(text):
        # Asked of the row itself, and not of the table of words: PostgreSQL would read all of that.
        pattern = beginning_in_text(word)
        said &= (
            Q(alias__iregex=pattern)
            | Q(owner__iregex=pattern)
            | Q(tags_text__iregex=pattern)
            | Q(meta_text__iregex=pattern)
        )
    named = said if words(text) else Q(pk__in=[])
    named |= Q(id=_id(text))
    if not hash_beginning(text):
        return named
    former = Generation.objects.filter(**_in_hashes(text))
    return named | Q(**_in_hashes(text)) | Q(id__in=former.values("key_id"))


def _often(condition: Q) -> Case:
    """The same condition, which PostgreSQL expects to hold for every second key. It expects a pattern to be found in
    few, and would read all keys to sort those."""
    return Case(When(condition, then=Value(value=True)), default=Value(value=False))


def _id(text: str) -> str:
    """The id of a key that a text may be."""
    text = text.strip().lower()
    return text if is_id(text) else ""


def _opening(api: str) -> list[str]:
    """The policies that open an API."""
    named = PolicyRight.objects.filter(api_id=api, policy__grants_rights=True)
    return list(named.values_list("policy_id", flat=True))


def _opens(api: str, policies: list[str]) -> Q:
    """By a policy, or by rights of its own: those count where it has no policy."""
    named = KeyRight.objects.filter(org_id=OuterRef("org_id"), key_id=OuterRef("id"), api_id=api)
    having = KeyPolicy.objects.filter(org_id=OuterRef("org_id"), key_id=OuterRef("id"))
    own = (Q(all_apis=True) | Q(Exists(named))) & ~Q(Exists(having))
    return own | Q(Exists(having.filter(policy_id__in=policies))) if policies else own


def _few_opening(api: str, policies: list[str]) -> set[str] | None:
    named = _few(KeyRight.objects.filter(api_id=api).values_list("key_id", flat=True))
    every = _few(Key.objects.filter(all_apis=True).values_list("id", flat=True))
    having = KeyPolicy.objects.filter(policy_id__in=policies) if policies else KeyPolicy.objects.none()
    by_policies = _few(having.values_list("key_id", flat=True).distinct())
    few = [ids for ids in (named, every, by_policies) if ids is not None]
    return set().union(*few) if len(few) == 3 else None
