"""A setting that cannot be meant ends every command with one sentence, before anything is started."""

import os
import runpy
import signal
from pathlib import Path

import pytest

from dashboard.configuration import SettingError
from dashboard.engines.generated_secrets import make_missing
from tests.entry.conftest import HERE, closed_port

PASSWORD = "hunter2"
SECRET = "3f1c9a7be0d24865a1b7c3d9e5f80214"
OURS = {
    *(
        "SECRET_KEY",
        "ADMIN_SECRET",
        "NODE_SECRET",
        "NODE_SECRET_FORMER",
        "SEALING_KEY",
        "SEALING_KEY_FALLBACKS",
        "DATABASE_URL",
        "DATABASE_MIGRATE_URL",
        "DATABASE_READ_URL",
        "DATABASE_SYSTEM_ROLE",
    ),
    *(
        "REDIS_URL",
        "ALLOWED_HOSTS",
        "CSRF_TRUSTED_ORIGINS",
        "HTTPS",
        "HSTS_SUBDOMAINS",
        "HSTS_PRELOAD",
        "LOG_LEVEL",
    ),
    *(
        "FEED_CHECK_URL",
        "GATEWAY_HASH_KEYS",
        "GATEWAY_HASH_KEY_FUNCTION",
        "WEB_CONCURRENCY",
        "WEB_THREADS",
        "DEMONSTRATION",
        "SCRIPT_NAME",
    ),
    *("FORCE_SCRIPT_NAME", "GATEHOUSE_VAR", "SCRATCH"),
    *("KEEP_RECORDS", "KEEP_BODIES", "KEEP_MINUTES", "KEEP_HOURS", "KEEP_DAYS"),
    *("EMAIL_URL", "EMAIL_FROM", "ALERT_WEBHOOK_NETWORKS", "PUBLIC_URL"),
}
HTTPS = "HTTPS must be on or off (or true, false, yes, no, 1, 0).\n"


@pytest.mark.parametrize(
    "command",
    [
        ("serve", "--port", "0"),
        ("worker",),
        ("migrate",),
        ("bootstrap", "--neworg", "--org-name", "Acme"),
        ("test", "tests/nothing.py"),
    ],
    ids=lambda command: command[0],
)
def test_every_command_says_it_in_one_sentence(run, command):
    ended = run("manage.py", *command, environment={"HTTPS": "perhaps"})
    assert (ended.communicate(timeout=60), ended.returncode) == (("", HTTPS), 1)


def test_the_demonstration_says_it_too(run):
    ended = run("manage.py", "demo", "--port", "0", environment={"LOG_LEVEL": "loud"})
    told = "LOG_LEVEL must be one of DEBUG, INFO, WARNING, ERROR, CRITICAL.\n"
    assert (ended.communicate(timeout=60), ended.returncode) == (("", told), 1)


def test_gunicorn_alone_says_it_and_ends_instead_of_trying_again(run):
    # One process: when several end at once, gunicorn stumbles over the second with a traceback of its own.
    arguments = ("dashboard.wsgi", "--bind", "127.0.0.1:0", "--workers", "1", "--no-control-socket")
    ended = run("-m", "gunicorn", *arguments, "--log-level", "critical", environment={"HTTPS": "perhaps"})
    _, errors = ended.communicate(timeout=60)
    assert (set(errors.splitlines()), ended.returncode) == ({HTTPS.strip()}, 4)


def test_gunicorn_with_our_settings_says_it_once_however_many_processes_there_are(run):
    arguments = (
        "--config",
        "python:dashboard.web.gunicorn_settings",
        "dashboard.wsgi",
        "--bind",
        "127.0.0.1:0",
    )
    environment = {"HTTPS": "perhaps", "WEB_CONCURRENCY": "4"}
    ended = run("-m", "gunicorn", *arguments, "--no-control-socket", environment=environment)
    _, errors = ended.communicate(timeout=60)
    lines = [line for line in errors.splitlines() if "[INFO]" not in line]
    assert (lines, ended.returncode) == ([HTTPS.strip()], 1)


