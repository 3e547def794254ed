"""Which of many bad things are named."""

from dashboard.alerts.looking.worst import MOST_NAMED, named


def test_the_worst_are_named_and_the_others_counted_and_what_goes_on_stays_named():
    things = [str(number) for number in range(MOST_NAMED + 340)]
    assert named(things, ()) == (things[:MOST_NAMED], 340)
    shown, more = named(things, {things[-1], "over"})
    assert (shown, more) == ([things[-1], *things[: MOST_NAMED - 1]], 340)
    assert named(things, dict.fromkeys(things)) == (things, 0)
    assert named([], ()) == ([], 0)
