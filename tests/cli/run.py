"""tactus run against the small daemon: live line, report, descriptors, stops, deaths."""
import json
import os
import signal
import subprocess
import time

from harness import (COUNTS, LIVE, PLAN, REFUSAL, REPORT, RIGHTS, STARTED, STATUS, TACTUS, Fake, check,
                     check_narrow, done, environment, run_all, tactus, tactus_on_tty)

WHOLE = [{'event': 'progress', 'text': 'measuring costs'}, PLAN, STARTED,
         {'event': 'note', 'text': 'nobody watches yet'}, LIVE, dict(LIVE, t_ns=13000000000),
         REPORT, done()]


def test_whole():
    with Fake(WHOLE) as fake:
        r = tactus('run', 'test.video', '!', 'null', '--for', '1500ms', '--no-profile', fake=fake)
    q = fake.requests[0]
    check(q['op'] == 'run' and q['for_ns'] == 1500000000 and q['profile'] is False, q)
    check('detach' not in q, q)
    check(r.code == 0 and r.out == '', r)
    for words in ('yes: targeted', 'note: nobody watches yet', ' 12 s  slack 214.3 ms    24/s  late 0',
                  'news: the promise was kept', '99 % of the frames within 300 ms',
                  'delivered on time of late lost ours repeated '
                  'file.video 12,470 12,480 7 3 2 1 live.video 12,470 12,480 0 3 2 1',
                  'p99.9 70 ms', 'edge 2, host 1', '/var/lib/tactus/news.ledger',
                  'ab' * 32, 'tactus explain /var/lib/tactus/news.ledger worst'):
        check(words in r.said or words in r.err, words, r)
    check(r.said.index('12 s') < r.said.index('13 s') < r.said.index('was kept'), r)
    check_narrow(r.err)


def test_for():
    for words, ns in (('10m', 600000000000), ('1.5h', 5400000000000), ('1h', 3600000000000)):
        with Fake(WHOLE) as fake:
            r = tactus('run', 'x', '--for', words, fake=fake)
            check(r.code == 0 and fake.requests[0]['for_ns'] == ns, fake.requests, r)


def test_quiet():
    with Fake(WHOLE) as fake:
        r = tactus('run', 'x', '--quiet', fake=fake)
    check(r.code == 0 and r.out == '' and r.err == '', r)
    with Fake([REFUSAL, done(1)]) as fake:
        r = tactus('run', 'x', '--quiet', fake=fake)
    check(r.code == 1 and 'scale needs 340 %' in r.said, r)
    broken = dict(REPORT, frames=33, on_time=0, ledger='/x/a.ledger')
    with Fake([PLAN, STARTED, broken, done(1)]) as fake:
        r = tactus('run', 'x', '--quiet', fake=fake)
        check(r.code == 1 and r.out == '', r)
        check(r.err == 'the promise was broken: 0 of 33 on time; ledger /x/a.ledger\n', r)
        check(tactus('run', 'x', '--quiet', '--json', fake=fake).json()['frames'] == 33)


def test_json_and_report():
    want = {k: v for k, v in REPORT.items() if k != 'event'}
    with Fake(WHOLE) as fake:
        path = os.path.join(fake.folder, 'report.json')
        r = tactus('run', 'x', '--json', '--report', path, fake=fake)
        check(r.code == 0 and r.json() == want, r)
        check('stdout' not in fake.requests[0]['fds'], fake.requests)
        with open(path) as file:
            check(json.load(file) == want)
        check(sorted(os.listdir(fake.folder)) == ['control', 'report.json'])


def test_broken_promise():
    with Fake([PLAN, STARTED, REPORT, done(1)]) as fake:
        r = tactus('run', 'x', fake=fake)
    check(r.code == 1 and 'the promise was broken' in r.said, r)


def failure(code, text='tactusd says why'):
    return {'event': 'error', 'text': text, 'exit': code}


