"""prove and explain on small ledgers: whole, cut, flipped, rewritten; and which one is the last."""
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

from harness import Fake, check, check_narrow, done, run_all, tactus

MAKER = os.path.abspath(sys.argv[2])
FOLDER = tempfile.mkdtemp(prefix='tactus-ledgers-')


def make(name, kind='whole', seed=3):
    """Writes a ledger and gives its path and head."""
    path = os.path.join(FOLDER, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    head = subprocess.run([MAKER, path, kind, str(seed)], check=True, capture_output=True, text=True)
    return path, head.stdout.strip()


def test_intact():
    path, head = make('a.ledger')
    r = tactus('prove', path)
    check(r.code == 0 and r.out.startswith('intact\n') and head in r.out, r)
    check('10 frame records' in r.out and 'whether the node told' in r.out and r.err == '', r)
    check_narrow(r.out)
    r = tactus('prove', path, '--head', head.upper(), '--json')
    check(r.code == 0 and r.json()['verdict'] == 'intact' and r.json()['head'] == head, r)
    check(r.json()['head_matches'] is True and r.json()['frame_records'] == 10, r)
    check(tactus('prove', path, '--json').json()['head_matches'] is None)


def test_rewritten():
    """A whole chain under another key is intact in itself; the head betrays it."""
    path, _ = make('b.ledger', seed=4)
    _, head = make('a.ledger')
    check(tactus('prove', path).code == 0)
    r = tactus('prove', path, '--head', head)
    check(r.code == 1 and 'not the one you mean' in r.out, r)
    r = tactus('prove', path, '--head', head, '--json')
    check(r.code == 1 and r.json()['head_matches'] is False, r)


def test_incomplete():
    path, _ = make('c.ledger', 'open')
    r = tactus('prove', path)
    check(r.code == 1 and r.out.startswith('incomplete\n'), r)
    path, _ = make('d.ledger')
    os.truncate(path, os.path.getsize(path) - 300)
    r = tactus('prove', path)
    check(r.code == 1 and r.out.startswith('incomplete\n'), r)


def test_altered():
    path, head = make('e.ledger')
    with open(path, 'rb') as file:
        good = file.read()
    seed = random.Random(1)
    for _ in range(20):
        at = seed.randrange(400, len(good) - 200)
        with open(path, 'wb') as file:
            file.write(good[:at] + bytes([good[at] ^ 1 << seed.randrange(8)]) + good[at + 1:])
        r = tactus('prove', path, '--head', head)
        check(r.code == 1 and not r.out.startswith('intact'), at, r)
        check_narrow(r.out)


def test_unreadable():
    for path, words in ((os.path.join(FOLDER, 'none'), 'No such file'), (FOLDER, 'directory'),
                        ('/dev/null', ''), (MAKER, 'ledger')):
        for command in ('prove', 'explain'):
            r = tactus(command, path)
            check(r.code == 3 and words in r.said and not r.out, r)


def test_explain():
    path, _ = make('f.ledger')
    r = tactus('explain', path)
    check(r.code == 0 and 'budget' in r.out and 'out' in r.out, r)
    check(tactus('explain', path, 'worst').out == r.out, r)
    check_narrow(r.out)
    r = tactus('explain', path, '4')
    check(r.code == 0 and 'scale' in r.out, r)
    check_narrow(r.out)
    check(tactus('explain', path, '4', '--sink', 'out').out == r.out)
    check(tactus('explain', path, '4', '--json').json() is not None)
    r = tactus('explain', path, '4711')
    check(r.code == 2 and not r.out and '4711' in r.said, r)
    r = tactus('explain', path, '4', '--sink', 'nobody')
    check(r.code == 2 and 'nobody' in r.said, r)
    check(tactus('explain', path, 'four').code == 2)
    check(tactus('explain', path, '99999999999999999999999').code == 2)
    path, _ = make('g.ledger', 'open')
    r = tactus('explain', path)
    check(r.code == 0 and 'incomplete' in r.said, r)


def test_all():
    """A line a frame, or one document with all that the ledger holds."""
    path, _ = make('all.ledger', seed=9)
    text, all_ = tactus('explain', path, 'all'), tactus('explain', path, 'all', '--json').json()
    check(text.code == 0 and len(text.out.splitlines()) == len(all_['frames']) + 1, text)
    check_narrow(text.out)
    check(all_['sinks'] and all_['frames'][0]['sink'] == all_['sinks'][0], all_)
    check({frame['outcome'] for frame in all_['frames']} <= {'on_time', 'late', 'lost'}, all_)
    one = tactus('explain', path, 'all', '--sink', all_['sinks'][0], '--json').json()
    check([f['index'] for f in one['frames']] == [f['index'] for f in all_['frames']
                                                   if f['sink'] == all_['sinks'][0]], one)
    r = tactus('explain', path, 'all', '--sink', 'nobody')
    check(r.code == 2 and all_['sinks'][0] in r.said, r)


def test_huge():
    """More bytes than there is memory: only those up to the first fault are looked at."""
    path, _ = make('huge.ledger', seed=10)
    os.truncate(path, 1 << 36)
    r = tactus('prove', path)
    check(r.code == 1 and 'altered' in r.out, r)
    path = os.path.join(FOLDER, 'nothing.ledger')
    with open(path, 'w'):
        pass
    r = tactus('prove', path)
    check(r.code == 3 and 'empty' in r.said, r)
    check(tactus('prove', FOLDER).code == 3)


def test_last():
    """tactusd names the last one; without it the newest in the folder of state is taken."""
    path, head = make('h.ledger', seed=5)
    with Fake({'last': [{'event': 'last', 'ledger': path}, done()]}) as fake:
        r = tactus('prove', fake=fake)
        check(r.code == 0 and head in r.out, r)
        r = tactus('explain', '4', fake=fake)
        check(r.code == 0 and r.out.startswith(path), r)
    state = {'XDG_STATE_HOME': os.path.join(FOLDER, 'state'), 'HOME': FOLDER}
    old, _ = make('state/tactus/old.ledger', seed=6)
    os.utime(old, (time.time() - 100, time.time() - 100))
    _, head = make('state/tactus/ledgers/new.ledger', seed=7)
    r = tactus('prove', env=state)
    check(r.code == 0 and head in r.out, r)


try:
    run_all(globals())
finally:
    shutil.rmtree(FOLDER)
