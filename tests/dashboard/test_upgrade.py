"""A database of version 0.1.0 with rows in it becomes one of today, whole (data/upgrade/README.md)."""

import gzip
import hashlib
import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection, connections
from django.test import Client
from psycopg import sql

from apis.gateways import delivery
from apis.models import Outbox
from apis.publishing import columns
from dashboard.nodes.reloads import signals
from keys.keys import search
from keys.keys.words import words
from keys.models import Key
from orgs import scope
from orgs.models import Organisation
from tests.keys import build

ROOT = Path(__file__).resolve().parent.parent.parent
DATA = Path(__file__).parent / "data" / "upgrade"
EXPECTED = json.loads((DATA / "expected.json").read_text())

# Databases out there were made by these files as they are: whoever edits one has two schemas under one name.
LANDED = {
    "apis/migrations/0001_initial.py": "cee5fe1330922b76ac1f4f59eeb0dbd734805931b25b53e3409f128f9806da68",
    "apis/migrations/0002_limits.py": "dfb65cb53f97c5cdcf247f852860175b0c1f59e4feed8ac037d0aa73768629a9",
    "apis/migrations/0003_later_messages.py": "8331cee363a8c0a14838fe76c456643b8514f85c10db2ac0c54e70da64fbf7b7",
    "apis/migrations/0004_definition_columns.py": (
        "40aada4777cf45c6d06621e92e29b76425ef9efa949f7ce9331e6a02646fbcf4"
    ),
    "apis/migrations/0005_message_claims.py": (
        "6c015c7493f5f612f10f67298bbf8bed65ae008bde178c7057e593171a9167c8"
    ),
    "apis/migrations/0006_packed_feed.py": "765e4cdf826d6d3e22222477be928cac6f7b9cf4eb3d924b12636466b0a9ebb1",
    "apis/migrations/0007_notices.py": "bd4cae350165bb0ce5307802958340252e14e2a597b4ece224cf170c8a575128",
    "apis/migrations/0008_named_policies.py": (
        "0a13b39c2812dd549a078771698354c08d5ed66991f8509f82157bb3a9473e30"
    ),
    "apis/migrations/0009_client_certificates.py": (
        "8b2958d15543b238d48dfc6a7f11ea7eb67057f0a284157bf4f3cd3b0731da00"
    ),
    "apis/migrations/0010_wrapper.py": "e7db678572558974829bbd0700d6b81b1005418d987567e092f23b2503bdb646",
    "apis/migrations/0011_draft.py": "29f8118dc3e261b15b6a73ebdcf13c54ecddc6010ad4775c7489aa168cb1d719",
    "apis/migrations/0013_assets.py": "fd37c19a0d4b527b4a61a850f79cc92dfb5fe1ec078c13e62f29124497664806",
    "apis/migrations/0014_domains.py": "1cb53503ef6911f5aa5dd8991fa37e427fd1880f587a3565e696a40915a77ea2",
    "apis/migrations/0015_revision_by_time.py": (
        "a0cec6444b9e0a71b068ea6e9bb10d5892a419f0986b99bf0842b60e67d1bca5"
    ),
    "dashboard/alerts/migrations/0001_initial.py": "6f7bd78ff4f4612997d12069b421b2f3d4b58b19944eb5e7707cd8b0e63f0993",
    "dashboard/alerts/migrations/0002_late_and_more.py": (
        "75b1da4bf83094056c2f074be188bc43c20e294a3973cf89083cdc47aaf982bb"
    ),
    "dashboard/analytics/migrations/0001_initial.py": (
        "acd003c010f69e183f5e00b897ce6d1db64d18dfc5794f30df4d7ce1277e1091"
    ),
    "dashboard/analytics/migrations/0002_clock_in_doubt.py": (
        "cc80d2d17d0b4033306d3958b3854d7d10e2d49b6ab3d725a22382eb47854568"
    ),
    "dashboard/analytics/migrations/0003_rollup_cut.py": (
        "7fe475d3054b68532a78ae5cd2b9143080cdeaeb3a442200a54805566170a105"
    ),
    "dashboard/analytics/migrations/0004_names.py": "4c79dcb6e2f7a3cdb83ec5a25d0c2abb4d3f03af43287d97035341a78894b7da",
    "dashboard/analytics/migrations/0005_folding.py": (
        "b3b55d93f09a13bcaa738921a933c5477bd2e792bee83fcb4d6ef1a418078b46"
    ),
    "dashboard/analytics/migrations/0006_oauth_client.py": (
        "14c17c9667022bc22ab4eeb641932ffb7a3c24669a06e90dab43c717fab2e050"
    ),
    "dashboard/analytics/migrations/0007_uptime.py": "682bfc0ca2c594b944ff5c58cfd5a5ad571b94785a25ab1e22a018bec1061ad9",
    "dashboard/analytics/migrations/0008_bigint_sum.py": (
        "3f585c6bd611954fc8199893c7faf4d2d07a84b7cc5b8f1f0a4159c4a2dc7c42"
    ),
    "dashboard/analytics/migrations/0009_bodies.py": "c1139acfc8a2a2244970a766401167c7b4443f1f846c6dc13ad79974b8e20afa",
    "dashboard/analytics/migrations/0010_rebuild.py": (
        "da256735e775f03184274334393769546c89f84453dc29ae16e639b0b08a2c29"
    ),
    "dashboard/analytics/migrations/0011_dimension_set.py": (
        "504000ea26d4ab6c5fb5d1b54cd042aa8b86787ece4078fd8eb56ffb9e007364"
    ),
    "dashboard/analytics/migrations/0012_recount.py": (
        "12ed2c24ae52150d508814f3fe1e8e2135d8230a51c4d3e2dcee0bf582219997"
    ),
    "dashboard/analytics/migrations/0013_periods.py": (
        "6d984f0a0a01fd1dd5aac72f6696b83537fca6bb39c0d8709cb6a2e184bf2598"
    ),
    "dashboard/analytics/migrations/0014_rows_of_keys.py": (
        "6862a0fc053ab00fc246a7eee79485db08896e49f5cc51fa5b09c2fde37ab4d3"
    ),
    "dashboard/analytics/migrations/0015_mcp.py": (
        "cf159208e92ddff0058eb59e5c0296d122c4a67b1347b218d9183422757e7f04"
    ),
    "dashboard/analytics/migrations/0016_days_from_hours.py": (
        "7e8e8aacbf04cb8b22f048707c641609aa43f3f6da0806fca360915e87c2cfb2"
    ),
    "dashboard/nodes/migrations/0001_initial.py": (
        "cf725cf05147ed118136e65ba77827d24cb4f0e3d657dbbb10e0372c0b7f49e1"
    ),
    "dashboard/nodes/migrations/0002_signal_claims.py": (
        "8c37fd8b77b5b6f8140248d116ab0d52ab1f45128d014e60b64aec5514201f43"
    ),
    "dashboard/nodes/migrations/0003_policies_version.py": (
        "8d656f971788ca3c7ffef6d406cd7a2b683d6f972131170aaf7c7bbf2b5377e4"
    ),
    "dashboard/nodes/migrations/0004_former_secret.py": (
        "0a16dac766af69c912061e52ac1342a54b4da6008b122e005e5dfc5541695773"
    ),
    "dashboard/nodes/migrations/0005_reload_requests.py": (
        "3c9a25e838248d317e953ddeb77098c18e1e1928aa6ce14252ecb9dc05306e99"
    ),
    "dashboard/nodes/migrations/0007_gateway_control.py": (
        "1c675ca2861b454f29ed8638380a4b34df9620dad8d54ae7e4cfb94177866463"
    ),
    "orgs/migrations/0008_retention.py": "af4573f4add5803e1aea64248874ab27c3ca03ee2267db3b39e389e6c38eae2b",
    "dashboard/nodes/migrations/0008_run_otherwise_policies.py": (
        "0b456a4302c687b08fb76ae8d2cde3a370d881bff5e113754f8e64b665c3f5cf"
    ),
    "dashboard/nodes/migrations/0009_former_node.py": (
        "194e10e3397fd46e125a5be3a30bd986c7caa58e8c472af3caa12ffff649170f"
    ),
    "dashboard/nodes/migrations/0006_fleet.py": "78f53c1f82f2c5150ee47a51be1e7cbc31a58d72157057d60eb42c0fc02536f2",
    "keys/migrations/0001_initial.py": "3d020dfb07a60c6d773bb490f2f63ec7e6575740e338a5b5b4a925b9ff575fdc",
    "keys/migrations/0002_limits.py": "7ff1bc5d99bc3da23c6cc03659855bdad12652e276bd843a7aaca3f7fd010682",
    "keys/migrations/0003_sweep.py": "91f7b9ac0694f94d275df05f9953fe426ffe634ad87376c95a24b62deb5f226c",
    "keys/migrations/0004_search.py": "74d22d1c4753d8704a84b1786fbd91ae4c275f62b294e87b81ef2fa67cc101b6",
    "keys/migrations/0005_key_for_all.py": "5b20146dd59cb14843c3f629cb7d120a2b5ae731ea8f53d47b3d7824c6948a9d",
    "keys/migrations/0006_policies.py": "282377e5ddab77f21276287d5b239f73f756de8f1a7c3017853de49abe860e19",
    "keys/migrations/0007_session_extra.py": (
        "a2bb60c29412ef29e8c5c08e66f40584750c4647c0544ecd35116eec92bdbff0"
    ),
    "keys/migrations/0008_credentials.py": "051bc5e32dd0d41578da4771f82fe77b6183097731df444567b2ab4f3b4c7b1d",
    "keys/migrations/0015_refill.py": "a4fec5f047571c1716b3d761b3929efae10431ccca58f1b05b2d89cee6315072",
    "keys/migrations/0016_chosen_ids.py": "09e9e3b3fe9af6e27bb6a921d17bc4c1591d401eac7af7e5d81c0d2add7f56da",
    "keys/migrations/0017_bulk_actions.py": "55411005243b77248ef08c7f316d4e6b71c001ec5abfaab0b923cde3a522eadc",
    "keys/migrations/0018_organisation_keys.py": (
        "274c215c61d103ef5022e3ff473a3fd532805d320304456daf059f02d3c454ce"
    ),
    "keys/migrations/0019_adoption.py": "5ce480fd3ff6be419413990d3c653d8b576452e39ed92684b3bc349b2e7ad7b2",
    "keys/migrations/0020_more_words.py": "64e3b52b5fd3747c382c11ffc8bd2f66feccd8e4948d63bd2db5b88665fc91e6",
    "keys/migrations/0021_oauth.py": "291716211ad11ede39a98bf3f6f123f876e71e4a0e28d691177a74bf10a1ce70",
    "keys/migrations/0022_rotation.py": "f6297cfaa124ee57a8f1fd0a3662ddb0f8cda58f109367bb349fd1ffaf892277",
    "keys/migrations/0023_rights.py": "8468a347ca6ddebb4263eb8bf775e5367484eb15373f7ce6a8dadc4f8b2263d8",
    "keys/migrations/0024_certificates.py": "36381159d5dc3ea4aeb2ee531ce5997f513398425472cfce82c91017fdf8e5ff",
    "keys/migrations/0025_key_certificates.py": "eabf3dacc6c031fdc945afc3ed9679c8569493834bb6dee754464f119ace700d",
    "orgs/migrations/0001_initial.py": "4c50f05217cb5f59905bb1c1e21d0a4cbbb8f581d41162b3edba6420ac9e4f56",
    "orgs/migrations/0002_limits.py": "0cc87cf4e1f6a150c8adea2c8e1fbb227f57a033bbef079cd65f54347a7fd3b1",
    "orgs/migrations/0003_change_numbers.py": (
        "faf32f840907015854e42fcc645782a8162bb3f5a79fd97e43462bf71faa01a4"
    ),
    "orgs/migrations/0004_sign_in.py": "bc3a0d71e3c37e8a3c3f594835e3f4a42c872fc84412db1f0d9d6ad3eae934ea",
    "orgs/migrations/0005_policy_limits.py": "ae606cbfc97ad6e763beed4c7760d0701f2fe3ceb3cafcec50b2f169b2177860",
    "orgs/migrations/0006_chosen_ids.py": "f86c6deb3f647df8423c1bc3b8d716d044f7054509e486bccd042e5cc7d07f3a",
    "orgs/migrations/0007_audit_by_object.py": (
        "0fbbff00c11d9f33e594f6760f6f879d39b598f04482f8ebea66802b417f9913"
    ),
}
# Tables to which migrating itself adds rows, and columns that a migration fills anew, with the reason.
GROWING = {"django_migrations", "django_content_type", "auth_permission"}
FILLED_ANEW = {("orgs_organisation", "slug"): "slugs have one case"}
RENAMED = {
    "record": {"lat_total": "latency", "lat_up": "upstream_latency"},
    "rollup": {
        **{"dim": "dimension", "val": "value", "s3": "status_3xx", "s4": "status_4xx", "s5": "status_5xx"},
        **{"lat_sum": "latency_sum", "up_hits": "upstream_hits", "up_sum": "upstream_sum"},
        **{"lat_max": "latency_max", "lat": "latency_histogram"},
    },
}

