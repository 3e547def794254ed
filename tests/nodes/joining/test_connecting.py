import json
import re
from pathlib import Path

import pytest

from dashboard.nodes.joining import connecting
from dashboard.nodes.joining.connecting import configuration


def test_the_block_names_the_dashboard_and_the_redis_without_its_password():
    text = configuration(
        "https://gate.example", "rediss://user:hunter2@cache.example:6390/3", own_secret="own"
    )
    assert json.loads(text) == {
        "secret": "own",
        "node_secret": "THE-NODE-SECRET",
        "use_db_app_configs": True,
        "db_app_conf_options": {
            "connection_string": "https://gate.example",
            "node_is_segmented": False,
            "tags": [],
        },
        "policies": {
            "policy_source": "service",
            "policy_connection_string": "https://gate.example",
            "allow_explicit_policy_id": True,
        },
        "storage": {
            "type": "redis",
            "host": "cache.example",
            "port": 6390,
            "database": 3,
            "username": "user",
            "password": "THE-PASSWORD-OF-REDIS",
            "use_ssl": True,
        },
        "hash_keys": True,
        "hash_key_function": "sha256",
        "enable_analytics": True,
        "analytics_config": {"storage_expiration_time": -1},
        "allow_master_keys": False,
        "allow_insecure_configs": False,
        "enable_custom_domains": True,
        "enable_jsvm": False,
        "disable_virtual_path_blobs": True,
        "coprocess_options": {"enable_coprocess": False},
        "enable_bundle_downloader": False,
        "secrets": {},
        "kv": {},
    }


def test_the_secret_is_in_it_only_if_it_is_given():
    text = configuration("http://127.0.0.1:8000", "redis://127.0.0.1", "given")
    assert json.loads(text)["node_secret"] == "given"
    assert json.loads(text)["storage"] == {"type": "redis", "host": "127.0.0.1", "port": 6379, "database": 0}


def test_every_block_closes_the_gateways_own_api_with_a_new_secret():
    made = [json.loads(configuration("http://a", "redis://b"))["secret"] for _ in range(2)]
    assert made[0] != made[1]
    assert [len(secret) for secret in made] == [43, 43]


def test_readme_shows_the_same_block():
    readme = (Path(__file__).parents[3] / "README.md").read_text()
    block = json.loads(
        readme.partition("## Connecting a gateway")[2].partition("```json")[2].partition("```")[0]
    )
    made = json.loads(
        configuration("http://gatehouse.example:8000", "redis://:x@redis.example:6379/0", "…", "…")
    )
    made["storage"] |= {"host": "…", "password": "…"}
    assert block == made


@pytest.mark.parametrize(
    ("url", "host", "port", "database"),
    [
        ("redis://cache", "cache", 6379, 0),
        ("redis://cache/", "cache", 6379, 0),
        ("redis://cache:6380/3/", "cache", 6380, 3),
        ("redis://cache?db=4", "cache", 6379, 4),
        ("redis://cache/3?db=4", "cache", 6379, 4),
        ("redis://[::1]:6390/0", "::1", 6390, 0),
        ("unix:///run/redis/redis.sock?db=2", "THE-GATEWAYS-REDIS", 6379, 2),
        ("unix://user:word@/run/redis/redis.sock", "THE-GATEWAYS-REDIS", 6379, 0),
    ],
)
def test_every_redis_url_that_may_be_set_makes_a_block(url, host, port, database):
    storage = json.loads(configuration("https://gate.example", url))["storage"]
    assert (storage["host"], storage["port"], storage["database"]) == (host, port, database)


@pytest.mark.parametrize(
    ("url", "held"),
    [
        ("redis://cache", {}),
        ("redis://:hunter2@cache", {"password": "THE-PASSWORD-OF-REDIS"}),
        ("redis://user@cache", {"username": "user"}),
        ("redis://us%40er:hunter%2F2@cache", {"username": "us@er", "password": "THE-PASSWORD-OF-REDIS"}),
        ("rediss://cache", {"use_ssl": True}),
        ("unix://:hunter2@/run/redis.sock", {"password": "THE-PASSWORD-OF-REDIS"}),
    ],
)
def test_the_block_says_how_one_signs_in_to_redis_and_only_where_one_does(url, held):
    text = configuration("https://gate.example", url)
    storage = json.loads(text)["storage"]
    assert {name: storage[name] for name in storage.keys() - {"type", "host", "port", "database"}} == held
    assert [secret for secret in ("hunter2", "hunter%2F2", "hunter/2") if secret in text] == []


def test_all_forms_say_the_same_in_the_names_that_gateways_have_for_it():
    settings = connecting.settings_of("https://gate.example", "rediss://u:p@[::1]:6390/3", "se$ret", "own")
    variables = {
        "TYK_GW_SECRET": "own",
        "TYK_GW_NODESECRET": "se$ret",
        "TYK_GW_USEDBAPPCONFIGS": "true",
        "TYK_GW_DBAPPCONFOPTIONS_CONNECTIONSTRING": "https://gate.example",
        "TYK_GW_DBAPPCONFOPTIONS_NODEISSEGMENTED": "false",
        "TYK_GW_POLICIES_POLICYSOURCE": "service",
        "TYK_GW_POLICIES_POLICYCONNECTIONSTRING": "https://gate.example",
        "TYK_GW_POLICIES_ALLOWEXPLICITPOLICYID": "true",
        "TYK_GW_STORAGE_TYPE": "redis",
        "TYK_GW_STORAGE_HOST": "::1",
        "TYK_GW_STORAGE_PORT": "6390",
        "TYK_GW_STORAGE_DATABASE": "3",
        "TYK_GW_STORAGE_USERNAME": "u",
        "TYK_GW_STORAGE_PASSWORD": "THE-PASSWORD-OF-REDIS",
        "TYK_GW_STORAGE_USESSL": "true",
        "TYK_GW_HASHKEYS": "true",
        "TYK_GW_HASHKEYFUNCTION": "sha256",
        "TYK_GW_ENABLEANALYTICS": "true",
        "TYK_GW_ANALYTICSCONFIG_STORAGEEXPIRATIONTIME": "-1",
        "TYK_GW_ALLOWMASTERKEYS": "false",
        "TYK_GW_ALLOWINSECURECONFIGS": "false",
        "TYK_GW_ENABLECUSTOMDOMAINS": "true",
        "TYK_GW_ENABLEJSVM": "false",
        "TYK_GW_DISABLEVIRTUALPATHBLOBS": "true",
        "TYK_GW_COPROCESSOPTIONS_ENABLECOPROCESS": "false",
        "TYK_GW_ENABLEBUNDLEDOWNLOADER": "false",
    }
    assert connecting.variables(settings) == variables
    lines = connecting.environment(settings).splitlines()
    assert dict(line.split("=", 1) for line in lines) == variables
    compose = re.findall(r'^      (\w+): (".*")$', connecting.compose(settings), re.MULTILINE)
    assert {name: json.loads(text).replace("$$", "$") for name, text in compose} == variables
    helm = re.findall(r'- name: (\w+)\n +value: (".*")', connecting.helm(settings))
    del variables["TYK_GW_STORAGE_HOST"], variables["TYK_GW_STORAGE_PORT"]
    assert {name: json.loads(text) for name, text in helm} == {
        **variables,
        "TYK_GW_STORAGE_ADDRS": "[::1]:6390",
    }
