"""A small tactusd that answers as a test tells it to, and the command run against it."""
import array
import fcntl
import json
import os
import pty
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import threading

os.environ['LC_ALL'] = 'C'  # what other programs say of the user's locale is not what is tested
TACTUS = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else ''

PLAN = {'event': 'plan', 'admitted': True, 'class': 'targeted',
        'class_reason': 'budgets are enforced', 'bound_ns': 38100000, 'slack_ns': 1900000,
        'binding': 'out: 1.9 ms of its 40 ms are left', 'pool_bytes': 3145728,
        'reservation': {'budget_ns': 4000000, 'period_ns': 10000000, 'deadline_ns': 10000000},
        'sinks': {'out': {'deadline_ns': 40000000, 'structural_ns': 0, 'bound_ns': 38100000,
                          'slack_ns': 1900000}},
        'terms': [{'name': name, 'subject': subject, 'unit': unit, 'source': source,
                   'value': value} for name, subject, unit, source, value in (
                       ('dbf', 'binding t', 'ns', 'computed', 5000000),
                       ('limit', '', 'ppm', 'kernel', 1800000),
                       ('slack', 'out', 'ns', 'computed', 1900000),
                       ('budget', 'worker', 'ns', 'computed', 4000000),
                       ('cost', 'scale', 'ns', 'profile', 690000),
                       ('cost', 'out', 'ns', 'declared', 1000),
                       ('novel', 'x', '', 'novel source', 7))]}
REFUSAL = {'event': 'plan', 'admitted': False, 'class': 'best-effort',
           'class_reason': 'no worker can carry it', 'bound_ns': 0, 'slack_ns': -5000000,
           'binding': 'scale needs 340 % of a CPU on average, and 1 worker has 90 %', 'terms': []}
COUNTS = {'frames': 12480, 'on_time': 12470, 'late': 7, 'late_ours': 2, 'lost': 3, 'repeated': 1}
REPORT = dict(COUNTS, event='report', service='news', **{'class': 'targeted'},
              class_reason='budgets are enforced', promised={'deadline_ns': 300000000, 'loss': 0.01},
              delay_ns={'p50': 41200000, 'p99': 60100000, 'p99_9': 70000000, 'max': 71000000},
              first_frame_ns=312000000, cpu_ns=14200000000, switches=5123,
              causes={'edge': 2, 'host': 1}, ledger='/var/lib/tactus/news.ledger',
              ledger_head='ab' * 32, sink='file.video',
              sinks={'file.video': COUNTS, 'live.video': dict(COUNTS, late=0)})
RIGHTS = [{'right': 'deadline', 'state': 'no', 'detail': 'reserves CPU time; the kernel said EPERM',
           'fix': 'sudo systemctl start tactusd'},
          {'right': 'fifo', 'state': 'yes', 'detail': 'runs before all normal work', 'fix': ''}]
STATUS = {'event': 'status', 'version': '0.1.0', 'pid': 42, 'class': 'fifo',
          'rights': RIGHTS, 'services': [], 'reserved_ppm': 225000, 'limit_ppm': 1800000, 'cpus': 2}
STARTED = {'event': 'started', 'ledger': '/var/lib/tactus/news.ledger', 'first_frame_ns': 312000000}
LIVE = {'event': 'live', 't_ns': 12000000000, 'slack_ns': 214300000, 'frames': 288, 'late': 0,
        'lost': 0, 'repeated': 0}


def done(code=0):
    return {'event': 'done', 'exit': code}


class Fake:
    """Answers each request by what `answers` gives: a list, or a function of (request, talk)."""

    def __init__(self, answers):
        self.answers = answers
        self.folder = tempfile.mkdtemp(prefix='tactus-cli-')
        self.path = os.path.join(self.folder, 'control')
        self.requests = []
        self.server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.server.bind(self.path)
        self.server.listen(8)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                connection, _ = self.server.accept()
            except OSError:
                return
            threading.Thread(target=self.talk, args=(Talk(connection),), daemon=True).start()

    def talk(self, talk):
        request = talk.read()
        if request is None:
            return
        self.requests.append(request)
        answers = self.answers
        if isinstance(answers, dict):
            answers = answers.get(request['op'], [{'event': 'error', 'text': 'no such operation',
                                                   'exit': 3}])
        try:
            if callable(answers):
                answers(request, talk)
            else:
                talk.say(*answers)
        except OSError:
            pass
        for fd in talk.fds:
            os.close(fd)
        talk.connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # A thread that still accepts would do so on the next socket that gets this number.
        self.server.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.server.close()
        shutil.rmtree(self.folder)


class Talk:
    """One connection, seen from the daemon."""

    def __init__(self, connection):
        self.connection = connection
        self.bytes = b''
        self.fds = []

    def read(self):
        """The next request; None when the command hung up."""
        while b'\n' not in self.bytes:
            try:
                data, extra, _, _ = self.connection.recvmsg(65536, 1024)
            except OSError:
                return None
            for level, kind, payload in extra:
                if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                    fds = array.array('i')
                    fds.frombytes(payload[:len(payload) - len(payload) % fds.itemsize])
                    self.fds += fds
            if not data:
                return None
            self.bytes += data
        line, self.bytes = self.bytes.split(b'\n', 1)
        return json.loads(line)

    def say(self, *events):
        for event in events:
            self.connection.sendall(json.dumps(event).encode() + b'\n')


class Result:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err
        self.said = ' '.join(err.split())  # without the line breaks

    def json(self):
        return json.loads(self.out)


def environment(fake=None, **more):
    env = {k: v for k, v in os.environ.items() if k not in ('NO_COLOR', 'TACTUS_SOCKET')}
    env['TACTUS_SOCKET'] = fake.path if fake else '/dev/null/control'
    env['TERM'] = 'xterm'
    env.update(more)
    return env


def tactus(*words, fake=None, stdin=b'', env=None, cwd=None, program=None):
    if isinstance(stdin, str):
        stdin = stdin.encode()
    done_ = subprocess.run([program or TACTUS, *words], input=stdin, capture_output=True, cwd=cwd,
                           env=environment(fake, **(env or {})), timeout=20)
    return Result(done_.returncode, done_.stdout.decode(), done_.stderr.decode())


def tactus_on_tty(*words, fake=None, env=None, columns=80):
    """Runs the command with stderr on a terminal; .err is what the terminal got."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack('HHHH', 24, columns, 0, 0))
    child = subprocess.Popen([TACTUS, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=slave, env=environment(fake, **(env or {})))
    os.close(slave)
    seen = b''
    while True:
        try:
            data = os.read(master, 4096)
        except OSError:
            break
        if not data:
            break
        seen += data
    out, _ = child.communicate(timeout=20)
    os.close(master)
    return Result(child.returncode, out.decode(), seen.decode())


def check(fact, *shown):
    if fact:
        return
    frame = sys._getframe(1)
    print(f'{frame.f_code.co_filename}:{frame.f_lineno}: not so', file=sys.stderr)
    for thing in shown:
        print(vars(thing) if isinstance(thing, Result) else thing, file=sys.stderr)
    sys.stderr.flush()
    os._exit(1)  # from any thread


def check_narrow(text):
    """Every line below 80 columns."""
    for line in text.splitlines():
        check(len(line) <= 80, f'{len(line)} columns: {line}')


def run_all(names):
    """Runs every test_* of a module's globals, and says which."""
    for name, case in list(names.items()):
        if name.startswith('test_'):
            print('-', name, file=sys.stderr, flush=True)
            case()