# Partitions of time come and go with the traffic, and inherit all that matters.
_OURS = r"c.relnamespace = 'public'::regnamespace AND c.relname !~ '_[0-9]{6}([0-9]{2})?(_|$)'"
CATALOGUE = {
    "tables": f"""
        SELECT c.relname, c.relkind, r.rolname, c.relrowsecurity, c.relforcerowsecurity, c.reloptions
        FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner WHERE {_OURS}""",
    "grants": f"""
        SELECT c.relname, g.privilege_type, g.is_grantable, coalesce(r.rolname, 'PUBLIC')
        FROM pg_class c, aclexplode(c.relacl) g LEFT JOIN pg_roles r ON r.oid = g.grantee WHERE {_OURS}""",
    "columns": f"""
        SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity,
               a.attgenerated, l.collname, pg_get_expr(d.adbin, d.adrelid), a.attacl::text
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
        LEFT JOIN pg_collation l ON l.oid = a.attcollation WHERE {_OURS}""",
    "indexes": f"""
        SELECT c.relname, pg_get_indexdef(i.indexrelid), i.indisvalid
        FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE {_OURS}""",
    "constraints": f"""
        SELECT c.relname, t.conname, pg_get_constraintdef(t.oid), t.convalidated
        FROM pg_constraint t JOIN pg_class c ON c.oid = t.conrelid WHERE t.contype <> 'n' AND {_OURS}""",
    "policies": f"""
        SELECT c.relname, p.polname, p.polpermissive, p.polcmd,
               ARRAY(SELECT rolname FROM pg_roles WHERE oid = ANY(p.polroles) ORDER BY 1)::text[],
               pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)
        FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid WHERE {_OURS}""",
    "triggers": f"""
        SELECT c.relname, pg_get_triggerdef(t.oid)
        FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal AND {_OURS}""",
    "functions": """
        SELECT p.proname, r.rolname, p.proacl::text,
               CASE WHEN a.aggfnoid IS NULL THEN pg_get_functiondef(p.oid)
                    ELSE concat_ws(' ', pg_get_function_arguments(p.oid),
                                   a.aggtransfn, a.aggcombinefn, a.agginitval) END
        FROM pg_proc p JOIN pg_roles r ON r.oid = p.proowner LEFT JOIN pg_aggregate a ON a.aggfnoid = p.oid
        WHERE p.pronamespace = 'public'::regnamespace""",
    "applied": "SELECT app, name FROM django_migrations",
}


