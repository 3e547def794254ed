"""The demonstration, as its first visitor starts it."""

import json
import re
import signal

import pytest

from tests.entry.conftest import directory, free_port, read_until, runner


@pytest.fixture(scope="module")
def demonstrated():
    """A demonstration that ran once and was ended with Ctrl-C: its directory, port, output and runner."""
    with directory() as var, runner(var) as run:
        port = free_port()
        # As of a shell's job in the background, which is begun with Ctrl-C ignored.
        demo = run(
            *("manage.py", "demo", "--port", str(port), "--no-traffic"),
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
        )
        lines = read_until(demo, "Gatehouse is ready")
        demo.send_signal(signal.SIGINT)
        assert demo.wait(180) == 0
        yield var, port, lines, run


def facts(var) -> dict:
    return json.loads((var / "demo.json").read_text())


def test_it_tells_what_it_does_and_at_last_where_it_is(demonstrated):
    _, port, lines, _ = demonstrated
    assert lines[:4] == [
        "Starting PostgreSQL and Valkey …",
        "Preparing the database …",
        "Making the demonstration's organisations …",
        "Starting the web server …",
    ]
    assert lines[-1] == f"Gatehouse is ready: http://127.0.0.1:{port}/"


def test_it_prints_every_sign_in(demonstrated):
    var, _, lines, _ = demonstrated
    people = [
        facts(var)["super_user"],
        *(user for each in facts(var)["organisations"] for user in each["users"]),
    ]
    printed = [line.split()[:2] for line in lines if re.match(r"  \S+@", line)]
    assert printed == [[person["email"], person["password"]] for person in people]


def test_the_block_for_tyk_conf_leads_a_gateway_here_and_to_our_redis(demonstrated):
    var, port, lines, _ = demonstrated
    text = "\n".join(lines)
    block = json.loads(text[text.index("{") : text.rindex("}") + 1])
    assert block["node_secret"] == facts(var)["node_secret"]
    assert block["db_app_conf_options"]["connection_string"] == f"http://127.0.0.1:{port}"
    assert block["policies"]["policy_connection_string"] == f"http://127.0.0.1:{port}"
    storage = block["storage"]
    assert f"redis://:{storage['password']}@{storage['host']}:{storage['port']}/0" == facts(var)["redis_url"]


def test_scripts_find_everything_in_a_file_that_only_its_owner_reads(demonstrated):
    var, port, _, _ = demonstrated
    assert oct((var / "demo.json").stat().st_mode & 0o777) == "0o600"
    assert facts(var)["url"] == f"http://127.0.0.1:{port}"
    assert facts(var)["admin_secret"] == (var / "secrets" / "admin_secret").read_text()
    for organisation in facts(var)["organisations"]:
        assert {"id", "name", "slug", "users"} <= set(organisation)
        assert [sorted(user) for user in organisation["users"]] == [["access_key", "email", "password"]] * 2


def test_a_second_demonstration_finds_its_data_and_a_fresh_one_begins_anew(demonstrated):
    var, port, _, run = demonstrated
    first = facts(var)
    for options, same in ([], True), (["--fresh"], False):
        demo = run("manage.py", "demo", "--port", str(port), "--no-traffic", *options)
        read_until(demo, "Gatehouse is ready")
        demo.terminate()
        assert demo.wait(180) == 0
        assert (facts(var)["organisations"] == first["organisations"]) is same
        # A gateway that was connected still is.
        for name in ("url", "node_secret", "redis_url"):
            assert facts(var)[name] == first[name]


def test_data_that_is_not_the_demonstrations_is_left_alone(var, run):
    (var / "pg18").mkdir()
    demo = run("manage.py", "demo", "--fresh")
    assert demo.communicate(timeout=60)[1] == (
        f"CommandError: {var} holds data which is not the demonstration's: "
        "set GATEHOUSE_VAR to another directory.\n"
    )
    assert (var / "pg18").is_dir()
