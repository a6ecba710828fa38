# SPDX-License-Identifier: ISC
"""Leave nothing behind.

Whatever a test makes outside of itself is registered here and undone in
reverse order, at the end, on SIGINT, SIGTERM and SIGHUP, and on exceptions.
Names carry the process id, so that the next test removes what one that was
killed could not.
"""

import atexit
import glob
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading

_stack = []
_lock = threading.Lock()
_started = False


def add(func, *args):
    """Call func(*args) at the end.  Returns a handle for cancel()."""
    entry = (func, args)
    with _lock:
        _stack.append(entry)
    return entry


def cancel(entry):
    with _lock:
        if entry in _stack:
            _stack.remove(entry)


def all():
    """Undo everything.  The first error is raised when all is done."""
    error = None
    while True:
        with _lock:
            if not _stack:
                break
            func, args = _stack.pop()
        try:
            func(*args)
        except Exception as e:
            error = error or e
    if error is not None:
        raise error


def _on_signal(signo, frame):
    raise KeyboardInterrupt("signal %d" % signo)


def start():
    """Once, first: catch signals, remove what killed tests have left."""
    global _started
    if _started:
        return
    _started = True
    for sig in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(sig, _on_signal)
    atexit.register(all)
    for path in glob.glob("/run/netns/mw-*") + glob.glob("/tmp/mw-*"):
        m = re.match(r"mw-(\d+)-", os.path.basename(path))
        if not m or os.path.exists("/proc/" + m.group(1)):
            continue
        if path.startswith("/run/netns/"):
            subprocess.run(["ip", "netns", "del", os.path.basename(path)],
                           stderr=subprocess.DEVNULL)
        else:
            shutil.rmtree(path, ignore_errors=True)


def name(what):
    """A name that says whose it is."""
    return "mw-%d-%s" % (os.getpid(), what)


def directory(what, mode=0o755):
    """A directory that is removed at the end."""
    path = tempfile.mkdtemp(prefix=name(what) + "-", dir="/tmp")
    os.chmod(path, mode)
    add(shutil.rmtree, path, True)
    return path
