"""What settings mean, and the one sentence about one that cannot be meant."""

from pathlib import Path

import pytest

from dashboard import configuration
from dashboard.configuration import SettingError
from tests.keys.certificates import build as certificates

GOOD_SECRET = "3f1c9a7be0d24865a1b7c3d9e5f80214"


def sentence(meaning, *arguments) -> str:
    with pytest.raises(SettingError) as refused:
        meaning("SETTING", *arguments)
    return str(refused.value)


# Where a text is read.


def test_a_setting_may_be_a_file_whose_last_line_break_does_not_count(tmp_path):
    (tmp_path / "file").write_text("value\n")
    assert configuration.given({"NAME_FILE": str(tmp_path / "file")}, "NAME") == "value"
    assert configuration.given({"NAME_FILE": str(tmp_path / "file")}, "NAME", exact=True) == "value\n"
    assert configuration.given({"NAME": " value "}, "NAME") == "value"


def test_what_is_empty_is_not_set():
    assert configuration.given({"NAME": "", "NAME_FILE": ""}, "NAME") == ""


def test_a_value_that_begins_with_a_dollar_is_itself():
    assert configuration.given({"NAME": "$HOME", "HOME": "/root"}, "NAME") == "$HOME"


def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path):
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    told = []
    for environment in (
        {"NAME_FILE": str(tmp_path / "missing")},
        {"NAME_FILE": str(tmp_path)},
        {"NAME_FILE": str(tmp_path / "empty")},
        {"NAME_FILE": str(tmp_path / "binary")},
        {"NAME": "a", "NAME_FILE": str(tmp_path / "empty")},
    ):
        with pytest.raises(SettingError) as refused:
            configuration.given(environment, "NAME")
        told.append(str(refused.value))
    assert told == [
        "NAME_FILE names a file that cannot be read: No such file or directory.",
        "NAME_FILE names a file that cannot be read: Is a directory.",
        "NAME_FILE names an empty file.",
        "NAME_FILE names a file that cannot be read: it is not text in UTF-8.",
        "NAME and NAME_FILE are both set: leave one of them.",
    ]


def test_a_directory_that_cannot_be_used_is_one_sentence():
    with pytest.raises(SettingError) as refused, configuration.writing(Path("/dev/null/var")):
        Path("/dev/null/var").mkdir()
    assert str(refused.value) == "GATEHOUSE_VAR names /dev/null/var, which cannot be used: Not a directory."


# Texts.


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("on", True),
        ("TRUE", True),
        ("yes", True),
        ("1", True),
        ("off", False),
        ("False", False),
        ("no", False),
        ("0", False),
    ],
)
def test_words_for_on_and_off(text, meant):
    assert configuration.boolean("SETTING", text, not meant) is meant


@pytest.mark.parametrize("default", [True, False])
def test_nothing_is_the_default(default):
    assert configuration.boolean("SETTING", "", default) is default


@pytest.mark.parametrize("text", ["perhaps", "2", "o", "onn", "enabled", "-1", "None"])
def test_any_other_word_is_neither_on_nor_off(text):
    told = "SETTING must be on or off (or true, false, yes, no, 1, 0)."
    assert sentence(configuration.boolean, text, True) == told


@pytest.mark.parametrize("text", ["many", "0", "-1", "1.5", "1001", "9" * 400, "٣", "0x10", "1_0"])
def test_a_number_is_a_whole_one_in_its_range(text):
    assert sentence(configuration.number, text, 4) == "SETTING must be a whole number from 1 to 1000."


def test_numbers():
    assert [configuration.number("SETTING", text, 4) for text in ("", "1", "16")] == [4, 1, 16]


def test_log_levels():
    assert [configuration.log_level("SETTING", text) for text in ("", "debug", "ERROR")] == [
        "INFO",
        "DEBUG",
        "ERROR",
    ]
    told = "SETTING must be one of DEBUG, INFO, WARNING, ERROR, CRITICAL."
    assert [sentence(configuration.log_level, text) for text in ("loud", "10")] == [told, told]