def settings_under(monkeypatch, var, environment: dict[str, str]) -> dict:
    """What the settings say under an environment with nothing else of ours in it, after whoever starts."""
    for name in [name for name in os.environ if name in OURS or name.removesuffix("_FILE") in OURS]:
        monkeypatch.delenv(name)
    for name, value in ({"GATEHOUSE_VAR": str(var)} | environment).items():
        monkeypatch.setenv(name, value)
    make_missing(os.environ)
    return runpy.run_path(str(HERE / "dashboard" / "settings.py"))


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ({"SECRET_KEY": "short"}, "SECRET_KEY is refused: "),
        ({"NODE_SECRET": "352d20ee67be67f6340b4c0605b044b7"}, "NODE_SECRET is refused: "),
        ({"ADMIN_SECRET": "a" * 40}, "ADMIN_SECRET is refused: "),
        ({"ADMIN_SECRET_FILE": "/missing"}, "ADMIN_SECRET_FILE names a file that cannot be read: "),
        ({"GATEHOUSE_VAR": "/proc/var"}, "GATEHOUSE_VAR names /proc/var, which cannot be used: "),
        ({"GATEHOUSE_VAR": "/dev/null"}, "GATEHOUSE_VAR names /dev/null, which cannot be used: "),
        ({"DATABASE_URL": "gatehouse"}, "DATABASE_URL must begin with postgresql:// "),
        ({"DATABASE_URL": f"mysql://app:{PASSWORD}@db/gate"}, "DATABASE_URL must begin with postgresql:// "),
        ({"DATABASE_URL": f"postgresql://app:{PASSWORD}/x@db/gate"}, "DATABASE_URL: percent-encode "),
        (
            {"DATABASE_MIGRATE_URL": f"postgresql://app:{PASSWORD}@127.0.0.1:1/gate"},
            "DATABASE_MIGRATE_URL is set, so DATABASE_URL must be set as well.",
        ),
        (
            {"DATABASE_READ_URL": f"postgresql://app:{PASSWORD}@127.0.0.1:1/gate"},
            "DATABASE_READ_URL is set, so DATABASE_URL must be set as well.",
        ),
        ({"DATABASE_SYSTEM_ROLE": "x" * 64}, "DATABASE_SYSTEM_ROLE must be the name of a role "),
        ({"REDIS_URL": f"redis+sentinel://:{PASSWORD}@a:1,b:2/0"}, "REDIS_URL must be one Redis server: "),
        ({"REDIS_URL": "redis://a:1,b:2/0"}, "REDIS_URL must name one Redis server, not several."),
        ({"REDIS_URL": f"redis://:{PASSWORD}/@a/0"}, "REDIS_URL: percent-encode "),
        ({"ALLOWED_HOSTS": "*"}, "ALLOWED_HOSTS must be host names "),
        ({"CSRF_TRUSTED_ORIGINS": "gate.example"}, "CSRF_TRUSTED_ORIGINS must be origins "),
        ({"FEED_CHECK_URL": "gate.example"}, "FEED_CHECK_URL must be a URL "),
        ({"EMAIL_URL": "mail.example"}, "EMAIL_URL must begin with smtp:// or smtp+tls:// or smtp+ssl://."),
        ({"EMAIL_URL": "smtp://mail.example"}, "EMAIL_FROM must be the address "),
        ({"ALERT_WEBHOOK_NETWORKS": "all"}, "ALERT_WEBHOOK_NETWORKS must be networks "),
        ({"PUBLIC_URL": "gatehouse.example"}, "PUBLIC_URL must be a URL "),
        ({"GATEWAY_HASH_KEYS": "off"}, "GATEWAY_HASH_KEYS must stay on: "),
        ({"GATEWAY_HASH_KEY_FUNCTION": "md5"}, "GATEWAY_HASH_KEY_FUNCTION must be one of legacy, murmur32, "),
        ({"SEALING_KEY": "short"}, "SEALING_KEY is refused: "),
        ({"SEALING_KEY_FALLBACKS": f"{SECRET},short"}, "SEALING_KEY_FALLBACKS is refused: "),
        ({"NODE_SECRET_FORMER": "short"}, "NODE_SECRET_FORMER is refused: "),
        ({"NODE_SECRET": SECRET, "NODE_SECRET_FORMER": SECRET}, "NODE_SECRET_FORMER must be another "),
        ({"HSTS_PRELOAD": "on"}, "HSTS_PRELOAD needs HSTS_SUBDOMAINS: "),
        ({"WEB_CONCURRENCY": "many"}, "WEB_CONCURRENCY must be a whole number "),
        ({"WEB_THREADS": "0"}, "WEB_THREADS must be a whole number "),
        ({"KEEP_HOURS": "8"}, "KEEP_HOURS must be a whole number from 9 to 730."),
        ({"KEEP_BODIES": "31"}, "KEEP_BODIES must not be more than KEEP_RECORDS"),
        ({"WEB_THREADS": "-1"}, "WEB_THREADS must be a whole number "),
        ({"SCRIPT_NAME": "/gate"}, "SCRIPT_NAME must not be set: "),
        ({"FORCE_SCRIPT_NAME": "/gate"}, "FORCE_SCRIPT_NAME must not be set: "),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_every_setting_is_judged_when_settings_are_read(monkeypatch, var, setting, told):
    with pytest.raises(SettingError) as refused:
        settings_under(monkeypatch, var, setting)
    assert (str(refused.value).startswith(told), PASSWORD in str(refused.value)) == (True, False), (
        refused.value
    )


