#!/usr/bin/env python3
"""The one entry point: `python3 manage.py demo`, `serve`, `worker`, `test`, and Django's own commands.

Where Django cannot be imported, it first makes .venv beside this file out of requirements.lock, and goes on
in there.
"""

import fcntl
import hashlib
import importlib.util
import os
import platform
import shutil
import signal
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ENVIRONMENT = HERE / ".venv"
PYTHON = ENVIRONMENT / "bin" / "python"
LOCK = HERE / "requirements.lock"
STAMP = ENVIRONMENT / "gatehouse-stamp"
HERE_ALREADY = (
    "GATEHOUSE_ENVIRONMENT"  # set for the one step into .venv, so that a broken one is not entered for ever
)


def main() -> None:
    if sys.version_info < (3, 11):  # noqa: UP036  an older Python reads as far as this
        sys.exit(f"Gatehouse needs Python 3.11 or newer; {sys.executable} is {platform.python_version()}.")
    # What Python compiles lies with all else that is made here, for our children too: the checkout stays as it is.
    if os.environ.get("GATEHOUSE_VAR"):
        os.environ["GATEHOUSE_VAR"] = str(
            Path(os.environ["GATEHOUSE_VAR"]).absolute()
        )  # children go elsewhere
    compiled = Path(os.environ.get("GATEHOUSE_VAR") or HERE / "var") / "pycache"
    sys.pycache_prefix = os.environ.get("PYTHONPYCACHEPREFIX") or str(compiled.resolve())
    os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix
    if importlib.util.find_spec("django") is None:
        go_on_in_environment()
    os.environ.pop(HERE_ALREADY, None)
    sys.path.insert(0, str(HERE))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
    if sys.argv[1:2] == ["serve"]:
        # It asks for a deploy, and is kept until `serve` can follow it.
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGHUP,))
    if sys.argv[1:2] == ["demo"]:
        # The settings, read before the command, depend on it; its children inherit it.
        os.environ |= {"DEMONSTRATION": "1", "HTTPS": "0"}
        os.environ.pop("HTTPS_FILE", None)
    execute()


def execute() -> None:
    """Run the command, or say in one sentence which setting keeps it from running."""
    from django.conf import settings  # noqa: PLC0415
    from django.core.management import execute_from_command_line  # noqa: PLC0415

    from dashboard.configuration import SettingError  # noqa: PLC0415
    from dashboard.engines.generated_secrets import make_missing  # noqa: PLC0415
    from dashboard.engines.processes import EngineError  # noqa: PLC0415

    try:
        make_missing(os.environ)
        settings.INSTALLED_APPS  # noqa: B018  read here, because Django goes on without them
        execute_from_command_line(sys.argv)
    except (SettingError, EngineError) as error:
        sys.exit(str(error))


def go_on_in_environment() -> None:
    """Replace this process by the same command in .venv, which is made first unless it is up to date."""
    if os.environ.get(HERE_ALREADY) == str(ENVIRONMENT):
        sys.exit(f"{ENVIRONMENT} has no Django, though it was just made: delete it and try again.")
    stamp = f"{hashlib.sha256(LOCK.read_bytes()).hexdigest()} {platform.python_version()}"
    with LOCK.open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of two commands started at once, one installs
        if not (STAMP.is_file() and STAMP.read_text() == stamp and PYTHON.exists()):
            print(
                f"Installing the packages of {LOCK.name} into {ENVIRONMENT}; this takes a moment …",
                flush=True,
            )
            make_environment()
            STAMP.write_text(stamp)
    os.environ[HERE_ALREADY] = str(ENVIRONMENT)
    os.execv(PYTHON, [str(PYTHON), str(HERE / "manage.py"), *sys.argv[1:]])


def make_environment() -> None:
    """Make .venv anew with what this machine has: uv, else venv with pip, else venv and any other pip."""
    shutil.rmtree(ENVIRONMENT, ignore_errors=True)
    pip = ["install", "--require-hashes", "--requirement", str(LOCK)]
    if uv := shutil.which("uv"):
        run([uv, "venv", "--quiet", "--python", sys.executable, str(ENVIRONMENT)])
        run([uv, "pip", "install", "--quiet", "--python", str(PYTHON), *pip[1:]])
        return
    # Python compiles what it imports by itself; compiling all of it takes longer than downloading it.
    quiet = ["--quiet", "--disable-pip-version-check"]
    pip.append("--no-compile")
    if importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip"):
        run([sys.executable, "-m", "venv", str(ENVIRONMENT)])
        run([str(PYTHON), "-m", "pip", *quiet, *pip])
    elif importlib.util.find_spec("venv") and (other := other_pip()):
        run([sys.executable, "-m", "venv", "--without-pip", str(ENVIRONMENT)])
        run([*other, "--python", str(PYTHON), *quiet, *pip])
    else:
        sys.exit(
            "The packages cannot be installed, because this Python has neither venv nor pip: "
            "install uv, or Debian's python3-venv, and try again."
        )


def other_pip() -> list[str] | None:
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    found = shutil.which("pip3") or shutil.which("pip")
    return [found] if found else None


def run(command: list[str]) -> None:
    try:
        failed = subprocess.run(command, check=False).returncode
    except KeyboardInterrupt:
        sys.exit(130)
    if failed:
        sys.exit(f"The packages were not installed: `{' '.join(command[:4])} …` failed, as said above.")


if __name__ == "__main__":
    main()
