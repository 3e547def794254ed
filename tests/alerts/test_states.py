"""From calm to firing to ended, and what is told of it."""

from datetime import UTC, datetime, timedelta

from dashboard.alerts.states import Bad, Found, Turns, is_begin_due, seconds_until_next, state, turns

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
BAD = Found({"": Bad(7.5)}, 7.5)
CALM = Found(value=1.0)
UNKNOWN = Found(trouble="Traffic is stored up to 11:50 only.")


def test_what_is_bad_begins_goes_on_and_ends():
    begun, told = set(), []
    for found in (CALM, BAD, BAD, CALM, CALM):
        turn = turns(begun, found)
        begun = (begun | turn.begin) - turn.end
        told.append((state(begun, found), [len(each) for each in (turn.begin, turn.go_on, turn.end)]))
    assert told == [
        ("ok", [0, 0, 0]),
        ("firing", [1, 0, 0]),
        ("firing", [0, 1, 0]),
        ("ok", [0, 0, 1]),
        ("ok", [0, 0, 0]),
    ]


def test_what_is_not_known_neither_begins_nor_ends_anything():
    assert turns([], UNKNOWN) == turns([""], UNKNOWN) == Turns()
    # Even where something was found before it turned out that the rest is not known.
    assert turns([], Found({"": Bad(9)}, trouble="half of it")) == Turns()
    assert (state([], UNKNOWN), state([""], UNKNOWN)) == ("unknown", "firing")


def test_each_of_several_things_has_its_own_beginning_and_end():
    found = Found({"b": Bad(95, "Partner"), "c": Bad(91, "Other")})
    assert turns(["a", "b"], found) == Turns(frozenset("c"), frozenset("b"), frozenset("a"))


def test_a_repeat_is_told_when_the_quiet_period_is_over():
    quiet = timedelta(minutes=60)
    assert is_begin_due(None, quiet, NOON)
    assert not is_begin_due(NOON - timedelta(minutes=59), quiet, NOON)
    assert is_begin_due(NOON - quiet, quiet, NOON)
    assert is_begin_due(NOON, timedelta(0), NOON)


def test_attempts_are_made_less_and_less_often_and_never_less_than_hourly():
    assert [seconds_until_next(attempts) for attempts in (1, 2, 3, 9, 10, 10_000)] == [
        10,
        20,
        40,
        2_560,
        3_600,
        3_600,
    ]