def test_refused():
    """A refusal is told once, whether the daemon ends with `done` or with the same as an error."""
    for end in (done(1), failure(1, REFUSAL['binding'])):
        with Fake([REFUSAL, end]) as fake:
            r = tactus('run', 'x', fake=fake)
            check(r.code == 1 and r.said.startswith('no: scale needs 340 %') and not r.out, r)
            check('tactus check' in r.said and r.said.count('340 %') == 1, r)
            r = tactus('run', 'x', '--json', fake=fake)
            check(r.code == 1 and r.json()['admitted'] is False, r)


def test_failures():
    """Before the first frame, and with a report: one JSON document in both cases."""
    with Fake([PLAN, failure(3)]) as fake:
        r = tactus('run', 'x', '--json', fake=fake)
        check(r.code == 3 and r.json() == {'error': {'text': 'tactusd says why', 'exit': 3}}, r)
        check('tactusd says why' in r.said, r)
    with Fake([PLAN, STARTED, REPORT, failure(1)]) as fake:
        r = tactus('run', 'x', '--json', fake=fake)
        check(r.code == 1 and r.json()['frames'] == 12480 and 'tactusd says why' in r.said, r)
        r = tactus('run', 'x', fake=fake)
        check(r.code == 1 and 'was broken' in r.said and 'tactusd says why' in r.said, r)
    with Fake([done()]) as fake:
        r = tactus('run', 'x', fake=fake)
        check(r.code == 0 and 'ended before it had begun' in r.said, r)


def test_missing_rights():
    nothing = dict(REPORT, promised=None, class_reason='no right to SCHED_DEADLINE here',
                   **{'class': 'best-effort'})
    answers = {'run': [PLAN, STARTED, nothing, done()], 'status': [STATUS, done()]}
    with Fake(answers) as fake:
        r = tactus('run', 'x', fake=fake)
        check(r.code == 0 and 'nothing was promised' in r.said, r)
        check('sudo systemctl start tactusd' in r.said, r)
        check('no right to SCHED_DEADLINE here' in r.said, r)
    answers['run'] = [PLAN, STARTED, dict(nothing, class_reason='no source is live'), done()]
    with Fake(answers) as fake:
        r = tactus('run', 'x', fake=fake)
        check('nothing was promised' in r.said and 'systemctl' not in r.said, r)
    answers['run'] = [PLAN, STARTED, nothing, done()]
    answers['status'] = [dict(STATUS, rights=RIGHTS[1:]), done()]
    with Fake(answers) as fake:
        r = tactus('run', 'x', fake=fake)
        check('systemctl' not in r.said, r)


def test_live_line():
    with Fake(WHOLE) as fake:
        r = tactus_on_tty('run', 'x', fake=fake)
    check('\r\033[K 12 s  slack 214.3 ms' in r.err and '\r\033[K 13 s' in r.err, r)
    check('12 s  slack 214.3 ms    24/s  late 0  lost 0  repeated 0  frames 288\r\033[K' in r.err, r)
    check(r.err.count('\n') == r.err.count('\r\n'), r)
    with Fake(WHOLE) as fake:
        r = tactus_on_tty('run', 'x', fake=fake, columns=40)
    line = r.err[r.err.index(' 12 s'):].split('\r')[0]
    check(len(line) == 39, line)


def test_sinks():
    """Several sinks stand in a table whose numbers end under each other; one is a sentence."""
    many = {'a': COUNTS, 'b' * 20: COUNTS, 'c' * 70: dict(COUNTS, frames=98765432)}
    with Fake([PLAN, STARTED, dict(REPORT, sink='a', sinks=many), done()]) as fake:
        r = tactus('run', 'x', fake=fake)
    rows = [line for line in r.err.splitlines() if line.endswith('        1')]
    check(len(rows) == 3 and len({len(line) for line in rows}) == 1, r)
    check(' 98,765,432 ' in r.err and 'c' * 70 in r.err, r)
    check_narrow(r.err)
    with Fake([PLAN, STARTED, dict(REPORT, sinks={'file.video': COUNTS}), done()]) as fake:
        r = tactus('run', 'x', fake=fake)
    check('file.video: 12,470 on time of 12,480; late 7, lost 3 (ours 2); repeated 1' in r.said, r)


