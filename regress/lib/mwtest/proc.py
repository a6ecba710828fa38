# SPDX-License-Identifier: ISC
"""Programs: started in a namespace, watched, and surely ended."""

import os
import subprocess
from signal import SIGTERM

from . import tidy, wait
from .wait import PATIENCE
from .log import Log


class Program:
    """A running program whose output goes to a file.

    argv is run behind prefix (Ns.prefix(), Root.prefix()).  The program is
    killed when the thread that started it ends: start long-lived ones from
    the main thread.
    """

    def __init__(self, name, argv, prefix=(), out=None, env=None, cwd=None):
        self.name = name
        if out is None:
            out = os.path.join(tidy.directory("out"), name + ".log")
        self.log = Log(out)
        with open(out, "ab") as f:
            self.popen = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--"] + list(prefix) +
                list(argv), stdin=subprocess.DEVNULL, stdout=f,
                stderr=subprocess.STDOUT, env=env, cwd=cwd)
        self.pid = self.popen.pid
        self._undo = tidy.add(self._kill)

    def poll(self):
        """None while it runs, else its exit status."""
        return self.popen.poll()

    def text(self):
        """All that it printed."""
        return self.log.text()

    def signal(self, sig):
        if self.poll() is None:
            self.popen.send_signal(sig)

    def wait(self, timeout=PATIENCE):
        """Exit status; wait.Timeout when it does not end."""
        try:
            status = self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            raise wait.Timeout("%s does not end" % self.name) from None
        tidy.cancel(self._undo)
        return status

    def stop(self, sig=SIGTERM, timeout=PATIENCE):
        """Signal it and wait; SIGKILL and an exception if it stays."""
        self.signal(sig)
        try:
            return self.wait(timeout)
        except wait.Timeout:
            self._kill()
            raise

    def _kill(self):
        if self.poll() is None:
            self.popen.kill()
            self.popen.wait()
        tidy.cancel(self._undo)


def run(argv, prefix=(), data=None, timeout=120, env=None):
    """Run to the end: (exit status, its output as text)."""
    p = subprocess.run(
        ["setpriv", "--pdeathsig", "KILL", "--"] + list(prefix) + list(argv),
        input=data if data is not None else b"", stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, timeout=timeout, env=env)
    return p.returncode, p.stdout.decode("utf-8", "replace")
