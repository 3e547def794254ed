"""Why requests were answered with an error, in words, from what records tell. Pure.

What gateways record (measured with 3.0.12 and 5.14.0): what they refuse takes no time, and names the key only if they
know it. What they could not pass on is a 500: with 3.0.12 without time or key, with 5.14.0 with both but without a time
of the upstream. What an upstream answered names the key; its time is 0 too where it took less than a millisecond.
"""

REFUSALS = frozenset({401, 403, 429})

_REFUSED = {
    (401, True): "the key has expired",
    (401, False): "no key was sent, or not where the API expects it",
    (401, None): "no key was sent, or one that has expired",
    (403, True): "the key may not call this API or version, is suspended, or has used up its quota",
    (403, False): "the key is unknown or revoked, or this path or version is closed to everybody",
    (403, None): "the key is unknown, revoked or suspended, may not call this, or has used up its quota",
}
_RATE = "a rate limit was reached"
_UNREACHED = "The gateway got no answer: the upstream could not be reached, broke off, or took too long."
_ANSWERED = "The upstream answered with an error."
_UPSTREAM = {
    500: "The upstream answered with an error, or a gateway of 5.x got no answer from it.",
    502: "The upstream answered with an error: a proxy there got no proper answer from behind it.",
    503: "The upstream answered with an error: it was overloaded or being maintained.",
    504: "The upstream did not answer in time.",
}


def reason(status: int, *, key: bool | None, hits: int, timed: int, upstream: bool = False) -> str:
    """A sentence about `hits` requests answered with `status`, 400 or above, of which `timed` took a time that was
    measured. key: whether they named a key that gateways know, None if that is not told apart. upstream: whether a time
    of the upstream was recorded of each."""
    refused = status in REFUSALS and timed < hits
    if status >= 500:
        words = _failed(status, key, hits, timed, upstream)
    elif refused:
        why = _RATE if status == 429 else _REFUSED[status, key]
        words = f"Refused by the gateway: {why}."
    elif timed == 0:
        words = (
            "Answered within a millisecond: by the upstream, or by the gateway because of the request itself."
        )
    else:
        words = "Answered by the upstream."
    return f"{words} Some of them the upstream answered." if refused and timed else words


def _failed(status: int, key: bool | None, hits: int, timed: int, upstream: bool) -> str:
    answered = _ANSWERED if upstream and status == 500 else _UPSTREAM.get(status, _ANSWERED)
    if timed == hits or key:
        return answered
    return f"{_UNREACHED} Some of them the upstream answered with an error." if timed else _UNREACHED


def is_refused(status: int, *, timed: bool) -> bool:
    """Whether the gateway refused a request itself. One that did not reach its upstream is not refused."""
    return status in REFUSALS and not timed
