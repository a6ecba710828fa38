# SPDX-License-Identifier: ISC
"""Processor time, memory and descriptors of processes, from /proc."""

import os

from mwtest import gateway, leak, proc
from gateways import ADDR

TICK = os.sysconf("SC_CLK_TCK")
FIELDS = ("Anonymous", "Private_Dirty")


def cpu(pids):
    """Seconds that processes and all their descendants, dead ones included,
    have used."""
    ticks = 0
    for root in pids:
        for pid in leak.tree(root):
            try:
                with open("/proc/%d/stat" % pid) as f:
                    rest = f.read().rsplit(") ", 1)[1].split()
            except OSError:
                continue
            ticks += sum(int(t) for t in rest[11:15])
    return ticks / TICK


def machine():
    """(busy, all) seconds of all processors."""
    with open("/proc/stat") as f:
        t = [int(x) / TICK for x in f.readline().split()[1:9]]
    return sum(t) - t[3] - t[4], sum(t)


def memory(pids):
    """{field: bytes} of the processes together."""
    total = dict.fromkeys(FIELDS, 0)
    for pid in pids:
        with open("/proc/%d/smaps_rollup" % pid) as f:
            for line in f:
                key, _, value = line.partition(":")
                if key in total:
                    total[key] += int(value.split()[0]) * 1024
    return total


def descriptors(pids):
    """[how many are open] of each."""
    return [len(os.listdir("/proc/%d/fd" % p)) for p in pids]


def descriptor_limit(pid):
    """Hard limit of open files."""
    with open("/proc/%d/limits" % pid) as f:
        for line in f:
            if line.startswith("Max open files"):
                return int(line.split()[4])
    raise ValueError("no limit of open files")


class Failed(Exception):
    pass


def parse(line):
    """The numbers of smtpload's last line."""
    return {k: float(v) for k, v in (f.split("=") for f in line.split())}


def load_argv(*args):
    return [gateway.objdir() + "/regress/bench/smtpload"] + \
        [str(a) for a in args]


def load(net, sink, subject, total, size, sessions, each=None):
    """One run of smtpload through a subject: a dictionary.

    rate, p50_us ..., cpu: the subject's seconds of processor time, cpu_msg:
    microseconds of that for each message, others: share of the machine that
    neither we nor what we measure have used.
    """
    args = ["-n", total, "-s", size, "-c", sessions]
    if each:
        args += ["-m", each]
    seen = sink.counts()
    before, us, (busy, every) = cpu(subject.pids), _ours(sink), machine()
    status, text = proc.run(load_argv(*args, ADDR, subject.port),
                            net.gateway.prefix(), timeout=600)
    after, us2, (busy2, every2) = cpu(subject.pids), _ours(sink), machine()
    if status:
        raise Failed("%s: %s" % (subject.title, text.strip()))
    r = parse(text.splitlines()[-1])
    now = sink.counts()
    for what in ("messages", "bytes") if subject.exact else ("messages",):
        if now[what] - seen[what] != r[what]:
            raise Failed("%s: %d %s sent, %d arrived" % (
                subject.title, r[what], what, now[what] - seen[what]))
    r["cpu"] = after - before
    r["cpu_msg"] = r["cpu"] / total * 1e6
    r["mib"] = r["bytes"] / r["seconds"] / 2 ** 20
    used = r["cpu"] + us2 - us
    r["others"] = max(0, busy2 - busy - used) / max(every2 - every, 1e-9)
    return r


def _ours(sink):
    """Processor time of the sink and of what this process waited for."""
    t = os.times()
    return cpu([sink.pid]) + sum(t[:4])
