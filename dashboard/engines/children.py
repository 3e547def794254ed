"""Processes which a supervisor keeps running: how they are begun, replaced, ended.

While the code that the supervisor has imported is what it shall run, a child is a fork of it: nothing is imported
again, and memory is shared. After a deploy a child is a command, which imports what then lies on disk.
"""

import contextlib
import gc
import os
import select
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from dashboard.configuration import SettingError
from dashboard.engines.processes import EngineError, begin, dies_with_parent

HERE = Path(__file__).resolve().parent.parent.parent
ANSWER_SECONDS = 30  # how long an open answer may take to be finished when a web process ends
LONGEST_PAUSE = 30  # seconds before a child that keeps ending is started again
STEADY_SECONDS = 10  # a child that ran so long did not fail at its start
READY = (
    "GATEHOUSE_READY"  # names the descriptor on which a web process says that it has loaded the application
)


class Fork:
    """A child made by fork(2) that does `work` and ends. Of subprocess.Popen it has what a Child asks for.

    Only for a process without threads, and without open connections: one in two processes is garbled. The fork
    keeps `descriptors` and standard input and output, and no other file of its parent's.
    """

    def __init__(self, work: Callable[[], None], descriptors: tuple[int, ...]):
        arrange = dies_with_parent(signal.SIGTERM)
        # What is shared stays so if the collector of the fork does not write to it.
        gc.collect()
        gc.freeze()
        with contextlib.suppress(OSError):  # a file on a full disk
            sys.stdout.flush()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        self.returncode: int | None = None
        try:
            self.pid = os.fork()
            if self.pid == 0:
                _do(work, descriptors, arrange)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def poll(self) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode

    def wait(self, timeout: float = float("inf")) -> int:
        deadline = time.monotonic() + timeout
        while self.poll() is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(f"fork {self.pid}", timeout)
            time.sleep(0.02)
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def _do(
    work: Callable[[], None], descriptors: tuple[int, ...], arrange: Callable[[], None] | None
) -> NoReturn:
    """All that a fork ever does. It never returns into what its parent was about to do."""
    code = 1
    try:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        if arrange is not None:
            arrange()
        os.setsid()  # Ctrl-C at the terminal is for the supervisor, which ends them in order
        for descriptor in os.listdir("/dev/fd"):
            if int(descriptor) > 2 and int(descriptor) not in descriptors:
                with contextlib.suppress(OSError):
                    os.close(int(descriptor))
        os.chdir(HERE)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        work()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except (SettingError, EngineError) as error:
        print(error, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


@dataclass
class Child:
    """A process which is started again, with growing pauses, whenever it ends.

    work: what it does as a fork; None if it is always the command.
    """

    name: str
    command: list[str]
    descriptors: tuple[int, ...] = ()
    longest_pause: float = LONGEST_PAUSE
    work: Callable[[], None] | None = None
    process: subprocess.Popen | Fork | None = None
    retired: list[subprocess.Popen | Fork] = field(default_factory=list)
    started_at: float = 0
    failures: int = 0

    def tend(self, now: float) -> None:
        """Start the child if it does not run and its pause is over. `now` is monotonic."""
        self.retired = [process for process in self.retired if process.poll() is None]
        if self.process is not None:
            if self.process.poll() is None:
                return
            self.failures = 1 if now - self.started_at > STEADY_SECONDS else self.failures + 1
            say(f"{self.name} ended with {self.process.returncode}; it is started again.")
            self.process = None
        pause = min(2.0 ** (self.failures - 2), self.longest_pause) if self.failures > 1 else 0
        if now < self.started_at + pause:
            return
        self.started_at = now
        try:
            self.process = Fork(self.work, self.descriptors) if self.work else self._command()
        except OSError as error:  # too many processes, no memory: the others must not end for it
            self.failures += 1
            say(f"{self.name} cannot be started now: {error.strerror}.")

    def _command(self, ready: int | None = None) -> subprocess.Popen:
        return begin(
            self.command,
            signal.SIGTERM,
            cwd=HERE,
            env=None if ready is None else os.environ | {READY: str(ready)},
            pass_fds=self.descriptors if ready is None else (*self.descriptors, ready),
            start_new_session=True,  # Ctrl-C at the terminal is for the supervisor, which ends them in order
        )

    def replace(self, seconds: float = 60) -> bool:
        """Start the command beside what runs, which ends when the new process has said that it is ready.

        False, and all is as before, if it does not say so in time.
        """
        readable, writable = os.pipe()
        new = self._command(writable)
        said = b""
        try:
            os.close(writable)
            deadline = time.monotonic() + seconds
            # Not one long select(): a signal that comes just before it would be heeded only when it is over.
            while new.poll() is None and time.monotonic() < deadline:
                if select.select([readable], (), (), 0.1)[0]:
                    said = os.read(readable, 1)
                    break
        finally:  # also when all is to end meanwhile
            os.close(readable)
            if not said:
                new.kill()
                new.wait()
        if not said:
            return False
        if self.process is not None:
            self.process.terminate()
            self.retired.append(self.process)
        self.process, self.work, self.started_at, self.failures = new, None, time.monotonic(), 0
        return True

    def stop(self, seconds: float = ANSWER_SECONDS + 5) -> None:
        """Ask the child to end, and wait until it has."""
        processes = [*self.retired, *([] if self.process is None else [self.process])]
        for process in processes:
            process.terminate()
        for process in processes:
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.process, self.retired = None, []


def say(text: str) -> None:
    """Tell the person at the terminal; a terminal that is gone does not matter."""
    with contextlib.suppress(OSError):
        print(text, flush=True)