def test_roles():
    assert configuration.role("SETTING", "", "usual") == "usual"
    assert configuration.role("SETTING", "Große Rolle", "usual") == "Große Rolle"
    told = "SETTING must be the name of a role of PostgreSQL, of at most 63 bytes."
    assert [sentence(configuration.role, text, "usual") for text in ("x" * 64, "a\nb")] == [told, told]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "short",
        GOOD_SECRET[:31],
        "352d20ee67be67f6340b4c0605b044b7",
        "352D20FE67BE67F6340B4C0605B044C3",
        " 352d20fe67be67f6340b4c0605b044c3\n",
        "a" * 32,
        "abcdefg" * 5,  # seven letters
        "abcdefgabcdefgabcdefgabcdefgabcdaa",
        "changeme-changeme-changeme-changeme-",
        "0123456789abcdef" * 2,
    ],
)
def test_a_secret_that_is_short_known_or_repeats_itself_is_refused(text):
    assert sentence(configuration.secret, text) == (
        "SETTING is refused: it needs at least 32 characters, must not be a known one and must not repeat itself."
    )


@pytest.mark.parametrize("text", [GOOD_SECRET, "abcdefgh" * 4 + "x", "correct horse battery staple tree"])
def test_any_other_secret_is_taken_as_it_is(text):
    assert configuration.secret("SETTING", text) == text


def test_host_names():
    text = "gate.example, .wild.example,localhost,10.0.0.1,[::1],fe80::1,under_score"
    assert configuration.hosts("SETTING", text, ["usual"]) == [
        "gate.example",
        ".wild.example",
        "localhost",
        "10.0.0.1",
        "[::1]",
        "[fe80::1]",
        "under_score",
    ]
    assert [configuration.hosts("SETTING", text, ["usual"]) for text in ("", " , ")] == [["usual"], ["usual"]]
    assert configuration.hosts("SETTING", "*", [], any_host=True) == ["*"]


@pytest.mark.parametrize(
    "text",
    ["*", "a.example,*", "https://a.example", "a.example:8000", "a.example/x", "a b", "*.a", "a..example."],
)
def test_what_is_no_host_name(text):
    assert sentence(configuration.hosts, text, []) == (
        "SETTING must be host names separated by commas, without scheme, port or path; `*` is not one."
    )


def test_networks():
    def meant(text):
        return [str(network) for network in configuration.networks("N", text, ["10.0.0.0/8"])]

    assert [meant(text) for text in ("", " 127.0.0.0/8, ::1 ", "none")] == [
        ["10.0.0.0/8"],
        ["127.0.0.0/8", "::1/128"],
        [],
    ]
    for text in ("10.0.0.1/8", "all", "none,10.0.0.0/8", "10.0.0.0/33"):
        with pytest.raises(SettingError) as error:
            meant(text)
        assert (
            str(error.value)
            == "N must be networks separated by commas, such as 10.0.0.0/8,fd00::/8, or none."
        )


def test_origins():
    text = "https://Gate.example, http://10.0.0.1:8000,https://*.wild.example,https://[::1]:8443"
    assert configuration.origins("SETTING", text) == [
        "https://gate.example",
        "http://10.0.0.1:8000",
        "https://*.wild.example",
        "https://[::1]:8443",
    ]
    assert configuration.origins("SETTING", "") == []


@pytest.mark.parametrize(
    "text", ["gate.example", "https://gate.example/", "ftp://a", "https://", "https://a:b", "*"]
)
def test_what_is_no_origin(text):
    assert sentence(configuration.origins, text) == (
        "SETTING must be origins separated by commas, such as https://gatehouse.example, with their scheme and "
        "without a path."
    )


def test_web_addresses():
    good = ["", "http://127.0.0.1:8000/system/apis", "https://gate.example", "http://[::1]:8000/x?y=z"]
    assert [configuration.web_address("SETTING", text) for text in good] == good
    told = "SETTING must be a URL such as http://127.0.0.1:8000/system/apis."
    bad = ["gate.example", "/system/apis", "ftp://a/", "http://", "http://a:b/", "http://a b/", "http://a/#x"]
    assert [sentence(configuration.web_address, text) for text in bad] == [told] * len(bad)


# URLs of servers.


def test_a_postgresql_url_in_djangos_parts():
    text = "postgresql://app:p%2Fa%40ss%25@db.example:5433/gate?sslmode=require&connect_timeout=3"
    assert configuration.postgresql("SETTING", text) == {
        "NAME": "gate",
        "USER": "app",
        "PASSWORD": "p/a@ss%",
        "HOST": "db.example",
        "PORT": "5433",
        "OPTIONS": {"sslmode": "require", "connect_timeout": "3"},
    }


