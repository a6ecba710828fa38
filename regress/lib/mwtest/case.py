# SPDX-License-Identifier: ISC
"""Cases of a test: one line each, and an exit status that tells.

    def main():
        with case("banner reaches the client"):
            check_equal(got, want)

    run(main)
"""

import contextlib
import os
import sys
import traceback

from . import tidy

_failed = 0
_count = 0


class Failure(Exception):
    """A case did not hold; the text says why."""


def check(cond, why):
    if not cond:
        raise Failure(why() if callable(why) else why)


def check_equal(got, want, what="value"):
    if got != want:
        raise Failure("%s is %s, not %s" % (what, _short(got), _short(want)))


def check_in(part, whole, what="text"):
    if part not in whole:
        raise Failure("%s has no %s: %s" %
                      (what, _short(part), _short(whole)))


def _short(v):
    text = repr(v)
    return text if len(text) <= 300 else \
        "%s... (%d)" % (text[:300], len(text))


def report(name, why=None):
    """Print the line of one case; why is None when it held."""
    global _failed, _count
    _count += 1
    if why is None:
        print("ok %s" % name, flush=True)
        return
    _failed += 1
    why = " ".join(str(why).split()) or "failed"
    print("not ok %s - %s" % (name, why), flush=True)


@contextlib.contextmanager
def case(name):
    """The body is the case; an exception is its failure, and is kept in."""
    try:
        yield
    except Failure as e:
        report(name, e)
    except Exception as e:
        traceback.print_exc()
        report(name, "%s: %s" % (type(e).__name__, e))
    else:
        report(name)


def run(main):
    """Run a test program: main(), tidy up, exit."""
    name = os.path.splitext(os.path.basename(sys.argv[0]))[0]
    try:
        tidy.start()
        main()
    except KeyboardInterrupt:
        report(name, "interrupted")
    except Exception as e:
        traceback.print_exc()
        report(name, "%s: %s" % (type(e).__name__, e))
    finally:
        try:
            tidy.all()
        except Exception as e:
            traceback.print_exc()
            report(name, "tidying up: %s" % e)
    if not _count:
        report(name, "no case was run")
    sys.stdout.flush()
    os._exit(1 if _failed else 0)       # whatever threads still hang
