#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
#
# mailwalld as mailwall.service runs it: with the unit's capabilities and
# nothing else, no new privileges, the directories that tmpfiles.d makes, and
# the protocol of Type=notify.

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

OBJ = os.path.abspath(os.environ.get('O', 'obj'))
USERS = (('_mwproxy', 59901), ('_mwparse', 59902), ('_mwscan', 59903),
         ('_mwstore', 59904))
PATIENCE = 60

# Users of its own, in a mount namespace of its own.
START = '''
set -e
mount --make-rprivate /
mount --bind "$1/passwd" /etc/passwd
mount --bind "$1/group" /etc/group
shift
exec "$@"
'''

failed = False


def result(name, good, why=''):
    global failed
    if good:
        print('ok', name, flush=True)
    else:
        failed = True
        print('not ok', name, '-', ' '.join(str(why).split()), flush=True)


def unit(key):
    """All values of a key of the unit, as words."""
    words = []
    with open('etc/mailwall.service') as f:
        for line in f:
            if line.startswith(key + '='):
                words += line.split('=', 1)[1].split()
    return words


def prepare(top):
    for name, extra in (('passwd', '::/nonexistent:/usr/sbin/nologin'),
                        ('group', '')):
        with open('/etc/' + name) as f:
            lines = [x for x in f if not x.startswith('_mw')]
        for user, uid in USERS:
            own = ':x:%d:' % uid
            if name == 'passwd':
                own += '%d' % uid + extra
            lines.append(user + own + '\n')
        with open(os.path.join(top, name), 'w') as f:
            f.writelines(lines)
    run = os.path.join(top, 'run')
    for d in ('', '/empty', '/scanner', '/scanner/tmp', '/db'):
        os.mkdir(run + d)
        os.chmod(run + d, 0o755)
    os.chmod(run + '/scanner/tmp', 0o700)
    os.chown(run + '/scanner/tmp', USERS[2][1], USERS[2][1])
    state = os.path.join(top, 'state')
    os.mkdir(state, 0o700)
    os.chown(state, USERS[3][1], USERS[3][1])
    shutil.copy('regress/db/eicar.ndb', run + '/db')
    os.chmod(run + '/db/eicar.ndb', 0o644)
    with open(os.path.join(top, 'mailwall.conf'), 'w') as f:
        f.write('run directory "%s"\nstate directory "%s"\n'
                'listen tproxy port 5001\n'
                'antivirus embedded database "%s/db"\n' %
                (run, state, run))


def command(top):
    caps = ['+' + c[4:].lower() for c in unit('CapabilityBoundingSet')]
    return ['unshare', '--net', '--mount', 'sh', '-c', START, 'sh', top,
            'setpriv', '--inh-caps=-all', '--no-new-privs',
            '--bounding-set=' + ','.join(['-all'] + caps),
            os.path.join(OBJ, 'mailwalld'), '-d', '-L', OBJ,
            '-f', os.path.join(top, 'mailwall.conf')]


def expect(sock, p, name, *states):
    """The next messages to the service manager are these."""
    got = []
    try:
        while len(got) < len(states):
            got += sock.recv(4096).decode().split()
    except socket.timeout:
        got.append('and no more in %d s' % PATIENCE)
    result(name, got == list(states), got)
    return got == list(states)


def status(pid, key):
    with open('/proc/%d/status' % pid) as f:
        return re.search(r'^%s:\s*(\S+)' % key, f.read(), re.M).group(1)


def test(top):
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.bind(os.path.join(top, 'notify'))
    sock.settimeout(PATIENCE)
    env = {'PATH': os.environ['PATH'], 'NOTIFY_SOCKET': top + '/notify'}
    with open(os.path.join(top, 'log'), 'w') as log:
        p = subprocess.Popen(command(top), env=env, stdin=subprocess.DEVNULL,
                             stdout=log, stderr=log)
    try:
        if not expect(sock, p, 'starts with the capabilities of the unit',
                      'READY=1'):
            return
        result('no new privileges', status(p.pid, 'NoNewPrivs') == '1')
        result('nothing but the bounding set',
               status(p.pid, 'CapBnd') == status(p.pid, 'CapPrm') and
               status(p.pid, 'CapBnd') != '0' * 16, status(p.pid, 'CapPrm'))
        p.send_signal(signal.SIGHUP)
        expect(sock, p, 'reload is told', 'RELOADING=1', 'READY=1')
        p.send_signal(signal.SIGTERM)
        expect(sock, p, 'the end is told', 'STOPPING=1')
        result('ends well', p.wait(PATIENCE) == 0, p.returncode)
    finally:
        if p.poll() is None:
            p.kill()
            p.wait()
        if failed:
            with open(os.path.join(top, 'log')) as f:
                sys.stdout.write(''.join('# ' + x for x in f))


def main():
    if os.geteuid() != 0:
        print('not ok unit - must be run as root')
        return 1
    with tempfile.TemporaryDirectory() as top:
        # The confined users look for their directories below it.
        os.chmod(top, 0o755)
        prepare(top)
        test(top)
    return 1 if failed else 0


sys.exit(main())
