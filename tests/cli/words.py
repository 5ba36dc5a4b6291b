"""The command line: words, options, help, exit codes, and where output goes."""
import os
import subprocess

from harness import (COUNTS, PLAN, STATUS, TACTUS, Fake, check, check_narrow, done, environment,
                     run_all, tactus)

COMMANDS = ['run', 'check', 'inspect', 'explain', 'prove']


def test_help():
    for words in (['help'], ['--help'], ['-h']):
        r = tactus(*words)
        check(r.code == 0 and r.err == '', r)
        for command in COMMANDS:
            check(f'  {command} ' in r.out, r)
        check_narrow(r.out)
    for command in COMMANDS:
        r = tactus(command, '--help')
        check(r.code == 0 and r.out.startswith(f'usage: tactus {command}'), r)
        check(r.out == tactus('help', command).out == tactus(command, '-h').out, r)
        check('%' not in r.out.replace('1%', ''), r)
        check_narrow(r.out)


def test_version():
    r = tactus('--version')
    check(r.code == 0 and r.out.startswith('tactus ') and r.out[7].isdigit(), r)
    check(tactus('-V').out == r.out)


def test_unknown_words():
    r = tactus('rnu')
    check(r.code == 2 and "unknown command 'rnu'; did you mean 'run'?" in r.said and not r.out, r)
    r = tactus('xyzzyxyzzy')
    check(r.code == 2 and 'did you mean' not in r.said, r)
    r = tactus('news.yaml')
    check(r.code == 2 and 'run news.yaml' in r.said, r)
    r = tactus('')
    check(r.code == 2, r)
    r = tactus('run', '--deadlin', '40ms', 'a')
    check(r.code == 2 and "did you mean '--deadline'?" in r.said, r)
    r = tactus('prove', '--deadline', '40ms')
    check(r.code == 2 and 'unknown option' in r.said, r)
    r = tactus('help', 'chek')
    check(r.code == 2 and "'check'" in r.said, r)


def test_bad_options():
    for words in (['run'], ['check'], ['run', 'null', '--for'], ['run', 'null', '--for', 'soon'],
                  ['run', 'null', '--for', '-3s'], ['run', 'null', '--quiet=1'],
                  ['run', 'a', '--quiet', 'b'], ['prove', '--head', 'abc'], ['prove', 'a', 'b'],
                  ['inspect', 'a', 'b'], ['explain', 'a', 'b', 'c'], ['explain', 'a', 'b'],
                  ['run', 'null', '--print', '--dot']):
        r = tactus(*words)
        check(r.code == 2 and r.err and not r.out, words, r)
        check_narrow(r.err)


def test_json_errors():
    r = tactus('run', '--json', '--deadlin', '1')
    check(r.code == 2 and r.json()['error']['exit'] == 2, r)
    check(r.json()['error']['nearest'] == '--deadline' and 'unknown option' in r.said, r)
    r = tactus('prove', '/nonexistent.ledger', '--json')
    check(r.code == 3 and r.json()['error']['exit'] == 3, r)


def asked(*words, **more):
    """The request that these words make."""
    with Fake({'check': [PLAN, done()], 'shape': [{'event': 'picture', 'print': 'tactus: 1\n',
                                                   'dot': 'digraph {}\n', 'notes': []}, done()],
               'status': [STATUS, done()]}) as fake:
        r = tactus(*words, fake=fake, **more)
        check(r.code == 0, r)
        check(len(fake.requests) == 1, fake.requests)
        return fake.requests[0], r


def test_graph():
    q, _ = asked('check', 'test.video', 'width=64', '!', 'null', '--deadline', '40ms')
    check(q['form'] == 'graph' and q['text'] == 'test.video width=64 ! null', q)
    check(q['deadline'] == '40ms' and q['profile'] is True and q['base'] == os.getcwd(), q)
    check('loss' not in q and 'sets' not in q and 'best_effort' not in q, q)
    q, _ = asked('check', '--loss=0.1%', '--no-profile', '--best-effort', '--name', 'x', '--set',
                 'a.b=c', '--set=d.e=f', 'test.video ! null')
    check(q['text'] == 'test.video ! null' and q['loss'] == '0.1%' and q['profile'] is False, q)
    check(q['best_effort'] is True and q['name'] == 'x' and q['sets'] == ['a.b=c', 'd.e=f'], q)
    q, _ = asked('check', 'text.clock', 'format=%H %M "x"', 'size=4', '!', 'null')
    check(q['text'] == 'text.clock format="%H %M \\"x\\"" size=4 ! null', q)
    q, _ = asked('check', '--', 'a', '!', '--b')
    check(q['text'] == 'a ! --b', q)


