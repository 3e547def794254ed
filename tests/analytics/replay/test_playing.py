"""Requests played once more: which check refuses, and what holds for every gateway that there may be."""

from datetime import UTC, datetime, timedelta

from dashboard.analytics.explaining.facts import Request, World
from dashboard.analytics.replay.limits import Log, Window
from dashboard.analytics.replay.playing import REFUSALS, Reason, Replay
from orgs.providers.holding import Allowed, Holder
from orgs.providers.spans import Span

START = datetime(2026, 11, 1, tzinfo=UTC)
OPEN = {"version_data": {"not_versioned": True}, "proxy": {"listen_path": "/orders/"}}


def request(
    second: float = 0, path: str = "/orders/1", api_id: str = "orders", method: str = "GET"
) -> Request:
    return Request(
        ts=START + timedelta(seconds=second),
        status=200,
        api_id=api_id,
        version="Non Versioned",
        method=method,
        path=path,
        address="",
        keyed=True,
        latency=0,
        upstream=0,
    )


def played(*requests: Request, definition: dict | None = None, **allowed: object):
    """allowed: what gateways of both generations make of the key, or by generation where a value is a dict, or by the
    API where it is a function."""

    def world(asked: Request, generation: str) -> World:
        said = {
            name: value[generation]
            if isinstance(value, dict)
            else value(asked.api_id)
            if callable(value)
            else value
            for name, value in allowed.items()
        }
        made = Allowed(generation, **({"opens": True} | said))
        return World(definition or OPEN, generation, Holder("id", "key", (), allowed=(made,)), False, {})

    replay = Replay(world)
    for each in requests:
        replay.play(each)
    return replay


def reasons(replay) -> dict[Reason, Span]:
    return {reason: span for reason, span in replay.outcome.reasons.items() if span.most}


def test_the_first_check_that_refuses_is_the_reason():
    everything = {"inactive": True, "opens": False, "rate": 1.0, "per": 60.0, "quota": 1, "renewal": 60}
    burst = [request(0), request(1), request(2)]
    assert reasons(played(*burst, **everything)) == {Reason.STATE: Span(3, 3)}
    assert reasons(played(*burst, **everything | {"inactive": False})) == {Reason.RIGHTS: Span(3, 3)}
    paths = {"paths": (("/other", ("GET",)),)}
    limits = everything | {"inactive": False, "opens": True}
    assert reasons(played(*burst, **limits | paths)) == {Reason.PATHS: Span(3, 3)}
    assert reasons(played(*burst, **limits)) == {Reason.RATE: Span(2, 2)}
    # Gateways of 3.0 may renew it at once.
    assert reasons(played(*burst, **limits | {"rate": 0.0})) == {Reason.QUOTA: Span(0, 2)}
    assert reasons(played(*burst)) == {}
    off = OPEN | {"disable_rate_limit": True, "disable_quota": True}
    assert reasons(played(*burst, definition=off, **limits)) == {}


def test_what_is_refused_for_the_rate_uses_nothing_of_the_quota():
    burst = [request(second) for second in (0, 1, 2, 61, 62, 130)]
    found = reasons(played(*burst, rate=1.0, per=60.0, quota=3, renewal=3_600))
    assert found == {Reason.RATE: Span(3, 4)}


def test_where_gateways_differ_both_ends_are_said_and_the_first_refusal_by_any():
    # One that is alone begins a second window; those that count together still find the refused ones.
    replay = played(*map(request, (0, 6, 12)), rate=1.0, per=10.0)
    assert {
        rate: tally.refused for (generation, rate), tally in replay.tallies.items() if generation == "5"
    } == {
        Window: 1,
        Log: 2,
    }
    assert (replay.outcome.refused, replay.outcome.first) == (Span(1, 2), START + timedelta(seconds=6))
    of_one = played(request(), opens={"3.0": True, "5": False})
    assert (of_one.outcome.refused, reasons(of_one)) == (Span(0, 1), {Reason.RIGHTS: Span(0, 1)})


def test_apis_are_counted_together_or_each_by_itself():
    both = [request(0), request(1, api_id="stock")]
    limit = {"rate": 1.0, "per": 60.0}
    assert played(*both, **limit).outcome.refused == Span(1, 1)
    quota = {"quota": 1, "renewal": 60}
    assert played(*both, **quota).outcome.refused == Span(0, 1)
    by_itself = {"together": lambda api_id: (api_id,)}
    assert played(*both, **limit, **by_itself).outcome.refused == Span(0, 0)
    assert played(*both, **quota, **by_itself).outcome.refused == Span(0, 0)


def test_what_cannot_be_told_is_no_refusal():
    untold = played(request(), request(1), rate=1.0, per=60.0, rate_untold="Which one is not told.")
    assert (untold.outcome.refused, reasons(untold)) == (Span(0, 0), {Reason.UNTOLD: Span(2, 2)})
    assert untold.outcome.first is None
    strange = played(request(), paths=(("(a+)+", ("GET",)),))
    assert reasons(strange) == {Reason.UNTOLD: Span(1, 1)}
    assert Reason.UNTOLD not in REFUSALS