def superuser(database: str) -> psycopg.Connection:
    url = os.environ["SCRATCH_SUPERUSER_URL"].replace("/postgres?", f"/{database}?")
    return psycopg.connect(url, autocommit=True)


def rows_of(database: str) -> dict[str, list[tuple]]:
    """Every row, as {column: value}, of every table that is not a part of another, by table."""
    with superuser(database) as connection:
        tables = connection.execute(
            "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition "
            "AND relnamespace = 'public'::regnamespace"
        ).fetchall()
        return {
            table: [
                row
                for (row,) in connection.execute(
                    sql.SQL("SELECT to_jsonb(t) FROM {} t").format(sql.Identifier(table))
                )
            ]
            for (table,) in tables
        }


@pytest.fixture(scope="module")
def upgraded(django_db_setup, django_db_blocker):
    """Name of the database after `manage.py migrate`, the rows that it had before, and those it had then."""
    name = f"{connections['default'].settings_dict['NAME']}_upgraded"
    with superuser("postgres") as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        connection.execute(f'CREATE DATABASE "{name}" OWNER gatehouse_owner')
    with superuser(name) as connection:
        connection.execute(gzip.decompress((DATA / "database.sql.gz").read_bytes()))
    before = rows_of(name)
    place = connections["default"].settings_dict["NAME"]
    urls = {
        variable: os.environ[variable].replace(f"/{place}?", f"/{name}?")
        for variable in ("DATABASE_URL", "DATABASE_MIGRATE_URL")
    }
    migrate = [sys.executable, ROOT / "manage.py", "migrate", "--skip-checks", "-v", "0"]
    subprocess.run(migrate, check=True, env=os.environ | urls, timeout=120)
    yield name, before, rows_of(name)
    with superuser("postgres") as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@pytest.fixture
