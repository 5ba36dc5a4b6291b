"""tactus ps, stop, set and logs against the small daemon: what is asked, what is shown, what is refused."""
import json
import subprocess

from harness import STATUS, TACTUS, Fake, check, done, environment, run_all, tactus

SERVICE = {'name': 'news', 'state': 'running', 'class': 'targeted', 'frames': 12480, 'late': 7, 'lost': 3,
           'ledger': '/var/lib/tactus/news.ledger', 'since_ns': 1700000000000000000}
LINES = [{'event': 'log', 'service': 'news', 'at_ns': 1700000000123456789, 'text': 'started: targeted'},
         {'event': 'log', 'service': 'news', 'at_ns': 1700000001999999999, 'text': 'a \x1b[31mred\x1b[0m note'}]


def said(event):
    return {'event': 'error', 'code': -22, 'exit': 2, 'line': 0, 'column': 0, **event}


def test_ps():
    with Fake([dict(STATUS, services=[SERVICE, dict(SERVICE, name='x\x1b]0;y', ledger='', **{'class': ''})]),
               done()]) as fake:
        r = tactus('ps', fake=fake)
        check(r.code == 0 and r.err == '' and '\x1b' not in r.out, r)
        rows = [line.split() for line in r.out.splitlines()]
        check(rows[1][:7] == ['news', 'running', 'targeted', '-', '12,480', '7', '3'], rows)
        check(rows[1][-1] == SERVICE['ledger'] and rows[2][2] == '-' and rows[2][-1] == '-', rows)
        check(tactus('ps', '--json', fake=fake).json()[0] == SERVICE, fake.requests)
        check(tactus('ps', 'news', fake=fake).code == 2, 'words are taken')
    r = tactus('ps')
    check(r.code == 0 and r.out == 'none runs\n' and tactus('ps', '--json').json() == [], r)


def test_stop_waits_for_the_end():
    with Fake({'stop': [done()], 'logs': LINES + [done()]}) as fake:
        r = tactus('stop', 'news', '--json', fake=fake)
        check(r.code == 0 and r.json() == {'service': 'news'}, r)
        check(fake.requests == [{'op': 'stop', 'name': 'news'}, {'op': 'logs', 'name': 'news', 'follow': True}],
              fake.requests)
    with Fake({'stop': [said({'text': 'no service of yours', 'exit': 1})]}) as fake:
        r = tactus('stop', 'news', fake=fake)
        check(r.code == 1 and 'no service of yours' in r.said and len(fake.requests) == 1, r)
    for words in ((), ('a', 'b')):
        check('wants the name of one service' in tactus('stop', *words).said, words)
    check('no tactusd runs' in tactus('stop', 'news').said and tactus('stop', 'news').code == 3, 'one was started')


def test_set():
    answer = {'event': 'set', 'set': 'clock.size=64', 'index': 77, 'has_acted': True}
    for told, words in ((answer, 'clock.size=64: acts from index 77 on'),
                        (dict(answer, has_acted=False), 'clock.size=64: will act from index 77 on'),
                        (dict(answer, index=None, has_acted=False), 'waits for the next frame')):
        with Fake([told, done()]) as fake:
            r = tactus('set', 'news', 'clock.size=64', '--at', '77', fake=fake)
            check(r.code == 0 and r.out == '' and words in r.said, words, r)
            check(fake.requests[0] == {'op': 'set', 'name': 'news', 'set': 'clock.size=64', 'at': 77}, fake.requests)
            r = tactus('set', 'news', 'clock.size=64', '--json', fake=fake)
            check(r.json() == {k: v for k, v in told.items() if k != 'event'} and 'at' not in fake.requests[1], r)
    with Fake([said({'text': "'size' cannot change", 'token': 'size', 'expected': 'colour'})]) as fake:
        r = tactus('set', 'news', 'clock.size=64', '--json', fake=fake)
        check(r.code == 2 and "'size' cannot change" in r.said and r.json()['error']['expected'] == 'colour', r)
    for words in ((), ('news',), ('news', 'a.b=1', 'c.d=2'), ('news', 'a.b=1', '--at', 'soon'),
                  ('news', 'a.b=1', '--at', '99999999999999999999')):
        check(tactus('set', *words).code == 2, words)


def test_move():
    moved = {'event': 'moved', 'service': 'news', 'component': 'blur', 'from': 'container.video', 'to': 'container.audio', 'index': 77,
             'down_ns': 61500, 'whole_ns': 2100000, 'rounds': 2, 'bytes': 70000, 'pages': 0}
    with Fake([moved, done()]) as fake:
        r = tactus('move', 'news', 'blur', 'audio', fake=fake)
        check(r.code == 0 and r.out == '' and 'blur is in container.audio from index 77 on; it stood still for 61.5 us' in r.said, r)
        check(fake.requests[0] == {'op': 'move', 'name': 'news', 'component': 'blur', 'container': 'audio'}, fake.requests)
        r = tactus('move', 'news', 'blur', 'audio', '--json', fake=fake)
        check(r.json() == {k: v for k, v in moved.items() if k != 'event'}, r)
    for words in ((), ('news',), ('news', 'blur'), ('news', 'blur', 'audio', 'video')):
        check(tactus('move', *words).code == 2, words)


def test_logs():
    with Fake(LINES + [done()]) as fake:
        r = tactus('logs', fake=fake)
        lines = r.out.splitlines()
        check(r.code == 0 and r.err == '' and '\x1b' not in r.out, r)
        check(lines[0].endswith('.123  news: started: targeted') and lines[1].endswith('.999  news: a ?[31mred?[0m note'),
              lines)
        check(tactus('logs', 'news', fake=fake).out.splitlines()[0].endswith('.123  started: targeted'), r)
        check(tactus('logs', '--json', fake=fake).json() == [{k: v for k, v in line.items() if k != 'event'}
                                                             for line in LINES], r)
        check(fake.requests == [{'op': 'logs', 'follow': False}, {'op': 'logs', 'follow': False, 'name': 'news'},
                                {'op': 'logs', 'follow': False}], fake.requests)
        check(tactus('logs', '--follow', '--json', fake=fake).code == 2, 'a document without end')


def test_follow_shows_each_line_when_it_is_said():
    def answer(request, talk):
        talk.say(LINES[0])
        talk.read()  # until the command hangs up

    with Fake(answer) as fake:
        child = subprocess.Popen([TACTUS, 'logs', '--follow'], stdout=subprocess.PIPE, env=environment(fake))
        check(child.stdout.readline().endswith(b'news: started: targeted\n'), 'the line waits')
        child.terminate()
        child.wait(timeout=10)
        check(fake.requests == [{'op': 'logs', 'follow': True}], fake.requests)


def test_completion():
    r = tactus('completion', 'fish')
    check(r.code == 2 and 'bash or zsh' in r.said, r)
    told = tactus('completion', 'bash', '--json').json()
    check(told == {'shell': 'bash', 'script': tactus('completion', 'bash').out}, json.dumps(told)[:200])


run_all(globals())
