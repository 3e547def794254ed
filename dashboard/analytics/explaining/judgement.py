"""Where a gateway stopped a request, and what can be said of each check on its way. Pure.

A record holds how a request ended, and nothing of why. But the checks have an order, each ends in statuses of its own,
and a key is named by those alone that come after it is known. So the check that refused is one of a few: the first of
them that would have refused by all that may have been in force, unless one before it may have, too; or the only one
that may have. Where more than one remain, it cannot be known which.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from dashboard.analytics.explaining import of_api, of_key
from dashboard.analytics.explaining.facts import (
    Judgement,
    Opinion,
    Request,
    Step,
    Verdict,
    Window,
    World,
)

_REFUSALS = (401, 403, 429)


class Check(NamedTuple):
    """statuses: which it ends in; none for any. keyed: whether records of its refusals name the key, None for both.
    of_key: whether it is left out where no key is asked for. spoken: whether it is shown where it lets everything
    pass."""

    name: str
    about: str
    judge: Callable[[World, Request], Opinion]
    statuses: tuple[int, ...] = ()
    keyed: bool | None = None
    of_key: bool = False
    spoken: bool = True

    def may_refuse(self, request: Request, opened: bool) -> bool:
        """Whether a refusal here would look like this. opened: no key is asked for, and none is named."""
        fits = not self.statuses or request.status in self.statuses
        return fits and (opened or self.keyed in (None, request.keyed))


def _upstream(world: World, request: Request) -> Opinion:
    status = request.status
    if request.upstream:
        return Opinion(True, f"Answered with {status} {_times(request)}.")
    if status >= 500:
        fast = ", or it answered so in under a millisecond" if request.keyed else ""
        return Opinion(
            True,
            "The gateway got no answer: the upstream could not be reached, broke off, took too long, or was given up "
            f"by a circuit breaker{fast}.",
        )
    if not request.keyed and of_api.is_open(world, request) is False:
        return Opinion(False, "Whatever an upstream answers is recorded with the key.")
    return Opinion(None, "An upstream that answers in under a millisecond cannot be told from a gateway.")


def _times(request: Request) -> str:
    if not request.upstream:
        return (
            f"in {request.latency:,} ms. The upstream took less than one, or was not asked (a cache, a mock)"
        )
    own = max(0, request.latency - request.upstream)
    return f"in {request.upstream:,} ms; {own:,} ms besides were the gateway's own"


def _served(world: World, request: Request) -> Opinion:
    return Opinion(False, f"A gateway had it. {world.served}".strip())


CHECKS = (
    Check("API", "api", _served),
    Check("Version", "api", of_api.version, (403, 404), keyed=False),
    Check("Paths of the API", "api", of_api.paths, (403, 404), keyed=False),
    Check("Mock responses", "api", of_api.mocks, keyed=False, spoken=False),
    Check("Plugins", "api", of_api.plugins, spoken=False),
    Check("Addresses", "api", of_api.addresses, (403,), keyed=False),
    Check("Client certificate", "api", of_api.certificates, (403,), keyed=False, spoken=False),
    Check("Limits of the organisation", "", of_api.organisation, (403,), keyed=False, spoken=False),
    Check("Size", "api", of_api.size, (400, 411, 413), keyed=False, spoken=False),
    Check("Key sent", "api", of_key.sent, (400, 401, 403), keyed=False, of_key=True),
    Check("Key known", "key", of_key.known, (400, 401, 403), keyed=False, of_key=True),
    Check("State of the key", "key", of_key.state, (401, 403), keyed=True, of_key=True),
    Check("Rights of the key", "key", of_key.rights, (403,), keyed=True, of_key=True),
    Check("Paths of the key", "key", of_key.right_paths, (403,), keyed=True, of_key=True),
    Check("Rate", "key", of_key.rate, (429,), keyed=True, of_key=True),
    Check("Quota", "key", of_key.quota, (403,), keyed=True, of_key=True),
    Check("Rate of the API", "api", of_api.rate, (429,)),
    Check("Answers of the API", "api", of_api.own_answers, keyed=True, spoken=False),
    Check("Upstream", "", _upstream),
)


def judge(request: Request, worlds: Sequence[World]) -> Judgement:
    """worlds: what may have been in force, one at least."""
    opened = all(of_api.is_open(world, request) for world in worlds)
    asked = [check for check in CHECKS if not (check.of_key and opened)]
    told = [(check, _together([_judged(check, world, request) for world in worlds])) for check in asked]
    told = [(check, opinion) for check, opinion in told if check.spoken or opinion.refuses is not False]
    if request.status < 400:
        return _answered(request, told)
    suspects = (
        []
        if request.upstream
        else [
            place
            for place, (check, opinion) in enumerate(told)
            if check.may_refuse(request, opened) and opinion.refuses is not False
        ]
    )
    place = len(told) - 1 if request.upstream else _refuser(request, told, suspects)
    return _unknown(request, told, suspects) if place is None else _refused(request, told, place)


def windows(request: Request, worlds: Sequence[World]) -> set[Window]:
    """What has to be counted to judge the request."""
    found: set[Window | None] = set()
    for world in worlds:
        if request.status == 429:
            found |= {of_key.rate_window(world), of_api.rate_window(world, request)}
        elif request.status == 403 and request.keyed:
            found.add(of_key.quota_window(world))
    return {window for window in found if window}


Told = Sequence[tuple[Check, Opinion]]


def _judged(check: Check, world: World, request: Request) -> Opinion:
    """Of a key that is not known as it was then nothing is certain."""
    opinion = check.judge(world, request)
    unkept = world.holder.unkept if world.holder and check.of_key and check.keyed else ""
    return Opinion(None, f"{opinion.words} {unkept}") if unkept else opinion


def _together(opinions: Sequence[Opinion]) -> Opinion:
    """What holds whatever was in force."""
    if len({opinion.refuses for opinion in opinions}) == 1:
        return opinions[0]
    words = " Or: ".join(dict.fromkeys(opinion.words for opinion in opinions))
    return Opinion(
        None,
        f"It depends on the gateway's version or on how soon it heard of a change. {words}",
    )


def _refuser(request: Request, told: Told, suspects: Sequence[int]) -> int | None:
    if not suspects:
        return None
    first = suspects[0]
    if told[first][1].refuses:
        return first
    alone = len(suspects) == 1
    is_upstream = first == len(told) - 1
    # That a gateway was behind what was in force is likelier than an upstream that fast.
    return first if alone and not (is_upstream and request.status in _REFUSALS) else None


def _answered(request: Request, told: Told) -> Judgement:
    *checks, _ = told
    steps = [
        *map(_passed, checks),
        Step("Upstream", Verdict.PASSED, f"Answered with {request.status} {_times(request)}."),
    ]
    return Judgement(tuple(steps), f"It passed every check and was answered with {request.status}.")


def _refused(request: Request, told: Told, place: int) -> Judgement:
    check, opinion = told[place]
    alone = "" if opinion.refuses else " Nothing else that was in force would have answered so."
    steps = [
        *map(_passed, told[:place]),
        Step(check.name, Verdict.FAILED, f"{opinion.words}{alone}", check.about),
        *(Step(later.name, Verdict.NOT_REACHED, "", later.about) for later, _ in told[place + 1 :]),
    ]
    if place == len(told) - 1:
        return Judgement(
            tuple(steps), f"It passed every check; the upstream failed or answered with {request.status}."
        )
    return Judgement(tuple(steps), f"It was refused at: {check.name}.")


def _unknown(request: Request, told: Told, suspects: Sequence[int]) -> Judgement:
    return Judgement(tuple(_doubted(request, told, suspects)), _conclusion(told, suspects))


def _doubted(request: Request, told: Told, suspects: Sequence[int]) -> Iterator[Step]:
    for place, (check, opinion) in enumerate(told):
        if place in suspects:
            yield Step(check.name, Verdict.UNKNOWN, opinion.words, check.about)
        elif suspects and place < suspects[0]:
            yield _passed((check, opinion))
        else:
            yield Step(check.name, Verdict.NOT_IT, _why_not(request, check, opinion), check.about)


def _why_not(request: Request, check: Check, opinion: Opinion) -> str:
    if opinion.refuses is False:
        return opinion.words
    named = "" if check.keyed is None else " and a key" if request.keyed else " and no key"
    return f"A refusal here is not recorded with {request.status}{named}."


def _conclusion(told: Told, suspects: Sequence[int]) -> str:
    names = [told[place][0].name for place in suspects]
    if not names or (len(names) == 1 and suspects[0] == len(told) - 1):
        return (
            "Why cannot be known: nothing that was in force explains this answer. Either the gateway ran something "
            "else, or the upstream answered so in under a millisecond."
        )
    return f"Where it was refused cannot be known. It was one of: {', '.join(names)}."


def _passed(told: tuple[Check, Opinion]) -> Step:
    check, opinion = told
    words = opinion.words
    if opinion.refuses:
        words = "It came further, though what was in force should have refused it here: the gateway ran something else."
    elif opinion.refuses is None:
        words = "It came further."
    return Step(check.name, Verdict.PASSED, words, check.about)