@pytest.mark.parametrize(
    ("text", "host", "port", "options"),
    [
        ("postgres://app@db/gate", "db", "", {}),
        ("postgresql://app@[::1]:5433/gate", "::1", "5433", {}),
        ("postgresql://app@%2Frun%2FPostgreSQL/gate", "/run/PostgreSQL", "", {}),
        ("postgresql://app@/gate?host=/run/postgresql", "", "", {"host": "/run/postgresql"}),
        ("postgresql://app@one:5432,two:5433/gate", "one,two", "5432,5433", {}),
    ],
)
def test_places_where_postgresql_may_be(text, host, port, options):
    found = configuration.postgresql("SETTING", text)
    assert (found["HOST"], found["PORT"], found["OPTIONS"], found["USER"]) == (host, port, options, "app")


SCHEME = "SETTING must begin with postgresql:// or postgres://."
ENCODE = (
    "SETTING: percent-encode the reserved characters of its user name and password "
    "(/ is %2F, @ is %40, # is %23, ? is %3F, % is %25)."
)
PLACE = (
    "SETTING: what follows the @ must be a host, and a port that is a number; reserved characters of a password "
    "must be percent-encoded."
)
DATABASE = "SETTING must name one database: postgresql://role:password@host/database."


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("gatehouse", SCHEME),
        ("postgresql://", SCHEME),
        ("postgresql:app@db/gate", SCHEME),
        ("mysql://app:hunter2@db/gate", SCHEME),
        ("sqlite:///file", SCHEME),
        ("host=db password=hunter2", SCHEME),
        ("postgresql://app:hun/ter2@db/gate", ENCODE),
        ("postgresql://app:hun?ter2@db/gate", ENCODE),
        ("postgresql://app:hun#ter2@db/gate", ENCODE),
        ("postgresql://app:hun@ter2@db/gate", ENCODE),
        ("postgresql://app:hun%ter2@db/gate", ENCODE),
        ("postgresql://app:hun[ter2@db/gate", ENCODE),
        ("postgresql://app:hun ter2@db/gate", ENCODE),
        ("postgresql://app:hun%FFter2@db/gate", ENCODE),
        ("postgresql://app:hunter2@db:many/gate", PLACE),
        ("postgresql://app:hunter2@db:99999/gate", PLACE),
        ("postgresql://app:hunter2@db:0/gate", PLACE),
        ("postgresql://app:hunter2@::1/gate", PLACE),
        ("postgresql://app:hunter2/gate", PLACE),
        (
            "postgresql://db/gate",
            "SETTING names no role: it must be like postgresql://role:password@host/database.",
        ),
        ("postgresql://app:hunter2@db", DATABASE),
        ("postgresql://app:hunter2@db/", DATABASE),
        ("postgresql://app:hunter2@db/a/b", DATABASE),
        ("postgresql://app:hunter2@db/gate%00", "SETTING holds a NUL character."),
        (
            "postgresql://app:hunter2@db/gate?pool=on",
            "SETTING has an option, after its ?, which PostgreSQL does not know.",
        ),
    ],
)
def test_a_postgresql_url_that_cannot_be_meant(text, told):
    assert sentence(configuration.postgresql, text) == told


@pytest.mark.parametrize(
    "text",
    [
        "redis://cache",
        "redis://cache:6380/3",
        "redis://cache/0/",
        "redis://:p%2Fss@cache/0",
        "rediss://user:word@[::1]:6390/3?ssl_cert_reqs=none",
        "redis://cache?db=3",
        "unix:///run/redis.sock?db=3",
        "unix://user:word@/run/redis.sock",
    ],
)
def test_redis_urls(text):
    assert configuration.redis("SETTING", text) == text


