from datetime import UTC, datetime, timedelta

from dashboard.nodes.reloads.repeats import due_at

START = datetime(2026, 11, 25, 12, tzinfo=UTC)


def after(seconds):
    return START + timedelta(seconds=seconds)


def test_the_first_signal_is_due_at_once():
    assert due_at(START, None) == START
    assert due_at(START, after(-60)) == START


def test_two_signals_are_so_near_that_a_change_waits_for_one_look_of_a_gateway_and_not_for_two():
    assert due_at(START, after(-0.1)) == after(0.15)
    assert due_at(START, after(-0.3)) == START


def test_repeats_come_after_one_and_a_half_and_five_seconds_then_ever_slower():
    sent, times = START, []
    for _ in range(12):
        sent = due_at(START, sent)
        times.append((sent - START).total_seconds())
    assert times == [1.5, 5, 10, 20, 40, 60, 120, 180, 240, 300, 900, 1500]


def test_a_late_worker_goes_on_with_the_next_repeat_instead_of_catching_up():
    assert due_at(START, after(7)) == after(10)
