"""What the commands do with their arguments, and with a machine that has no Django."""

import sys

import pytest

import manage
from dashboard.engines import addresses, embedded
from dashboard.management.commands import test as test_command
from dashboard.preparation import static_fingerprint


def test_without_django_the_same_command_goes_on_in_the_environment(run):
    if not manage.STAMP.exists():
        pytest.skip("this checkout has no .venv made by manage.py")
    # -S hides the installed packages, as on a machine that has none.
    process = run(
        "-S", str(manage.HERE / "manage.py"), "shell", "-v", "0", "-c", "import sys; print(sys.prefix)"
    )
    output, errors = process.communicate(timeout=60)
    assert (output.strip(), process.returncode) == (str(manage.ENVIRONMENT), 0), errors


@pytest.mark.parametrize(
    ("arguments", "spread"),
    [
        ([], True),
        (["tests/orgs", "-q"], True),
        (["tests/orgs/test_scope.py", "tests/keys/keys/test_token.py"], True),
        (["-k", "some name"], True),
        (["tests/orgs/test_scope.py"], False),
        (["tests/orgs/test_scope.py::test_one"], False),
        (["-n", "4"], False),
        (["-n4"], False),
        (["--pdb"], False),
        (["-p", "no:xdist"], False),
    ],
)
def test_tests_are_spread_over_processors_unless_the_caller_chose_or_named_one_file(arguments, spread):
    assert (test_command.parallel(arguments) != []) is spread


def test_the_tests_never_see_the_callers_engines_or_secrets(monkeypatch, tmp_path):
    monkeypatch.setenv("DATABASE_URL", "postgresql://real/data")
    monkeypatch.setenv("NODE_SECRET_FILE", "/real/secret")
    monkeypatch.setenv("ALLOWED_HOSTS", "real.example")
    monkeypatch.setenv("LANG_OF_CALLER", "kept")
    addresses.make_redis_url(tmp_path)
    engines = embedded.Engines(tmp_path, scratch=True, postgresql=True, valkey=True)
    environment = test_command.environment(engines)
    assert environment["DATABASE_URL"] == engines.database_url
    assert {"NODE_SECRET_FILE", "ALLOWED_HOSTS"} & set(environment) == set()
    assert environment["LANG_OF_CALLER"] == "kept"


def test_what_the_tests_compile_goes_with_their_engines_where_nothing_is_to_be_left(monkeypatch, tmp_path):
    addresses.make_redis_url(tmp_path)
    engines = embedded.Engines(tmp_path, scratch=True, postgresql=True, valkey=True)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    environment = test_command.environment(engines)
    compiled = environment["PYTHONDONTWRITEBYTECODE"], environment["PYTHONPYCACHEPREFIX"]
    assert compiled == ("", str(tmp_path / "pycache"))


def test_a_changed_static_file_changes_the_fingerprint_and_nothing_else_does(settings, tmp_path):
    (tmp_path / "a.css").write_text("a { color: red }")
    settings.STATICFILES_DIRS = [tmp_path]
    before = static_fingerprint()
    assert static_fingerprint() == before
    (tmp_path / "a.css").write_text("a { color: blue }")
    assert static_fingerprint() != before


def test_what_python_compiles_lies_in_var(run, var):
    shown = ("shell", "-v", "0", "-c", "import sys; print(sys.pycache_prefix)")
    process = run("manage.py", *shown, environment={"PYTHONPYCACHEPREFIX": ""})
    output, errors = process.communicate(timeout=60)
    assert (output.strip(), process.returncode) == (str(var.resolve() / "pycache"), 0), errors