def moved_in(upgraded, django_db_blocker, settings, redis):
    """The application on the upgraded database, with the secrets of those days and an empty Redis."""
    settings.SECRET_KEY = EXPECTED["secret_key"]
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
    connections.close_all()
    names = {alias: connections[alias].settings_dict["NAME"] for alias in connections}
    for alias in names:
        connections[alias].settings_dict["NAME"] = upgraded[0]
    with django_db_blocker.unblock():
        yield
    connections.close_all()
    for alias, name in names.items():
        connections[alias].settings_dict["NAME"] = name


def with_key(name: str) -> Client:
    return Client(headers={"Authorization": EXPECTED["people"][name]["access_key"]})


def test_no_landed_migration_was_edited_and_none_lands_without_its_pin():
    files = [*ROOT.glob("*/migrations/0*.py"), *ROOT.glob("dashboard/*/migrations/0*.py")]
    assert {
        str(file.relative_to(ROOT)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files
    } == LANDED


@pytest.mark.parametrize("part", CATALOGUE)
def test_the_schema_is_that_of_a_fresh_database(upgraded, part):
    found = []
    for database in ("gatehouse", upgraded[0]):
        with superuser(database) as connection:
            found.append(sorted(map(repr, connection.execute(CATALOGUE[part]).fetchall())))
    fresh, grown = found
    assert fresh
    assert ([row for row in grown if row not in fresh], [row for row in fresh if row not in grown]) == (
        [],
        [],
    )


def test_every_row_is_there_as_it_was(upgraded):
    _, before, after = upgraded
    assert set(before) - set(after) == set()
    for table, found in before.items():
        names = RENAMED.get(table, {})
        rows = [{names.get(column, column): value for column, value in row.items()} for row in found]
        assert not rows or set(names.values()) <= set(rows[0]), table
        common = [
            column
            for column in (rows[0] if rows else {})
            if column in (after[table] or [{}])[0] and (table, column) not in FILLED_ANEW
        ]
        old, new = (
            [{column: row[column] for column in common} for row in found] for found in (rows, after[table])
        )
        assert [row for row in old if row not in new] == [], table
        assert table in GROWING or len(old) == len(new), table


@pytest.mark.parametrize("name", [name for name in EXPECTED["people"] if name != "idle"])
def test_everybody_can_sign_in_with_password_and_access_key(moved_in, name):
    person = EXPECTED["people"][name]
    browser = Client()
    browser.post("/sign-in/", {"email": person["email"], "password": person["password"]})
    assert browser.get("/profile/").status_code == 200
    assert browser.session["_auth_user_id"] == person["id"]
    assert with_key(name).get(f"/api/users/{person['id']}").json()["id"] == person["id"]


def test_whoever_was_switched_off_or_left_stays_out(moved_in):
    for person in (EXPECTED["people"]["idle"], EXPECTED["left"]):
        browser = Client()
        browser.post("/sign-in/", {"email": person["email"], "password": person["password"]})
        assert browser.get("/profile/").status_code == 302
        answer = Client(headers={"Authorization": person["access_key"]}).get("/api/users/me")
        assert answer.status_code == 401


def pages(organisation: str) -> list[str]:
    """Every kind of page of an organisation, and one of each thing it has."""
    slug = Organisation.everyone.get(pk=EXPECTED["organisations"][organisation]).slug
    own = EXPECTED["organisations"][organisation]
    found = [
        "",
        "analytics/",
        "logs/",
        "apis/",
        "apis/new/",
        "keys/",
        "keys/new/",
        "people/",
        "nodes/",
        "audit/",
    ]
    with scope.org(own):
        ids = list(Key.objects.values_list("id", flat=True))
    found += [f"keys/{id}/" for id in ids]
    for name, api in EXPECTED["apis"].items():
        if api["org"] == own and name != "Deleted":
            found += [
                f"apis/{api['id']}/{part}" for part in ("", "edit/", "definition/", "history/", "history/1/")
            ]
    found += [f"people/{person['id']}/" for person in EXPECTED["people"].values() if person["org"] == own]
    return [f"/o/{slug}/{path}" for path in found]


def signed_in(name: str) -> Client:
    person = EXPECTED["people"][name]
    browser = Client()
    browser.post("/sign-in/", {"email": person["email"], "password": person["password"]})
    return browser


@pytest.mark.parametrize(("name", "organisation"), [("ada", "acme"), ("gus", "globex"), ("sue", "globex")])
def test_pages_answer(moved_in, name, organisation):
    browser, asked = signed_in(name), pages(organisation)
    if name == "sue":
        asked += [
            "/orgs/",
            "/nodes/",
            "/super-users/",
            "/audit/",
            f"/orgs/{EXPECTED['organisations']['acme']}/",
        ]
    assert {page: browser.get(page).status_code for page in asked} == dict.fromkeys(asked, 200)


def test_gateways_are_fed_the_same_bytes(moved_in):
    gateway = Client(headers={"Authorization": settings.NODE_SECRET, "X-Tyk-Session-Id": "session-1"})
    assert EXPECTED["feed"].encode() in gateway.get("/system/apis").content


def test_what_others_ask_of_a_definition_stands_in_columns(upgraded):
    _, _, after = upgraded
    repeated = {
        api["id"]: columns.columns(json.loads(api["definition_text"])) for api in after["apis_apidefinition"]
    }
    assert (
        {api["id"]: {name: api[name] for name in repeated[api["id"]]} for api in after["apis_apidefinition"]}
        == repeated
        != {}
    )


def test_a_gateway_that_had_registered_is_still_known(moved_in):
    gateway = Client(headers={"Authorization": settings.NODE_SECRET, "X-Tyk-Session-Id": "session-2"})
    assert gateway.get("/register/node").status_code == 409


def test_keys_are_delivered_as_they_were_and_a_revoked_one_is_not(moved_in, redis):
    build.sweep(redis)
    stored = {name: redis.get(f"apikey-{key['hash']}") for name, key in EXPECTED["keys"].items()}
    found = {name: json.loads(text) if text else None for name, text in stored.items()}
    wanted = EXPECTED["sessions"]
    kept = {name: {member: found[name][member] for member in wanted[name]} for name in found if found[name]}
    assert kept == {name: session for name, session in wanted.items() if session}


def test_the_message_that_waited_is_delivered(moved_in, redis):
    def waiting() -> int:
        with scope.every_org():
            return Outbox.objects.filter(done_at=None).count()

    assert waiting() == 1
    signals.tick(redis)
    delivery.deliver(redis)
    assert waiting() == 0


def test_every_organisation_knows_in_which_zone_its_figures_are_cut(upgraded):
    with superuser(upgraded[0]) as connection:
        cuts = connection.execute("SELECT org_id, base, zone, state FROM rollup_cut").fetchall()
        zones = connection.execute("SELECT id, 0, time_zone, 'active' FROM orgs_organisation").fetchall()
    assert sorted(cuts) == sorted(zones) != []


def test_it_is_known_since_when_endpoints_are_folded_as_they_are(upgraded):
    found = []
    for database in ("gatehouse", upgraded[0]):
        with superuser(database) as connection:
            found.append(connection.execute("SELECT folded_since <= now() FROM ingest_state").fetchall())
    assert found == [[(None,)], [(True,)]]


def test_the_figures_are_the_same(moved_in, upgraded):
    with superuser(upgraded[0]) as connection:
        rollups = connection.execute(
            "SELECT org_id, grain::text, dimension, sum(hits)::int, sum(status_4xx)::int, sum(status_5xx)::int, "
            "sum(latency_sum)::int, max(latency_max) FROM rollup GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
        ).fetchall()
        records = connection.execute(
            "SELECT org_id, count(*), sum(latency)::int FROM record GROUP BY 1 ORDER BY 1"
        ).fetchall()
    assert [list(row) for row in rollups] == EXPECTED["rollups"]
    assert [list(row) for row in records] == EXPECTED["records"]
    members = ("hits", "success", "error", "request_time", "latency")
    for name, answers in EXPECTED["usage"].items():
        for path, rows in answers.items():
            data = with_key(name).get(path).json()["data"] or []
            assert [[row[member] for member in members] for row in data] == rows, path


def test_keys_are_found_by_the_words_of_their_names(moved_in):
    with scope.every_org():
        named = [key for key in Key.objects.all() if words(key.alias, key.owner)]
        assert len(named) > 1
        for key in named:
            for word in words(key.alias, key.owner):
                assert key in search.found(text=word).keys


FILLED = {
    "keys.migrations.0004_search": ("keys.KeyWord", ("org_id", "key_id", "word")),
    "apis.migrations.0004_definition_columns": (
        "apis.ApiDefinition",
        ("id", "claimed_domain", "path_head", "versions", "auth", "target_url", "calls"),
    ),
    "apis.migrations.0006_packed_feed": ("apis.ServedApi", ("id", "packed")),
    "apis.migrations.0008_named_policies": ("apis.ApiDefinition", ("id", "policies")),
    "apis.migrations.0010_wrapper": ("apis.ApiDefinition", ("id", "kind", "categories")),
}
EMPTY = {"versions": [], "calls": [], "policies": [], "kind": "", "categories": [], "packed": b""}


@pytest.mark.parametrize("name", FILLED)
def test_rows_beyond_what_is_filled_at_once_are_filled_too(cast, monkeypatch, name):
    """The dump has few rows; a database that is used has many, of many organisations."""
    for org in (cast.acme, cast.globex):
        for number in range(5):
            made = build.api(
                org, f"Orders {number}", domain=f"{org.slug}.example", jwt_default_policies=[str(number)]
            )
            build.key(org, made, alias=f"Partner {number}", owner=org.slug)
    migration, (label, members) = importlib.import_module(name), FILLED[name]
    rows = apps.get_model(label).objects
    with scope.every_org():
        before = set(map(str, rows.values_list(*members)))
        if label == "keys.KeyWord":
            rows.all().delete()
        else:
            rows.update(**{member: EMPTY.get(member, "") for member in members[1:]})
        assert before.isdisjoint(map(str, rows.values_list(*members)))
    monkeypatch.setattr(migration, "AT_ONCE", 1)
    migration.fill(apps, SimpleNamespace(connection=connection))
    with scope.every_org():
        assert set(map(str, rows.values_list(*members))) == before