def test_live_counts():
    """Frames a second are those since the last line; where nothing was delivered there is no slack."""
    lines = [dict(LIVE, t_ns=1000000000 * n, frames=frames, lost=lost, slack_ns=slack)
             for n, frames, lost, slack in ((1, 20, 0, 214300000), (2, 45, 0, 214300000),
                                            (4, 95, 0, 214300000), (5, 120, 25, None))]
    with Fake([PLAN, STARTED, *lines, REPORT, done()]) as fake:
        r = tactus('run', 'x', fake=fake)
    for words in ('1 s  slack 214.3 ms    20/s', '2 s  slack 214.3 ms    25/s',
                  '4 s  slack 214.3 ms    25/s', '5 s  slack        -    25/s  late 0  lost 25'):
        check(words in r.err, words, r)
    shown = [line for line in r.err.splitlines() if '/s' in line]
    check(len({line.index('/s') for line in shown}) == 1, shown)


def test_asap():
    """Where media time is not paced, nobody speaks of delay or slack."""
    counts = dict(COUNTS, delay_ns=None, slack_min_ns=None)
    report = dict(REPORT, promised=None, delay_ns=None, sinks={'file.video': counts})
    with Fake([PLAN, STARTED, dict(LIVE, slack_ns=None), report, done()]) as fake:
        r = tactus('run', 'x', fake=fake)
        check(r.code == 0 and ' 12 s  slack        -    24/s  late 0' in r.err, r)
        check('delay' not in r.said and 'longest' not in r.said, r)


def test_watch():
    """A line that can be pasted, before the start; where nothing is started it is left out."""
    watch = "watch: ffplay -fflags nobuffer 'srt://127.0.0.1:9710/" + 'x' * 80 + "'"
    events = [{'event': 'note', 'text': watch}, PLAN, STARTED, REPORT, done()]
    with Fake(events) as fake:
        r = tactus('run', 'x', fake=fake)
        check(r.err.splitlines()[0] == watch, r)
        check('watch' not in tactus('run', 'x', '--quiet', fake=fake).err)
    with Fake([events[0], PLAN, done()]) as fake:
        r = tactus('check', 'x', fake=fake)
        check('watch' not in r.err + r.out, r)


def test_rights_command():
    """A user's own daemon gets its right by one command, which names the program that runs."""
    right = dict(RIGHTS[0], fix='start it as root, or: sudo setcap cap_sys_nice+ep tactusd')
    child = subprocess.Popen(['sleep', '60'], **({'user': 65534} if os.getuid() == 0 else {}))
    try:
        with Fake([dict(STATUS, pid=child.pid, rights=[right]), done()]) as fake:
            r = tactus(fake=fake)
            wanted = f"sudo setcap cap_sys_nice+ep {os.readlink(f'/proc/{child.pid}/exe')} && kill {child.pid}"
            check(r.code == 0 and '  ' + wanted + '\n' in r.out.split('\nnext\n')[1], r)
    finally:
        child.kill()
        child.wait()


def test_words_before_daemon():
    for words, said in ((('a.yaml', 'b.yaml'), "one FILE at a time; 'b.yaml'"),
                        (('x', '--name', 'a b'), "'a b' is no service's name"),
                        (('x', '--for', '90'), '--for 90 is no time: write a number and its unit, ns, us, ms, s, '
                                               'm or h, as in 20s or 1.5h'),
                        (('x', '--for', '0s'), '--for 0s is no time')):
        r = tactus('run', *words)
        check(r.code == 2 and said in r.said, r)


def test_descriptors():
    """stdin, stdout and the ledger are the caller's own; the ledger has its name from the start."""
    def answer(request, talk):
        fds = dict(zip(request['fds'], talk.fds))
        data = os.read(fds['stdin'], 100)
        check(os.readlink(f"/proc/self/fd/{fds['ledger']}") == path)
        check(os.path.exists(path + '.before'))
        os.write(fds['ledger'], b'ledger')
        talk.say(PLAN, STARTED)
        os.write(fds['stdout'], data.upper())
        talk.say(REPORT, done())
    with Fake(answer) as fake:
        path = os.path.join(fake.folder, "it's.ledger")
        with open(path, 'w') as file:
            file.write('the one of the run before')
        r = tactus('run', 'raw.read', 'url=-', '!', 'raw.write', 'url=-', '--ledger', path,
                   fake=fake, stdin='abc')
        check(r.code == 0 and r.out == 'ABC', r)
        with open(path) as file:
            check(file.read() == 'ledger')
        check(not os.path.exists(path + '.before'))
        check("it'\\''s.ledger' worst" in r.said, r)
    with Fake(WHOLE) as fake:
        tactus('run', '-', fake=fake, stdin='tactus: 1\n')
        check('stdin' not in fake.requests[0]['fds'], fake.requests)