def test_files():
    with Fake([]) as place:
        path = os.path.join(place.folder, 'sub dir')
        os.mkdir(path)
        with open(os.path.join(path, 'a.yaml'), 'w') as file:
            file.write('tactus: 1\nservice: ü\n')
        with open(os.path.join(path, 'plain'), 'w') as file:
            file.write('tactus: 1\n')
        q, _ = asked('check', os.path.join(path, 'a.yaml'))
        check(q['form'] == 'yaml' and q['text'] == 'tactus: 1\nservice: ü\n', q)
        check(q['base'] == os.path.realpath(path), q)
        q, _ = asked('check', 'plain', cwd=path)
        check(q['form'] == 'yaml' and q['base'] == os.path.realpath(path), q)
        q, _ = asked('check', '-', stdin='tactus: 1\n')
        check(q['form'] == 'yaml' and q['text'] == 'tactus: 1\n', q)
        r = tactus('check', os.path.join(path, 'none.yaml'))
        check(r.code == 3 and 'No such file' in r.said, r)
        r = tactus('check', path)
        check(r.code == 3 and 'folder' in r.said, r)


def test_absurd_files():
    with Fake([]) as place:
        path = os.path.join(place.folder, 'a.yaml')
        for content, word in ((b'a' * (10 << 20), '1 MiB'), (b'a\0b', 'zero byte'),
                              (b'ok\nx\xff', ':2:2: byte 0xff')):
            with open(path, 'wb') as file:
                file.write(content)
            r = tactus('check', path)
            check(r.code == 2 and word in r.said, r)
            check(tactus('check', '-', stdin=content).code == 2)
        check(tactus('check', '/dev/zero').code == 2)


def test_print():
    q, r = asked('run', 'test.video', '!', 'null', '--print')
    check(q['op'] == 'shape' and r.out == 'tactus: 1\n' and r.err == '', q, r)
    q, r = asked('run', 'test.video', '!', 'null', '--dot')
    check(r.out == 'digraph {}\n', r)
    q, r = asked('run', 'test.video', '!', 'null', '--dot', '--json')
    check(r.json()['dot'] == 'digraph {}\n' and 'event' not in r.json(), r)


def test_long_names():
    """A service's name that is longer than its column stands on a line of its own."""
    service = {'name': 'n' * 60, 'state': 'running', 'class': 'targeted', 'frames': 1, 'late': 0, 'lost': 0,
               'ledger': '/l'}
    with Fake([dict(STATUS, services=[service]), done()]) as fake:
        r = tactus(fake=fake)
    check(r.code == 0 and '\n  ' + 'n' * 60 + '\n' in r.out, r)
    check_narrow(r.out)


def test_other_version():
    """A tactusd that runs on from before an update is named, with what to do about it."""
    for version, is_told in (('0.0.1', True), (tactus('--version').out.split()[1], False)):
        with Fake([dict(STATUS, version=version), done()]) as fake:
            r = tactus(fake=fake)
        check(r.code == 0 and ('end that process' in r.out) == is_told, r)
        check_narrow(r.out)


def test_bare():
    q, r = asked()
    check(q == {'op': 'status'} and r.err == '', q, r)
    for word in ('deadline', 'EPERM', 'get it: sudo systemctl start tactusd', 'fifo', '22.5 %',
                 'tactus run test.video ! null', 'none runs', 'nothing can be promised'):
        check(word in r.out, word, r)
    check_narrow(r.out)
    _, r = asked('--json')
    check(r.json()['rights'] == STATUS['rights'], r)
    service = dict(COUNTS, name='news', state='running', ledger='/x', **{'class': 'targeted'})
    with Fake([dict(STATUS, services=[service]), done()]) as fake:
        r = tactus(fake=fake)
    check('news' in r.out and '12,480' in r.out and 'tactus explain' in r.out, r)


def test_closed_stdout():
    """Who closed the pipe has seen enough; a full disk is told."""
    for words in (['help'], ['run', '--help']):
        read, write = os.pipe()
        os.close(read)
        child = subprocess.run([TACTUS, *words], stdout=write, stderr=subprocess.PIPE,
                               env=environment())
        os.close(write)
        check(child.returncode == 0 and child.stderr == b'', child)
    with open('/dev/full', 'w') as full:
        child = subprocess.run([TACTUS, 'help'], stdout=full, stderr=subprocess.PIPE,
                               env=environment())
    check(child.returncode == 3 and b'No space left' in child.stderr, child)


def test_unreachable():
    """A daemon that cannot be started, one that hangs up, one that talks nonsense."""
    with Fake([]) as fake:
        r = tactus('check', 'test.video ! null', fake=fake)
        check(r.code == 3 and 'tactusd' in r.said, r)
        r = tactus('check', 'test.video ! null', '--json', fake=fake)
        check(r.code == 3 and r.json()['error']['exit'] == 3, r)
    with Fake(lambda request, talk: talk.connection.sendall(b'hello\n')) as fake:
        r = tactus('check', 'test.video ! null', fake=fake)
        check(r.code == 3 and 'not an event' in r.said, r)
    with Fake([done()]) as fake:
        r = tactus('check', 'test.video ! null', fake=fake)
        check(r.code == 3 and 'version' in r.said, r)


run_all(globals())
