# SPDX-License-Identifier: ISC
"""Waiting for conditions instead of sleeping."""

import socket
import time

PATIENCE = 30           # seconds; only ever reached by a failure


class Timeout(Exception):
    pass


def until(cond, what, timeout=PATIENCE, step=0.01):
    """Call cond() until it returns something true; that is returned."""
    end = time.monotonic() + timeout
    while True:
        value = cond()
        if value:
            return value
        if time.monotonic() >= end:
            raise Timeout("waited %g s for %s" % (timeout, what))
        time.sleep(step)


def port(ns, addr, portno=25, timeout=PATIENCE, alive=None):
    """Until somebody listens there.  alive: a Program that must live."""
    def attempt():
        if alive is not None and alive.poll() is not None:
            raise Timeout("%s ended:\n%s" % (alive.name, alive.text()))
        fam = socket.AF_INET6 if ":" in addr else socket.AF_INET
        with ns.socket(fam) as s:
            s.settimeout(2)
            try:
                s.connect((addr, portno))
            except OSError:
                return False
            return True
    until(attempt, "port %d of %s" % (portno, addr), timeout, 0.05)
