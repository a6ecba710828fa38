#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
# timeout: 600
#
# mailwall-firewall with real connections: a client, a gateway and a server,
# each a network namespace.  A small program stands for mailwalld: it takes
# what the rules bring, finds the address that the client wanted, connects
# there (under TPROXY from the client's own address) and tells the client
# what it saw.  So each case shows the way that a connection took.

import os
import socket
import struct
import subprocess
import sys
import threading

FIREWALL = os.path.abspath('etc/mailwall-firewall')
NS = {n: 'mwfw%d%s' % (os.getpid(), n) for n in 'cgs'}
C4, G4, S4 = '10.77.1.2', '10.77.1.1', '10.77.2.2'
O4 = '10.77.1.3'
C6, G6, S6 = 'fd77:1::2', 'fd77:1::1', 'fd77:2::2'
O6 = 'fd77:1::3'
SO_ORIGINAL_DST = 80
IP_TRANSPARENT = 19
IPV6_TRANSPARENT = 75
TIMEOUT = 20                    # when something is wrong
DROPPED = 2                     # how long we wait for what must not come


# ---- the programs in the namespaces ----------------------------------------

def stream(family, transparent=False):
    s = socket.socket(family, socket.SOCK_STREAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if transparent and family == socket.AF_INET:
        s.setsockopt(socket.SOL_IP, IP_TRANSPARENT, 1)
    elif transparent:
        s.setsockopt(socket.IPPROTO_IPV6, IPV6_TRANSPARENT, 1)
    if family == socket.AF_INET6:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    return s


def original(sock, mode):
    if mode == 'tproxy':
        return sock.getsockname()[:2]
    if sock.family == socket.AF_INET:
        raw = sock.getsockopt(socket.SOL_IP, SO_ORIGINAL_DST, 16)
        return (socket.inet_ntop(socket.AF_INET, raw[4:8]),
                struct.unpack('!H', raw[2:4])[0])
    raw = sock.getsockopt(socket.IPPROTO_IPV6, SO_ORIGINAL_DST, 28)
    return (socket.inet_ntop(socket.AF_INET6, raw[8:24]),
            struct.unpack('!H', raw[2:4])[0])


def serve(sock, mode):
    """One connection: a line about it, then echo."""
    peer = sock.getpeername()[0]
    if mode == 'server':
        line = 'server saw ' + peer
    else:
        dst = original(sock, mode)
        line = 'gate took %s port %d' % dst
        up = stream(sock.family, mode == 'tproxy')
        up.settimeout(TIMEOUT)
        # To the gateway itself there is nobody else to connect to.
        if dst[0] not in (G4, G6):
            if mode == 'tproxy':
                up.bind((peer, 0))
            up.connect(dst)
            line += ', ' + up.makefile('r').readline().strip()
    sock.sendall(line.encode() + b'\n')
    while True:
        data = sock.recv(100)
        if not data:
            return
        sock.sendall(data)


def listen(mode, *ports):
    def run(sock):
        try:
            serve(sock, mode)
        except OSError:
            pass
        sock.close()

    def loop(s):
        while True:
            sock = s.accept()[0]
            threading.Thread(target=run, args=(sock,), daemon=True).start()

    for port in ports:
        for family, any_addr in ((socket.AF_INET, '0.0.0.0'),
                                 (socket.AF_INET6, '::')):
            s = stream(family, mode == 'tproxy')
            s.bind((any_addr, int(port)))
            s.listen(64)
            threading.Thread(target=loop, args=(s,), daemon=True).start()
    print('ready', flush=True)
    sys.stdin.read()


def connect(src, dst, port, timeout):
    """Print what the other end says, then echo lines of stdin through it."""
    s = stream(socket.AF_INET6 if ':' in dst else socket.AF_INET)
    s.settimeout(float(timeout))
    try:
        s.bind((src, 0))
        s.connect((dst, int(port)))
        f = s.makefile('rw')
        print(f.readline().strip() or 'closed', flush=True)
    except socket.timeout:
        print('dropped', flush=True)
        return
    except OSError as e:
        print(e.strerror.lower(), flush=True)
        return
    for line in sys.stdin:
        try:
            f.write(line)
            f.flush()
            print(f.readline().strip() or 'closed', flush=True)
        except OSError as e:
            print(e.strerror.lower(), flush=True)
            return


# ---- the test --------------------------------------------------------------

failed = 0
helpers = []


def result(name, good, why=''):
    global failed
    if good:
        print('ok', name, flush=True)
    else:
        failed += 1
        print('not ok', name, '-', ' '.join(str(why).split()), flush=True)


def equal(name, got, want):
    result(name, got == want, 'got "%s", expected "%s"' % (got, want))


def sh(*args):
    subprocess.run(args, check=True, stdout=subprocess.DEVNULL)


def inside(ns, *args):
    return ['ip', 'netns', 'exec', NS[ns], *args]


def start(ns, *args):
    """Run a part of this file in a namespace."""
    p = subprocess.Popen(inside(ns, sys.executable, __file__, *args),
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         text=True)
    helpers.append(p)
    return p


def stop(p):
    p.stdin.close()
    p.wait(TIMEOUT)
    p.stdout.close()
    helpers.remove(p)


def hear(p):
    return p.stdout.readline().strip()


def say(p, text):
    p.stdin.write(text + '\n')
    p.stdin.flush()
    return hear(p)


def dial(src, dst, port=25, timeout=TIMEOUT):
    return start('c', 'connect', src, dst, str(port), str(timeout))


def ask(src, dst, port=25, timeout=TIMEOUT):
    p = dial(src, dst, port, timeout)
    line = hear(p)
    stop(p)
    return line


def firewall(*args):
    return subprocess.run(inside('g', FIREWALL, *args), text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def firewall_start(*args):
    p = firewall('start', *args)
    if p.returncode != 0:
        raise RuntimeError('start %s: %s' % (' '.join(args), p.stdout))


def build():
    for n in NS.values():
        sh('ip', 'netns', 'add', n)
        sh('ip', '-n', n, 'link', 'set', 'lo', 'up')
        # Addresses are usable at once, without looking for duplicates.
        for k in ('all', 'default'):
            sh('ip', 'netns', 'exec', n, 'sysctl', '-qw',
               'net.ipv6.conf.%s.accept_dad=0' % k)
    for side in 'cs':
        sh('ip', '-n', NS['g'], 'link', 'add', 'to' + side, 'type', 'veth',
           'peer', 'name', 'eth0', 'netns', NS[side])
    for n, dev, addrs in (('c', 'eth0', (C4 + '/24', O4 + '/24', C6 + '/64',
                                         O6 + '/64')),
                          ('g', 'toc', (G4 + '/24', G6 + '/64')),
                          ('g', 'tos', ('10.77.2.1/24', 'fd77:2::1/64')),
                          ('s', 'eth0', (S4 + '/24', S6 + '/64'))):
        for a in addrs:
            extra = ['nodad'] if ':' in a else []
            sh('ip', '-n', NS[n], 'addr', 'add', a, 'dev', dev, *extra)
        sh('ip', '-n', NS[n], 'link', 'set', dev, 'up')
    for n, via4, via6 in (('c', G4, G6), ('s', '10.77.2.1', 'fd77:2::1')):
        sh('ip', '-n', NS[n], 'route', 'add', 'default', 'via', via4)
        sh('ip', '-n', NS[n], '-6', 'route', 'add', 'default', 'via', via6)
    sh(*inside('g', 'sysctl', '-qw', 'net.ipv4.ip_forward=1',
               'net.ipv6.conf.all.forwarding=1'))


def destroy():
    for p in helpers:
        p.kill()
        p.wait()
    for n in NS.values():
        subprocess.run(['ip', 'netns', 'del', n], stderr=subprocess.DEVNULL)


FAMILIES = (('IPv4', C4, O4, S4, G4, '10.77.2.1'),
            ('IPv6', C6, O6, S6, G6, 'fd77:2::1'))


def seen_by_server(mode, client, gateway):
    return client if mode == 'tproxy' else gateway


def t_taken(mode):
    firewall_start(mode)
    for fam, c, o, s, g, out in FAMILIES:
        equal('%s %s is intercepted' % (mode, fam), ask(c, s),
              'gate took %s port 25, server saw %s' %
              (s, seen_by_server(mode, c, out)))
        equal('%s %s other ports are not' % (mode, fam), ask(c, s, 587),
              'server saw ' + c)
        equal('%s %s to the gateway itself is intercepted' % (mode, fam),
              ask(c, g), 'gate took %s port %d' %
              (g, 25))
    firewall_start(mode, '--ports', '587,25', '--except-local', '-i', 'toc')
    for fam, c, o, s, g, out in FAMILIES:
        equal('%s %s more ports' % (mode, fam), ask(c, s, 587),
              'gate took %s port 587, server saw %s' %
              (s, seen_by_server(mode, c, out)))
        equal('%s %s except-local' % (mode, fam), ask(c, g),
              'connection refused')
    firewall_start(mode, '-i', 'tos')
    equal('%s other interfaces are left' % mode, ask(C4, S4),
          'server saw ' + C4)


def t_exempt(mode):
    firewall_start(mode, '--except', '%s,%s/128' % (O4, O6))
    for fam, c, o, s, g, out in FAMILIES:
        equal('%s %s except: that client' % (mode, fam), ask(o, s),
              'server saw ' + o)
        equal('%s %s except: others' % (mode, fam), ask(c, s)[:9],
              'gate took')
    firewall_start(mode, '--except-to', S4, '--except-to', 'fd77:2::/64')
    for fam, c, o, s, g, out in FAMILIES:
        equal('%s %s except-to' % (mode, fam), ask(c, s), 'server saw ' + c)
    firewall_start(mode, '--from', O4 + '/32')
    equal('%s from: that client' % mode, ask(O4, S4)[:9], 'gate took')
    equal('%s from: others' % mode, ask(C4, S4), 'server saw ' + C4)
    equal('%s from: the other family' % mode, ask(C6, S6),
          'server saw ' + C6)
    firewall_start(mode, '-6')
    equal('%s -6 leaves IPv4' % mode, ask(C4, S4), 'server saw ' + C4)
    equal('%s -6 takes IPv6' % mode, ask(C6, S6)[:9], 'gate took')


def t_connlimit(mode):
    firewall_start(mode, '--connlimit', '3')
    for fam, c, o, s, g, out in FAMILIES:
        held = [dial(c, s) for i in range(3)]
        equal('%s %s connlimit: below' % (mode, fam),
              [hear(p)[:9] for p in held], ['gate took'] * 3)
        equal('%s %s connlimit: above' % (mode, fam), ask(c, s),
              'connection refused')
        if fam == 'IPv4':
            equal('%s %s connlimit: another source' % (mode, fam),
                  ask(o, s)[:9], 'gate took')
        for p in held:
            stop(p)
        equal('%s %s connlimit: after they ended' % (mode, fam),
              ask(c, s)[:9], 'gate took')


def t_closed(mode):
    """With mailwalld gone nothing passes: no mail goes unseen."""
    port = '5999'
    firewall_start(mode, '--to-port', port)
    want = 'dropped' if mode == 'tproxy' else 'connection refused'
    for fam, c, o, s, g, out in FAMILIES:
        equal('%s %s nobody listens' % (mode, fam),
              ask(c, s, timeout=DROPPED), want)


def t_stop(mode):
    firewall_start(mode)
    held = dial(C4, S4)
    hear(held)
    drain = subprocess.Popen(inside('g', FIREWALL, 'stop', '--drain', '60'))
    helpers.append(drain)
    for i in range(200):
        if 'IPv4: draining' in firewall('status').stdout:
            break
    equal('%s drain: new connections go straight' % mode, ask(C4, S4),
          'server saw ' + C4)
    equal('%s drain: old ones live' % mode, say(held, 'hello'), 'hello')
    result('%s drain: it waits' % mode, drain.poll() is None, 'it ended')
    stop(held)
    equal('%s drain: it ends' % mode, drain.wait(TIMEOUT), 0)
    helpers.remove(drain)
    equal('%s stopped: status' % mode, firewall('status').returncode, 3)
    for fam, c, o, s, g, out in FAMILIES:
        equal('%s %s stopped: direct' % (mode, fam), ask(c, s),
              'server saw ' + c)


def test():
    server = start('s', 'listen', 'server', '25', '587')
    hear(server)
    gates = []
    for mode, port in (('redirect', '5000'), ('tproxy', '5001')):
        gates.append(start('g', 'listen', mode, port))
        hear(gates[-1])
    for fam, c, o, s, g, out in FAMILIES:
        equal('%s direct without rules' % fam, ask(c, s), 'server saw ' + c)
    for mode in ('redirect', 'tproxy'):
        for case in (t_taken, t_exempt, t_connlimit, t_closed, t_stop):
            case(mode)


def main():
    if os.geteuid() != 0:
        print('not ok traffic - must be run as root')
        return 1
    try:
        build()
        test()
    except (RuntimeError, OSError, subprocess.SubprocessError) as e:
        result('traffic', False, e)
    finally:
        destroy()
    return 1 if failed else 0


if __name__ == '__main__':
    if len(sys.argv) > 2:
        {'listen': listen, 'connect': connect}[sys.argv[1]](*sys.argv[2:])
    else:
        sys.exit(main())