def test_refusal_keeps_files():
    """A refused run leaves the ledger and report of the one before it alone."""
    with Fake([REFUSAL, done(1)]) as fake:
        path = os.path.join(fake.folder, 'a')
        for end in ('.ledger', '.json'):
            with open(path + end, 'w') as file:
                file.write('old')
        r = tactus('run', 'x', '--ledger', path + '.ledger', '--report', path + '.json', fake=fake)
        check(r.code == 1, r)
        for end in ('.ledger', '.json'):
            with open(path + end) as file:
                check(file.read() == 'old')
            check(not os.path.exists(path + end + '.before'))
            os.unlink(path + end)
        tactus('run', 'x', '--ledger', path + '.ledger', fake=fake)
        check(not os.path.exists(path + '.ledger'))
        r = tactus('run', 'x', '--ledger', path + '.none/a', fake=fake)
        check(r.code == 3 and f'cannot write {path}.none/a' in r.said, r)


def test_full_report():
    with Fake(WHOLE) as fake:
        r = tactus('run', 'x', '--report', '/dev/full', fake=fake)
    check(r.code == 3 and 'cannot write /dev/full' in r.said and 'was kept' in r.said, r)


def test_detach():
    with Fake([PLAN, STARTED]) as fake:
        r = tactus('run', 'x', '--detach', fake=fake)
        check(fake.requests[0]['detach'] is True, fake.requests)
        check(r.code == 0 and 'runs on' in r.said and 'news.ledger' in r.said, r)
        r = tactus('run', 'x', '--detach', '--json', fake=fake)
        check(r.json()['ledger'] == STARTED['ledger'], r)


def test_daemon_death():
    with Fake([PLAN, STARTED, LIVE]) as fake:
        r = tactus('run', 'x', fake=fake)
    check(r.code == 3 and 'tactusd ended before it had answered' in r.said, r)


def stopped(answer, signals):
    """Sends the signals, each when the daemon has seen the one before; the result and the time."""
    with Fake(answer) as fake:
        child = subprocess.Popen([TACTUS, 'run', 'x'], env=environment(fake),
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for number, ready in signals:
            limit = time.monotonic() + 10
            while not ready():
                check(time.monotonic() < limit, 'never ready')
                time.sleep(0.01)
            child.send_signal(number)
        _, err = child.communicate(timeout=15)
        return child.returncode, ' '.join(err.decode().split())


def test_stop_in_order():
    for number in (signal.SIGINT, signal.SIGTERM):
        seen = []

        def answer(request, talk):
            talk.say(PLAN, STARTED, LIVE)
            seen.append(request)
            seen.append(talk.read())
            talk.say(REPORT, done())
        code, err = stopped(answer, [(number, lambda: seen)])
        check(code == 0 and seen[1] == {'op': 'stop'}, code, err, seen)
        check('ending in order' in err and 'was kept' in err, err)


def test_stop_twice():
    seen = []

    def answer(request, talk):
        talk.say(PLAN, STARTED)
        seen.append(request)
        seen.append(talk.read())
        seen.append(talk.read())
        seen.append(talk.read())
    code, err = stopped(answer, [(signal.SIGINT, lambda: len(seen) == 1),
                                 (signal.SIGINT, lambda: len(seen) == 2)])
    check(code == 3 and 'killed before it could report' in err, code, err)
    limit = time.monotonic() + 10
    while len(seen) < 4 and time.monotonic() < limit:
        time.sleep(0.01)
    check(seen[1:] == [{'op': 'stop'}, {'op': 'stop'}, None], seen)


run_all(globals())
