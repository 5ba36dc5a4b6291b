"""tactus inspect with a tactus-host of the test's own beside the command."""
import json
import os
import shlex
import shutil
import stat
import subprocess
import tempfile

from harness import TACTUS, check, check_narrow, run_all, tactus

LONG = 'tactus run ' + "text.clock 'a  b' " * 12 + '! null --for 2s'
KINDS = [
    {'name': 'video.scale', 'help': 'resizes pictures ' * 8, 'example': 'tactus run a ! b',
     'flags': ['pure', 'edge', 7],
     'ports': [{'name': 'in', 'direction': 'in', 'leader': True,
                'accepts': [{'kind': 'video', 'format': 'I420', 'ffmpeg': 'yuv420p', 'width': 64},
                            {'kind': 'video', 'format': 'NV12', 'ffmpeg': 'nv12'}],
                'policies': ['drop', 'repeat'], 'optional': False, 'instances': 1},
               {'name': 'out', 'direction': 'out', 'accepts': []}],
     'params': [{'name': 'width', 'type': 'int', 'unit': 'pixels', 'help': 'of the output',
                 'default': '0', 'min': 0, 'max': 8192, 'live': False},
                {'name': 'method', 'type': 'choice', 'unit': 'point|bilinear', 'help': 'how',
                 'default': 'bilinear', 'live': True, 'min': None, 'max': None},
                {'name': 'url', 'type': 'text', 'unit': None, 'help': 'where',
                 'default': None}]},
    {'name': 'null', 'help': 'takes everything', 'example': 'test.video ! null', 'ports': [],
     'params': []},
    {'name': 'video.convert', 'help': 'changes formats', 'example': LONG, 'ports': [], 'params': []}]
FOLDER = tempfile.mkdtemp(prefix='tactus-inspect-')
PROGRAM = os.path.join(FOLDER, 'tactus')


def inspect(*words, host=None):
    """Runs the command's copy beside a host that prints this."""
    path = os.path.join(FOLDER, 'tactus-host')
    if host is None:
        host = json.dumps(KINDS)
    with open(path, 'w') as file:
        file.write('#!/bin/sh\n[ "$1" = --catalogue ] || exit 9\ncat <<"E"\n' + host + '\nE\n')
    os.chmod(path, stat.S_IRWXU)
    return tactus('inspect', *words, program=PROGRAM)


def test_list():
    r = inspect()
    check(r.code == 0 and r.err == '', r)
    check(r.out.index('video.convert') < r.out.index('video.scale'), r)
    check(r.out.count('video\n') == 1 and 'plain\n  null' in r.out, r)
    check_narrow(r.out)
    check(inspect(host=json.dumps({'components': KINDS})).out == r.out)
    check([kind['name'] for kind in inspect('--json').json()] == [k['name'] for k in KINDS])


def test_one():
    r = inspect('video.scale')
    for words in ('I420 (yuv420p)', 'NV12 (nv12)', 'leads the join', 'drop (default), repeat', 'width=64',
                  'does blocking input',
                  'int 0 to 8192 pixels; default 0', 'point | bilinear; default bilinear',
                  'may change while running', 'must be given', '\n  tactus run a ! b\n'):
        check(words in r.out or words in ' '.join(r.out.split()), words, r)
    check_narrow(r.out)
    check('\n  tactus run test.video ! null\n' in inspect('null').out)
    check(inspect('video.scale', '--json').json() == KINDS[0])


def test_long_example():
    """A shell reads the lines of an example as the one that was written."""
    r = inspect('video.convert')
    check_narrow(r.out)
    shown = r.out.split('example\n')[1]
    check(shown.count('\n') > 2, r)
    said = subprocess.run(['sh', '-c', shown.replace('tactus', 'printf "%s|"', 1)],
                          capture_output=True, text=True, check=True).stdout
    check(said == '|'.join(shlex.split(LONG)[1:]) + '|', said)


def test_unknown():
    r = inspect('video.scal')
    check(r.code == 2 and "did you mean 'video.scale'?" in r.said and not r.out, r)
    check(inspect('zzzzzzzzzzzz').code == 2)


def test_bad_host():
    for host in ('', 'hello', '{}', '[1, 2', '7'):
        r = inspect(host=host)
        check(r.code == 3 and 'tactus-host' in r.said, host, r)
    check(inspect(host='[1, null, {}]').code == 0)
    os.unlink(os.path.join(FOLDER, 'tactus-host'))
    r = tactus('inspect', program=PROGRAM)
    check(r.code in (0, 3) and (r.code == 0 or 'tactus-host' in r.said), r)


try:
    shutil.copy(TACTUS, PROGRAM)
    run_all(globals())
finally:
    shutil.rmtree(FOLDER)
