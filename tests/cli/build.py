"""tactus build as a person meets it: what it prints, what it leaves, and each thing that can be wrong with a source."""
import os
import shutil
import stat
import tempfile

from harness import check, run_all, tactus

FOLDER = tempfile.mkdtemp(prefix='tactus-build-test-')
for name in ('XDG_CACHE_HOME', 'XDG_STATE_HOME', 'TMPDIR'):
    os.environ[name] = os.path.join(FOLDER, name)
    os.mkdir(os.environ[name])
HERE = os.path.dirname(os.path.abspath(__file__))
COMPONENTS = os.path.join(HERE, '..', 'build', 'components')

SMALL = '''#include <tactus/component.h>
#include <tactus/error.h>
{head}
static const struct tt_port ports[] = {{{{.name = "out", .is_output = 1}}}};
static int shape(const struct tt_request *q, struct tt_shape *ret, struct tt_error *err)
{{ ret->state_bytes = 64; {shape} return 0; }}
static int init(void *state, const struct tt_request *q, struct tt_error *err) {{ {init} return 0; }}
static int process(void *state, struct tt_call *call) {{ return 0; }}
const struct tt_component tt_plugin = {{.abi = TT_ABI, .size = sizeof(struct tt_component), .name = "small",
  .help = "does nothing", .ports = ports, .port_count = 1, .flags = TT_PURE, {table}
  .shape = shape, .init = init, .process = process}};
'''


def source(name='small.c', **parts):
    path = os.path.join(FOLDER, name)
    with open(path, 'w') as file:
        file.write(SMALL.format(**dict({'head': '', 'shape': '', 'init': '', 'table': ''}, **parts)))
    return path


def build(path, *words):
    return tactus('build', path, '-o', os.path.join(FOLDER, 'out.tactus'), *words)


def test_all_of_it():
    os.chdir(FOLDER)
    r = tactus('build', os.path.join(COMPONENTS, 'invert.c'))
    check(r.code == 0 and r.err == '' and os.path.exists('invert.tactus'), r)
    for words in ('wasm2c 1.0.32', 'gcc ', 'init() run for 1280x720 I420', 'system calls, time and memory',
                  'invert.tactus, ', 'next        tactus inspect invert.tactus'):
        check(words in r.out, words, r)
    check(stat.S_IMODE(os.stat('XDG_STATE_HOME/tactus/build.key').st_mode) == 0o600)
    check(os.listdir(os.environ['TMPDIR']) == [], 'a folder was left behind')
    r = tactus('build', os.path.join(COMPONENTS, 'invert.c'), '--json', '-o', 'again.tactus')
    told = r.json()
    check(r.code == 0 and told['cached'] and told['package'] == 'again.tactus', r)
    check(set(told['step_ns']) == {'compile', 'check', 'native', 'try', 'write'}, told)
    check({'system calls', 'limits'} <= set(told['walls']), told)
    with open('invert.tactus', 'rb') as one, open('again.tactus', 'rb') as other:
        check(one.read() == other.read(), 'built twice, it is the same')
    r = tactus('inspect', 'invert.tactus')
    for words in ('light becomes dark', 'video I420 (yuv420p), video NV12 (nv12)', 'int 0 to 100 percent; default 100'):
        check(r.code == 0 and words in r.out, words, r)
    check(tactus('inspect', './invert.tactus', '--json').json()['name'] == './invert.tactus')


def test_keep():
    r = build(source(head='static int nobody(void) { return 1; }'), '--keep')
    check('nobody' in r.err and 'small.c:3:' in r.err, 'a warning is shown', r)
    folder = r.out.split('kept')[1].split()[0]
    check(r.code == 0 and {'module.c', 'component.wasm', 'module.so'} <= set(os.listdir(folder)), r)
    shutil.rmtree(folder)


def test_sources_that_are_wrong():
    r = build(source(init='int *x = err'), '--json')
    check(r.json()['error']['exit'] == 2 and 'does not compile' in r.json()['error']['text'], r)
    check(r.code == 2 and 'small.c:7:' in r.err and "expected ';'" in r.err and 'does not compile' in r.err, r)
    check(os.environ['TMPDIR'] not in r.err, r)
    r = build(source(head='#include <stdio.h>', init='printf("%p", state);'))
    check(r.code == 2 and 'wasi_snapshot_preview1.fd_' in r.err and 'printf' in r.err, r)
    r = build(source(head='int secret(void);', init='return secret();'))
    check(r.code == 2 and 'undefined symbol: secret' in r.err and 'neither in it nor' in r.said, r)
    r = build(source(head='__attribute__((import_module("env"), import_name("peek"))) int peek(void);', init='return peek();'))
    check(r.code == 2 and 'env.peek, which nobody gives it' in r.said, r)
    path = os.path.join(FOLDER, 'empty.c')
    with open(path, 'w') as file:
        file.write('int nothing;\n')
    r = build(path)
    check(r.code == 2 and 'defines no `const struct tt_component tt_plugin`' in r.said, r)
    r = build(os.path.join(FOLDER, 'missing.c'))
    check(r.code == 2 and 'cannot read' in r.said and 'No such file' in r.said, r)
    r = build(FOLDER)
    check(r.code == 2 and 'is a folder; name a source in C' in r.said, r)
    r = tactus('build')
    check(r.code == 2 and 'one source' in r.err, r)


def test_components_that_are_wrong():
    for parts, words in (
            ({'table': '.flags = TT_EDGE,'}, 'is an edge (TT_EDGE)'),
            ({'init': 'return tt_fail(err, -22, "no good: %d", 7);'}, 'its init(): no good: 7'),
            ({'init': 'volatile unsigned at = 3000000000u; *(volatile char *)at = 1;'},
             'its init(): it reached outside of its memory')):
        r = build(source(**parts))
        check(r.code == 2 and words in r.said, words, r)


def test_missing_tools():
    tools = os.path.join(FOLDER, 'tools')
    os.makedirs(tools, exist_ok=True)
    os.environ['TACTUS_TOOLS'] = tools
    try:
        r = build(source(init='(void)"never seen before";'))
        check(r.code == 2 and 'apt install clang' in r.said, r)
    finally:
        del os.environ['TACTUS_TOOLS']


def test_strangers_packages():
    r = tactus('build', os.path.join(COMPONENTS, 'invert.c'), '--quiet', '-o', 'out.tactus')
    check(r.code == 0 and r.out == '' and r.err == '', r)
    path = os.path.join(FOLDER, 'out.tactus')
    with open(path, 'rb') as file:
        data = bytearray(file.read())
    data[len(data) // 2] ^= 1
    with open(path, 'wb') as file:
        file.write(data)
    r = tactus('inspect', path)
    check(r.code == 2 and 'is damaged: its hash differs' in r.said, r)


if not all(os.path.exists(tool) for tool in ('/usr/bin/clang', '/usr/bin/wasm-ld', '/usr/bin/wasm2c',
                                             '/usr/include/wasm32-wasi/stdlib.h')):
    print('skipped: clang, lld, wasi-libc or wabt is missing')
    raise SystemExit(77)
try:
    run_all(globals())
finally:
    shutil.rmtree(FOLDER)