def test_an_empty_value_is_a_setting_left_out(monkeypatch, var):
    empty, unset = (
        settings_under(monkeypatch, var, dict.fromkeys(names, ""))
        for names in (OURS - {"GATEHOUSE_VAR", "SCRATCH"}, ())
    )
    shown = [name for name in unset if name.isupper()]
    assert {name: empty[name] for name in shown} == {name: unset[name] for name in shown}
    assert (unset["HTTPS"], unset["ALLOWED_HOSTS"]) == (True, ["localhost", "127.0.0.1", "[::1]"])


def test_the_secret_key_of_a_file_is_every_byte_of_it_and_other_secrets_are_without_the_line_break(
    monkeypatch, var
):
    (var / "file").write_text(SECRET + "\n")
    files = {f"{name}_FILE": str(var / "file") for name in ("SECRET_KEY", "ADMIN_SECRET", "NODE_SECRET")}
    read = settings_under(monkeypatch, var, files)
    assert (read["SECRET_KEY"], read["ADMIN_SECRET"], read["NODE_SECRET"]) == (SECRET + "\n", SECRET, SECRET)


SETUP = "import django; django.setup(); from django.conf import settings; print(settings.NODE_SECRET)"
PLAIN = {"DJANGO_SETTINGS_MODULE": "dashboard.settings"}


def test_reading_the_settings_of_an_installation_that_was_never_started_says_so_and_makes_nothing(run, var):
    ended = run("-c", SETUP, environment=PLAIN)
    output, errors = ended.communicate(timeout=60)
    assert (output, errors.splitlines()[-1], ended.returncode, list(var.iterdir())) == (
        "",
        "dashboard.configuration.SettingError: SECRET_KEY is not set, and nothing was made in its place yet: set it, "
        "or let any command make what this installation lacks, such as `python3 manage.py check`.",
        1,
        [],
    )


def test_settings_that_are_all_given_make_not_even_a_directory(run, var):
    given = dict.fromkeys(("SECRET_KEY", "ADMIN_SECRET", "NODE_SECRET"), SECRET)
    given |= {"REDIS_URL": "redis://127.0.0.1:1/0", "GATEHOUSE_VAR": str(var / "missing")}
    for program in (("-c", SETUP), ("manage.py", "shell", "-v", "0", "-c", SETUP)):
        kept_elsewhere = {"PYTHONPYCACHEPREFIX": str(var / "pycache")}
        ended = run(*program, environment=PLAIN | given | kept_elsewhere)
        assert (ended.communicate(timeout=60)[0], ended.returncode) == (f"{SECRET}\n", 0)
        assert not (var / "missing").exists()


def test_what_an_earlier_version_made_stays_as_it_is(monkeypatch, var):
    (var / "secrets").mkdir(mode=0o700)
    for number, name in enumerate(("secret_key", "admin_secret", "node_secret")):
        (var / "secrets" / name).write_text(f"{number}{SECRET}")
    (var / "valkey.url").write_text("redis://:word@127.0.0.1:20001/0")
    read = settings_under(monkeypatch, var, {})
    names = ("SECRET_KEY", "ADMIN_SECRET", "NODE_SECRET", "REDIS_URL")
    assert [read[name] for name in names] == [
        *(f"{number}{SECRET}" for number in range(3)),
        "redis://:word@127.0.0.1:20001/0",
    ]


def test_what_is_made_is_made_once_and_differs(monkeypatch, var):
    names = ("SECRET_KEY", "ADMIN_SECRET", "NODE_SECRET", "REDIS_URL")
    first, again = (settings_under(monkeypatch, var, {}) for _ in range(2))
    assert [first[name] for name in names] == [again[name] for name in names]
    assert len({first[name] for name in names}) == 4
    assert sorted(path.name for path in var.iterdir()) == ["secrets", "valkey.url"]


def test_what_is_made_is_on_the_disk_before_anybody_relies_on_it(monkeypatch, var):
    """Text first, then its name; a secret that a crash takes back would end every session and access key."""
    synced, sync = [], os.fsync

    def fsync(descriptor):
        synced.append((Path(f"/proc/self/fd/{descriptor}").readlink(), sorted(var.rglob("*_*"))))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    make_missing({"GATEHOUSE_VAR": str(var), "REDIS_URL": "given"})
    kept = [var / "secrets" / name for name in ("secret_key", "admin_secret", "node_secret")]
    directories = [
        (path, [name for name in there if name in kept]) for path, there in synced if path.is_dir()
    ]
    files = [
        (path.parent, [name for name in there if name in kept]) for path, there in synced if not path.is_dir()
    ]
    assert files == [(var / "secrets", sorted(kept[:number])) for number in range(3)]
    assert directories == [
        (directory, sorted(kept[:number])) for number in (1, 2, 3) for directory in (var / "secrets", var)
    ]