ONE = "SETTING must be one Redis server: Sentinel and Cluster are not supported."
LIKE = "SETTING must be like redis://:password@host:6379/0, with a number as the database."
OPTION = "SETTING has an option, after its ?, which the Redis client does not know."


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("cache:6379", "SETTING must begin with redis:// or rediss:// or unix://."),
        ("http://cache:6379", "SETTING must begin with redis:// or rediss:// or unix://."),
        ("redis+sentinel://:hunter2@a:1,b:2/0", ONE),
        ("redis-sentinel://a", "SETTING must begin with redis:// or rediss:// or unix://."),
        ("rediss+cluster://a", ONE),
        ("redis://a:1,b:2/0", "SETTING must name one Redis server, not several."),
        ("redis://:hun/ter2@cache/0", ENCODE),
        ("redis://:hun?ter2@cache/0", ENCODE),
        ("redis://:hun#ter2@cache/0", ENCODE),
        ("redis://:hun@ter2@cache/0", ENCODE),
        ("redis://:hun%ter2@cache/0", ENCODE),
        ("redis://:hun]ter2@cache/0", ENCODE),
        ("redis://:hunter2", PLACE),
        ("redis://cache:many/0", PLACE),
        (
            "redis://hunter2@cache/0",
            "SETTING has a user without a password: a password alone is redis://:password@host.",
        ),
        ("redis:///0", LIKE),
        ("redis://cache/zero", LIKE),
        ("redis://cache/0/1", LIKE),
        ("redis://cache/-1", LIKE),
        ("redis://cache/٣", LIKE),
        ("redis://cache/0?db=many", OPTION),
        ("redis://cache/0?colour=red", OPTION),
        ("unix://", "SETTING must begin with redis:// or rediss:// or unix://."),
        ("unix:///", "SETTING must be like unix:///run/redis/redis.sock?db=0."),
        ("unix://cache/redis.sock", "SETTING must be like unix:///run/redis/redis.sock?db=0."),
    ],
)
def test_a_redis_url_that_cannot_be_meant(text, told):
    assert sentence(configuration.redis, text) == told


def test_mail_servers():
    def meant(text):
        found = configuration.mail_server("SETTING", text)
        return found and tuple(
            found[name] for name in ("host", "port", "username", "password", "use_tls", "use_ssl")
        )

    assert [
        meant(text) for text in ("", "smtp://mail.example", "smtp+tls://ada:hun%40ter2@mail.example:25")
    ] == [
        {},
        ("mail.example", 25, "", "", False, False),
        ("mail.example", 25, "ada", "hun@ter2", True, False),
    ]
    assert meant("smtp+ssl://[::1]/") == ("::1", 465, "", "", False, True)
    like = "SETTING must be like smtp+tls://user:password@mail.example:587."
    for text in ("smtp://", "smtp://a,b", "smtp://mail.example/x", "smtp://mail.example?ssl=on"):
        assert sentence(configuration.mail_server, text) in (
            like,
            "SETTING must begin with smtp:// or smtp+tls:// or smtp+ssl://.",
        )


def test_certificates_that_are_trusted():
    pem = certificates.made("Authority").pem
    assert configuration.certificates("SETTING", "") == ""
    assert configuration.certificates("SETTING", 2 * pem) == 2 * pem
    for bad in ("/etc/authority.pem", pem[:200], pem.replace("CERT", "cert"), "é"):
        assert sentence(configuration.certificates, bad) == (
            "SETTING must be certificates in PEM, one after the other."
        )


@pytest.mark.parametrize("text", ["alerts@acme.example", "Gatehouse of Acme <alerts@acme.example>"])
def test_mail_addresses(text):
    assert configuration.mail_address("SETTING", text, needed=True) == text
    assert configuration.mail_address("SETTING", "", needed=False) == ""
    told = "SETTING must be the address that mails are from, such as gatehouse@acme.example."
    for bad in ("", "alerts", "a@b@c", "a\nb <a@b>", "<a@b>", "a@b, c@d"):
        with pytest.raises(SettingError) as refused:
            configuration.mail_address("SETTING", bad, needed=True)
        assert str(refused.value) == told


@pytest.mark.parametrize("meaning", [configuration.postgresql, configuration.redis])
@pytest.mark.parametrize("character", list("!\"#$&'()*+,/:;<=>?@[\\]^`{|}~% \t\n\u00fc"))
def test_no_password_is_ever_told(meaning, character):
    scheme = meaning.__name__
    for text in (
        f"{scheme}://user:hun{character}ter2@host:1/0",
        f"{scheme}://user:{character}hunter2@host/0",
        f"{scheme}://:hunter2{character}@host/0",
    ):
        try:
            meaning("SETTING", text)
        except SettingError as error:
            assert "hun" not in str(error)
            assert "ter2" not in str(error)
