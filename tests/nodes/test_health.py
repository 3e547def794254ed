from datetime import UTC, datetime, timedelta

import pytest

from dashboard.nodes.health import Health, Heard, beats_after, health

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def ago(seconds):
    return NOW - timedelta(seconds=seconds)


def state(*, ping=1, beat=1, pull=60, asked=None, served=7):
    heard = Heard(
        last_ping_at=ago(ping),
        last_beat_at=ago(beat),
        last_pull_at=None if pull is None else ago(pull),
        asked_at=None if asked is None else ago(asked),
        served_version=served,
    )
    found = health(heard, 7, NOW)
    return found.state, found.since


def test_a_node_that_beats_and_serves_the_wanted_version_is_ok_since_its_pull():
    assert state() == ("ok", ago(60))


def test_a_node_that_was_just_asked_is_pulling():
    assert state(asked=3, served=6) == ("pulling", ago(3))
    assert state(asked=3) == ("pulling", ago(3))


def test_a_node_behind_that_was_not_asked_yet_is_pulling_since_no_known_time():
    assert state(served=6) == ("pulling", None)
    assert state(pull=None, served=None) == ("pulling", None)


def test_a_node_that_beats_but_has_not_pulled_ten_seconds_after_a_signal_is_stuck_since_that_signal():
    assert state(asked=10, served=6)[0] == "pulling"
    assert state(asked=11, served=6) == ("stuck", ago(11))
    assert state(asked=4000) == ("stuck", ago(4000))


def test_the_advice_for_a_stuck_node_is_to_restart_it():
    heard = Heard(ago(1), ago(1), ago(60), ago(30), 6)
    assert health(heard, 7, NOW).advice == (
        "It beats but loads no changes: restart this gateway. It goes on serving what it has."
    )


def test_three_missed_beats_make_a_node_silent_since_the_last():
    assert state(ping=7, beat=7)[0] == "ok"
    assert state(ping=8, beat=8) == ("silent", ago(8))


def test_a_silent_node_is_not_called_stuck():
    assert state(ping=60, beat=60, asked=50, served=6) == ("silent", ago(60))


def test_a_node_of_which_only_the_liveness_check_arrives_is_not_silent_between_two_checks():
    assert state(ping=9, beat=40)[0] == "ok"
    assert state(ping=14, beat=40) == ("silent", ago(14))


def test_a_node_of_which_only_the_liveness_check_arrives_for_long_is_stuck_since_its_last_beat():
    assert state(ping=9, beat=90)[0] == "ok"
    assert state(ping=9, beat=91) == ("stuck", ago(91))


def test_a_node_not_heard_of_for_ten_minutes_is_gone():
    assert state(ping=600, beat=600)[0] == "silent"
    assert state(ping=601, beat=601) == ("gone", ago(601))


def test_a_ping_soon_after_the_last_is_a_beat_and_one_after_ten_seconds_is_the_liveness_check():
    assert ago(2) > beats_after(NOW)
    assert ago(4.9) > beats_after(NOW)
    assert ago(5) == beats_after(NOW)
    assert ago(10) < beats_after(NOW)


@pytest.mark.parametrize(
    ("heard", "told"),
    [
        (Heard(ago(1), ago(1), ago(60), None, 7), Health("ok", ago(60), "")),
        (Heard(ago(1), ago(1), None, None, 7), Health("ok", None, "")),
        (
            Heard(ago(1), ago(1), ago(60), ago(3), 6),
            Health("pulling", ago(3), "It has been told to load."),
        ),
        (
            Heard(ago(1), ago(1), ago(60), None, 6),
            Health("pulling", None, "It does not serve the wanted version yet."),
        ),
        (
            # It serves another version than it should, whichever is the greater.
            Heard(ago(1), ago(1), ago(60), None, 8),
            Health("pulling", None, "It does not serve the wanted version yet."),
        ),
        (
            Heard(ago(2), ago(95), ago(200), None, 7),
            Health(
                "stuck",
                ago(95),
                "Its heartbeat has stopped and only its liveness check arrives: restart this gateway.",
            ),
        ),
        (
            # Both at once: what it has not loaded since is what matters.
            Heard(ago(2), ago(95), ago(200), ago(20), 6),
            Health(
                "stuck",
                ago(20),
                "It beats but loads no changes: restart this gateway. It goes on serving what it has.",
            ),
        ),
        (
            Heard(ago(30), ago(30), ago(60), None, 7),
            Health("silent", ago(30), "It no longer answers: is the process running?"),
        ),
        (
            Heard(ago(4000), ago(4000), ago(5000), ago(4500), 6),
            Health("gone", ago(4000), "It has not been heard of for a long time."),
        ),
    ],
)
def test_each_state_is_told_since_when_and_with_what_to_do(heard, told):
    assert health(heard, 7, NOW) == told


@pytest.mark.parametrize(
    ("quiet", "beats", "told"),
    [
        (7, True, "ok"),
        (7.1, True, "silent"),
        (13, False, "ok"),
        (13.1, False, "silent"),
        (600, True, "silent"),
        (600, False, "silent"),
        (600.1, True, "gone"),
    ],
)
def test_a_node_is_silent_after_three_beats_or_one_liveness_check_and_gone_after_ten_minutes(
    quiet, beats, told
):
    assert state(ping=quiet, beat=quiet if beats else quiet + 30)[0] == told
