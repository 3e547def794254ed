import json

from dashboard.nodes.connecting import configuration


def test_the_block_names_the_dashboard_and_the_redis_without_its_password():
    text = configuration("https://gate.example", "rediss://user:hunter2@cache.example:6390/3")
    assert json.loads(text) == {
        "node_secret": "THE-NODE-SECRET",
        "use_db_app_configs": True,
        "db_app_conf_options": {
            "connection_string": "https://gate.example",
            "node_is_segmented": False,
            "tags": [],
        },
        "policies": {"policy_source": "service", "policy_connection_string": "https://gate.example"},
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
        "enable_custom_domains": True,
        "enable_jsvm": False,
    }


def test_the_secret_is_in_it_only_if_it_is_given():
    text = configuration("http://127.0.0.1:8000", "redis://127.0.0.1", "given")
    assert json.loads(text)["node_secret"] == "given"
    assert json.loads(text)["storage"] == {"type": "redis", "host": "127.0.0.1", "port": 6379, "database": 0}
