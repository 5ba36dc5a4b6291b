"""Errors in a service's text, shown like a compiler shows them; and colour."""
import os

from harness import PLAN, REFUSAL, Fake, check, check_narrow, done, run_all, tactus, tactus_on_tty

TEXT = 'tactus: 1\ncomponents:\n  scale: {kind: video.scal, params: {width: 640}}\n'
ERROR = {'event': 'error', 'code': -22, 'text': "unknown kind 'video.scal'", 'line': 3,
         'column': 17, 'token': 'video.scal', 'expected': 'a kind that tactus inspect lists',
         'nearest': 'video.scale', 'exit': 2}


def shown(error, text=TEXT, name='news.yaml', words=(), **more):
    """What check says when tactusd answers so."""
    with Fake([error]) as fake:
        with open(os.path.join(fake.folder, name), 'wb') as file:
            file.write(text.encode())
        return tactus('check', name, *words, fake=fake, cwd=fake.folder, **more)


def test_place():
    r = shown(ERROR)
    lines = r.err.splitlines()
    check(r.code == 2 and r.out == '', r)
    check(lines[0] == "news.yaml:3:17: unknown kind 'video.scal'; did you mean 'video.scale'?", r)
    check(lines[1].endswith('| ' + TEXT.splitlines()[2]), r)
    check(lines[2].index('^') - lines[2].index('|') == lines[1].index('video.scal') -
          lines[1].index('|'), r)
    check('^~~~~~~~~~' in lines[2] and '^~~~~~~~~~~' not in lines[2], r)
    check(lines[3] == '  accepted: a kind that tactus inspect lists', r)


def test_no_said_twice():
    r = shown(dict(ERROR, text="unknown kind; did you mean 'video.scale'?"))
    check(r.said.count('did you mean') == 1, r)
    r = shown(dict(ERROR, text='unknown kind: a kind that tactus inspect lists', nearest=''))
    check('accepted' not in r.err and 'did you mean' not in r.err, r)


def test_graph_place():
    with Fake([dict(ERROR, line=1, column=14)]) as fake:
        r = tactus('run', 'test.video', '!', 'video.scal', '!', 'null', fake=fake)
    check(r.code == 2 and r.err.startswith('graph:1:14: unknown kind'), r)
    check('test.video ! video.scal ! null' in r.err, r)


def test_odd_places():
    """Places that are not in the text, long lines, wide characters, tabs, escapes."""
    check(shown(dict(ERROR, line=99)).code == 2)
    check(shown(dict(ERROR, line=0, column=0)).err.startswith('tactus check: unknown'))
    check(shown(dict(ERROR, column=4000000000)).code == 2)
    check(shown(dict(ERROR, line=-5)).code == 2)
    check(shown(dict(ERROR, line='x', column=[])).code == 2)
    long = 'a' * 5000 + ' video.scal ' + 'b' * 5000
    r = shown(dict(ERROR, line=1, column=5002), text=long)
    lines = r.err.splitlines()
    check(lines[1][lines[2].index('^'):].startswith('video.scal'), r)
    check_narrow(r.err)
    r = shown(dict(ERROR, line=1, column=4), text='üü video.scal')
    lines = r.err.splitlines()
    check(lines[1][lines[2].index('^'):] == 'video.scal', r)
    r = shown(dict(ERROR, line=1, column=2, text='bad \033[31m token'), text='\tvid\033[31meo')
    check('\033' not in r.err and '?' in r.err, r)


def test_exit_codes():
    for code in (1, 2, 3):
        r = shown(dict(ERROR, exit=code))
        check(r.code == code, r)
    for odd in (0, 7, -1, None, 'x'):
        r = shown(dict(ERROR, exit=odd))
        check(r.code == 3, odd, r)


def test_json():
    r = shown(ERROR, words=['--json'])
    check(r.code == 2, r)
    want = {k: v for k, v in ERROR.items() if k != 'event'}
    check(r.json() == {'error': want}, r)
    check("did you mean 'video.scale'?" in r.err, r)


