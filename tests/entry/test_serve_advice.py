"""What `serve` says at its start about how it is reached."""

import pytest

from dashboard.engines import listening, supervisor
from dashboard.management.commands.serve import advise

WARNING = (
    "Port {port} is open on every address: let the TLS proxy alone reach it, for whoever else does can write "
    "X-Forwarded-For, by which failed sign-ins are counted."
)


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize(
    ("host", "https", "warned"),
    [
        ("0.0.0.0", True, True),  # noqa: S104
        ("::", True, True),
        ("0", True, True),
        ("127.0.0.1", True, False),
        ("localhost", True, False),
        ("0.0.0.0", False, False),  # noqa: S104
    ],
)
def test_a_port_behind_a_proxy_that_everybody_reaches_is_named(settings, capsys, host, https, warned):
    settings.HTTPS = https
    with listening.listen(host, 0) as listener:
        port = listener.getsockname()[1]
        advise(supervisor.Base(listener, None, ("127.0.0.1", port)))
    lines = capsys.readouterr().out.splitlines()
    assert (WARNING.format(port=port) in lines) is warned


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize("embedded", [True, False])
def test_where_the_redis_is_that_no_setting_names_is_told(settings, capsys, embedded):
    settings.EMBEDDED_REDIS = embedded
    with listening.listen("127.0.0.1", 0) as listener:
        advise(supervisor.Base(listener, None, listener.getsockname()))
    said = f"Gateways share a Redis with Gatehouse: its address is in {settings.VAR / 'valkey.url'}."
    assert (said in capsys.readouterr().out.splitlines()) is embedded