def test_hsts_speaks_for_this_host_alone_unless_more_is_asked_for(monkeypatch, var):
    names = ("SECURE_HSTS_SECONDS", "SECURE_HSTS_INCLUDE_SUBDOMAINS", "SECURE_HSTS_PRELOAD")
    read = [
        settings_under(monkeypatch, var, asked)
        for asked in (
            {},
            {"HTTPS": "off"},
            {"HSTS_SUBDOMAINS": "on"},
            {"HSTS_SUBDOMAINS": "on", "HSTS_PRELOAD": "on"},
        )
    ]
    assert [tuple(each[name] for name in names) for each in read] == [
        (31_536_000, False, False),
        (0, False, False),
        (31_536_000, True, False),
        (31_536_000, True, True),
    ]


def test_a_header_says_that_a_request_came_by_tls_only_behind_a_proxy_that_ends_it(monkeypatch, var):
    read = [settings_under(monkeypatch, var, {"HTTPS": word}) for word in ("on", "off")]
    assert [each["SECURE_PROXY_SSL_HEADER"] for each in read] == [("HTTP_X_FORWARDED_PROTO", "https"), None]


def test_a_database_that_swallows_what_it_is_sent_is_given_up_after_ten_seconds_or_as_its_url_says(
    monkeypatch, var
):
    url = "postgresql://app:word@db/gate"
    urls = {"DATABASE_URL": url, "DATABASE_MIGRATE_URL": f"{url}?connect_timeout=3"}
    databases = settings_under(monkeypatch, var, urls)["DATABASES"]
    assert [databases[alias]["OPTIONS"] for alias in ("default", "owner")] == [
        {"connect_timeout": "10", "tcp_user_timeout": "30000", "keepalives_idle": "30"},
        {"connect_timeout": "3", "tcp_user_timeout": "30000", "keepalives_idle": "30"},
    ]


def test_a_replica_is_waited_for_two_seconds_and_read_alone(monkeypatch, var):
    url = "postgresql://app:word@db/gate"
    databases = settings_under(monkeypatch, var, {"DATABASE_URL": url})["DATABASES"]
    assert list(databases) == ["default", "owner"]
    urls = {"DATABASE_URL": url, "DATABASE_READ_URL": f"{url}?tcp_user_timeout=900"}
    replica = settings_under(monkeypatch, var, urls)["DATABASES"]["replica"]
    assert replica["OPTIONS"] == {"connect_timeout": "2", "tcp_user_timeout": "900", "keepalives_idle": "30"}
    assert (replica["READ_ONLY"], replica["ATOMIC_REQUESTS"], replica["APPLICATION_ROLE"]) == (
        True,
        False,
        "app",
    )


def test_a_port_that_is_none_is_one_clear_sentence(run):
    for command in ("serve", "demo"):
        ended = run("manage.py", command, "--port", "65536")
        assert "argument --port: " in ended.communicate(timeout=60)[1]


def test_a_relative_directory_is_the_same_one_for_commands_and_their_children(run, var, tmp_path):
    shown = "import os; from django.conf import settings; print(settings.VAR, os.environ['GATEHOUSE_VAR'])"
    command = [os.path.abspath("manage.py"), "shell", "-v", "0", "-c", shown]
    ended = run(*command, environment={"GATEHOUSE_VAR": "here"}, cwd=tmp_path)
    output, errors = ended.communicate(timeout=60)
    assert output == f"{tmp_path}/here {tmp_path}/here\n", errors


def test_without_the_owners_url_serve_and_worker_start_nothing(run):
    url = {"DATABASE_URL": f"postgresql://app:{PASSWORD}@127.0.0.1:1/gate"}
    for command in (("serve", "--port", "0"), ("worker",)):
        ended = run("manage.py", *command, environment=url)
        told = (
            "DATABASE_MIGRATE_URL must be set beside DATABASE_URL: tables are made, new ones every day, by the role "
            "that owns them.\n"
        )
        assert (ended.communicate(timeout=60), ended.returncode) == (("", told), 1)


def test_the_worker_waits_for_a_redis_that_is_away_and_not_for_a_wrong_one(run):
    with closed_port() as port:
        waiting = run("manage.py", "worker", environment={"REDIS_URL": f"redis://127.0.0.1:{port}/0"})
        assert "REDIS_URL: Redis cannot be reached: " in waiting.stderr.readline()
        assert "the database could not be asked" in waiting.stderr.readline()
    waiting.send_signal(signal.SIGTERM)
    assert waiting.wait(20) == 0