def test_verdicts():
    with Fake([PLAN, done()]) as fake:
        r = tactus('check', 'x', fake=fake)
        j = tactus('check', 'x', '--json', fake=fake)
    check(r.code == 0 and r.out.startswith('yes: targeted, within 40 ms; 38.1 ms could be promised'), r)
    lines = r.out.splitlines()
    order = [[n for n, line in enumerate(lines) if line.split() == words.split()] for words in
             ('scale 690 us profile', 'out 1 us declared', 'novel x 7 novel source',
              'limit 180 % kernel', 'budget worker 4 ms computed', 'dbf 5 ms computed',
              'slack out 1.9 ms computed')]
    check(all(len(n) == 1 for n in order) and order == sorted(order), order, r)
    for word in ('4 ms of CPU in every 10 ms', '3 MiB', 'out: due 40 ms'):
        check(word in r.out, word, r)
    check_narrow(r.out)
    check(j.json() == {k: v for k, v in PLAN.items() if k != 'event'}, j)
    with Fake([dict(PLAN, **{'class': 'best-effort'}), done()]) as fake:
        r = tactus('check', 'x', fake=fake)
    check(r.code == 0 and r.out.startswith('yes: best-effort, which promises nothing'), r)
    for end in ([REFUSAL, done(1)], [REFUSAL, done()]):
        with Fake(end) as fake:
            r = tactus('check', 'x', fake=fake)
            j = tactus('check', 'x', '--json', fake=fake)
        check(r.code == 1 and r.out.startswith('no: scale needs 340 %') and r.err == '', r)
        check(j.code == 1 and j.json()['admitted'] is False, j)
        check_narrow(r.out)


def test_help_on_refusals():
    """The constraint first, then what would help, by what stands in the way."""
    cost = [{'name': 'cost', 'subject': name, 'unit': 'ns', 'source': 'profile', 'value': value}
            for name, value in (('cam', 1000000), ('large', 13100000))]
    for binding, wanted in (
            ('CPU: by mean cost alone the service needs 428.2 % of a CPU',
             'would help less work a second: a lower rate, smaller pictures, or a cheaper `large`, '
             'which costs most (13.1 ms)'),
            ('CPU: the service needs 90.0 % of a CPU and 10.0 % is free (limit 180.0 %)',
             'would help the end of another service'),
            ('deadline of `out`: within 8 ms its worker must do 9 ms',
             'would help a longer deadline (--deadline), or less work'),
            ('memory: the frame pools need 12 bytes', 'would help smaller pictures'),
            ('something else', '')):
        with Fake([dict(REFUSAL, binding=binding, terms=cost), done(1)]) as fake:
            r = tactus('check', 'x', fake=fake)
        said = ' '.join(r.out.split())
        check(r.code == 1 and said.startswith('no: ' + binding) and wanted in said, r)
        check(('would help' in said) == bool(wanted), r)
        check_narrow(r.out)


def test_notes():
    with Fake([{'event': 'note', 'text': 'video.convert was put in'}, PLAN, done()]) as fake:
        r = tactus('check', 'x', fake=fake)
    check(r.code == 0 and r.err == 'note: video.convert was put in\n', r)


def test_colour():
    with Fake([ERROR]) as fake:
        r = tactus_on_tty('check', 'x', fake=fake)
        check(r.code == 2 and '\033[1m' in r.err, r)
        r = tactus_on_tty('check', 'x', fake=fake, env={'NO_COLOR': '1'})
        check(r.code == 2 and '\033' not in r.err, r)
        r = tactus_on_tty('check', 'x', fake=fake, env={'TERM': 'dumb'})
        check('\033' not in r.err, r)
        r = tactus_on_tty('check', 'x', fake=fake, env={'NO_COLOR': ''})
        check('\033[1m' in r.err, r)
        check('\033' not in tactus('check', 'x', fake=fake).err)


run_all(globals())
