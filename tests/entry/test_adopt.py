import pytest
from django.core.management import CommandError, call_command

from keys.models import FoundSession, Key
from orgs import scope
from tests.keys import build
from tests.keys.adoption.build import NAME, write


@pytest.fixture
def run(capsys, cast, redis):
    def run(*arguments):
        call_command("adopt", *arguments, skip_checks=False)
        return capsys.readouterr().out.splitlines()

    return run


def hashes(org):
    with scope.org(org.id):
        return sorted(Key.objects.values_list("token_hash", flat=True))


def test_sessions_are_listed_taken_over_and_checked_by_command(cast, redis, run):
    orders, strange = build.api(cast.acme), build.api(cast.globex)
    write(redis, cast.acme, orders)
    write(redis, cast.acme, orders, strange, name="c" * 64)
    write(redis, cast.globex, strange, name="d" * 8)
    assert [line.split()[:4] for line in sorted(run("list", "--org", "acme"))] == [
        ["acme", NAME, "key", "whole"],
        ["acme", "c" * 64, "key", "cut"],
    ]
    assert len(run("list")) == 3
    with pytest.raises(CommandError):
        run("check")
    with pytest.raises(CommandError):
        run("import", "--org", "acme", "--all")
    assert hashes(cast.acme) == [NAME]
    assert run("import", "--org", "acme", "--all", "--cut")[-1] == "1 of 1 taken over"
    assert run("import", "--org", "globex", "d" * 8) == ["1 of 1 taken over"]
    assert (hashes(cast.acme), hashes(cast.globex)) == ([NAME, "c" * 64], ["d" * 8])
    build.deliver(redis)
    assert run("check") == ["3 sessions, 0 open what they must not"]


@pytest.mark.parametrize(
    "arguments", [("--org", "nobody", "--all"), ("--org", "acme"), ("--org", "acme", "e" * 8)]
)
def test_what_cannot_be_meant_is_refused(cast, redis, run, arguments):
    write(redis, cast.globex, build.api(cast.globex), name="e" * 8)
    with pytest.raises(CommandError):
        run("import", *arguments)
    with scope.every_org():
        assert (Key.objects.count(), FoundSession.objects.count()) in ((0, 0), (0, 1))
