# SPDX-License-Identifier: ISC
"""Roots: this machine plus some packages that are not installed on it.

Debian packages are unpacked with their missing dependencies into
obj/mta/NAME (once), and laid over / in a private mount namespace.  Nothing is
installed, so that mail servers that exclude each other live side by side.
"""

import fcntl
import os
import shutil
import subprocess

from . import tidy, wait
from .proc import Program

CACHE = os.environ.get("MAILWALL_PKG", "obj/mta")


def unpacked(name, packages):
    """The directory with the packages, fetched now if need be."""
    os.makedirs(CACHE, exist_ok=True)
    path = os.path.abspath(os.path.join(CACHE, name))
    with open(path + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp = os.path.join(path, ".packages")
        want = " ".join(packages) + "\n"
        if os.path.exists(stamp) and open(stamp).read() == want:
            return path
        shutil.rmtree(path, ignore_errors=True)
        subprocess.run(["etc/deps", "unpack", path] + list(packages),
                       check=True)
        _merge_usr(path)
        with open(stamp, "w") as f:
            f.write(want)
    return path


def _merge_usr(path):
    """/lib and its like are symbolic links on the machine below us."""
    for d in ("bin", "sbin", "lib", "lib64"):
        if os.path.isdir(os.path.join(path, d)) and os.path.islink("/" + d):
            os.makedirs(os.path.join(path, "usr", d), exist_ok=True)
            subprocess.run(["cp", "-a", "%s/%s/." % (path, d),
                            "%s/usr/%s/" % (path, d)], check=True)
            shutil.rmtree(os.path.join(path, d))


# Both layers of the overlay that are ours lie on a tmpfs: an upper layer
# cannot lie below the lower layer "/".
_SETUP = """
set -e
mount --make-rprivate /
mount -t tmpfs -o size=2g,mode=755 tmpfs "$1"
mkdir "$1/pkg" "$1/up" "$1/work" "$1/root"
cp -a "$2/." "$1/pkg/"
rm -f "$1/pkg/.packages"
cd "$1"
mount -t overlay overlay -o lowerdir=pkg:/,upperdir=up,workdir=work root
cd root
mount -t proc proc proc
mount --rbind /dev dev
mount -t tmpfs tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
mkdir -p srv
mount --bind "$3" srv
echo ready
exec sleep infinity
"""


class Root:
    """A mount namespace whose root has the packages.

    .srv is a directory of ours that is /srv in there.
    """

    def __init__(self, name, packages):
        self.name = name
        self.srv = tidy.directory("srv-" + name, 0o777)
        pkg = unpacked(name, packages)
        top = tidy.directory("root-" + name)
        self.holder = Program("root-" + name,
                              ["sh", "-c", _SETUP, "sh", top, pkg, self.srv],
                              ["unshare", "--mount", "--"])
        wait.until(self._ready, "the root of " + name)
        self.path = "/proc/%d/root%s/root" % (self.holder.pid, top)
        self._top = top

    def _ready(self):
        if self.holder.poll() is not None:
            raise wait.Timeout("root %s: %s" % (self.name,
                                                self.holder.text()))
        return "ready" in self.holder.text()

    def prefix(self, ns):
        """Run a command in here and in the network namespace."""
        return ["nsenter", "--mount=/proc/%d/ns/mnt" % self.holder.pid,
                "--net=" + ns.path, "--", "chroot", self._top + "/root"]

    def write(self, path, text, mode=0o644):
        """A file in the root."""
        full = self.path + path
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w") as f:
            f.write(text)
        os.chmod(full, mode)

    def user(self, name, uid, group=None, gid=None):
        """Make a user and its group, unless the machine has them."""
        gid = gid or uid
        for path, entry, line in (
                ("/etc/group", group or name,
                 "%s:x:%d:" % (group or name, gid)),
                ("/etc/passwd", name,
                 "%s:x:%d:%d::/nonexistent:/usr/sbin/nologin" %
                 (name, uid, gid))):
            with open(self.path + path) as f:
                text = f.read()
            if not any(t.startswith(entry + ":") for t in text.split("\n")):
                with open(self.path + path, "a") as f:
                    f.write(line + "\n")

    def close(self):
        self.holder.stop()
