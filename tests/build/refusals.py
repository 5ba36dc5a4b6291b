"""Modules that the builder must refuse, by name; and of modules with random bytes in them, what it accepts is valid.
refusals.py LOOK"""
import os
import random
import shutil
import subprocess
import sys
import tempfile

LOOK = os.path.abspath(sys.argv[1])
PAGES, RECORD = 6, 65536

BASE = '''(module
  (type $enter (func (param i32 i32) (result i32))) (type $none (func)) {types}
  {imports}
  (func $start (type $none)) (func $enter (type $enter) {locals} {body})
  {functions}
  {table}
  (memory {memory}) (global $sp (mut i32) (i32.const 65536)) (global $at i32 (i32.const {record})) {globals}
  (export "memory" (memory 0)) (export "_initialize" (func $start)) (export "{enter}" (func $enter))
  (export "tactus_record" (global $at)) {more})'''

CASES = [  # changes, words of the refusal ("" : it is fine)
    ({}, ''),
    ({'body': '(i32.add (local.get 0) (i32.load offset=2147483647 (local.get 1)))'}, ''),
    ({'body': '(i32.add (local.get 0) (i32.load offset=2147483648 (local.get 1)))'}, 'an offset of 2 GiB'),
    ({'body': '(i64.store8 offset=4294967295 (local.get 1) (i64.const 1)) (i32.const 0)'}, 'an offset of 2 GiB'),
    ({'imports': '(import "env" "puts" (func (param i32) (result i32)))'}, 'env.puts, which nobody gives'),
    ({'imports': '(import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))'},
     'wasi_snapshot_preview1.fd_write, and a sandboxed component has no files'),
    ({'imports': '(import "tactus1" "open_file" (func (param i32) (result i32)))'}, 'tactus1.open_file'),
    ({'imports': '(import "tactus1" "note" (func (param i32 i32) (result i32)))'}, 'tactus1.note has another type'),
    ({'imports': '(import "tactus1" "note" (func (param i32 i64) (result i32)))'}, ''),
    ({'imports': '(import "tactus1" "memory" (global i32))'}, 'tactus1.memory'),
    ({'memory': 'i64 6'}, 'memory64'),
    ({'memory': '6 100 shared'}, 'threads'),
    ({'memory': '4000'}, 'begins with 4000 pages'),
    ({'memory': '2'}, 'no tactus_record'),
    ({'more': '(memory 1)'}, '2 memories'),
    ({'table': '(table 4 funcref)'}, 'may grow'),
    ({'table': '(table 4 4 funcref)'}, ''),
    ({'table': '(table 4 4 externref)'}, 'table of references'),
    ({'table': '(table 1 1 funcref) (table 1 1 funcref)'}, '2 tables'),
    ({'table': '(table 2 2 funcref) (elem (i32.const 1) $start $enter)'}, 'beyond the end'),
    ({'table': '(table 2 2 funcref) (elem func $start)'}, 'changes its table'),
    ({'more': '(start $start)'}, 'start function'),
    ({'more': '(data (i32.const 393210) "1234567")'}, 'beyond its memory'),
    ({'more': '(data "passive")'}, 'passive data'),
    ({'body': '(memory.fill (i32.const 0) (i32.const 0) (i32.const 9)) (i32.const 0)'}, 'bulk memory'),
    ({'body': '(memory.copy (i32.const 0) (i32.const 0) (i32.const 9)) (i32.const 0)'}, 'bulk memory'),
    ({'body': '(drop (v128.const i32x4 1 2 3 4)) (i32.const 0)'}, 'SIMD'),
    ({'body': '(i32.atomic.load (i32.const 0))'}, 'atomics'),
    ({'body': '(return_call $enter (local.get 0) (local.get 1))'}, 'tail calls'),
    ({'body': '(drop (ref.null func)) (i32.const 0)'}, 'references'),
    ({'body': '(block (result i32 i32) (i32.const 1) (i32.const 2)) (i32.add)'}, 'multi-value'),
    ({'types': '(type $two (func (result i32 i32)))'}, 'multi-value'),
    ({'types': '(type (func (param i32 i32) (result i32)))'}, 'twice'),
    ({'globals': '(global (mut externref) (ref.null extern))'}, 'not accepted'),
    ({'enter': 'something_else'}, 'no tactus_enter'),
    ({'locals': '(local i64 f32 f64)', 'body': '(local.set 2 (i64.trunc_sat_f64_u (local.get 4))) (i32.extend8_s (local.get 0))'}, ''),
    # What the text format would not even write, by hand: an operand of another type, too few, a branch too far.
    ({'body': '(i32.add (local.get 0) (i64.const 1))'}, 'of another type'),
    ({'body': '(i32.add (local.get 0))'}, 'not there'),
    ({'body': '(br 7) (i32.const 0)'}, 'branches to a block'),
    ({'body': '(i32.const 0) (i32.const 1)'}, 'leaves values behind'),
    ({'body': '(global.set $at (i32.const 0)) (i32.const 0)'}, 'writes a constant'),
    ({'body': '(if (result i32) (local.get 0) (then (i32.const 1)))'}, 'no else'),
    ({'body': '(call_indirect (type $none) (i32.const 0)) (i32.const 0)'}, 'not there'),
    ({'body': '(i32.load align=8 (local.get 0))'}, 'alignment'),
    ({'body': '(unreachable) (i32.add) (drop) (f64.sqrt) (drop)'}, ''),
    ({'body': '(block (block (br_table 0 1 1 (local.get 0)))) (i32.const 3)'}, ''),
    ({'body': '(loop $again (br_if $again (local.get 0))) (select (i32.const 1) (i32.const 2) (local.get 1))'}, ''),
]


def write(folder, number, changes):
    names = ('types', 'imports', 'locals', 'functions', 'table', 'globals', 'more')
    fill = dict({name: '' for name in names}, memory=str(PAGES), record=RECORD, body='(i32.const 0)', enter='tactus_enter')
    text, wasm = (os.path.join(folder, f'{number}.{kind}') for kind in ('wat', 'wasm'))
    with open(text, 'w') as file:
        file.write(BASE.format(**dict(fill, **changes)))
    ran = subprocess.run(['wat2wasm', '--enable-all', '--no-check', '-o', wasm, text], capture_output=True, text=True)
    assert ran.returncode == 0, (changes, ran.stderr)
    return wasm


def look(paths):
    ran = subprocess.run([LOOK, *paths], capture_output=True, text=True)
    assert ran.returncode == 0, ran
    return ran.stdout.splitlines()


def is_valid(path):
    off = ['simd', 'multi-value', 'reference-types', 'bulk-memory']
    return subprocess.run(['wasm-validate', *(f'--disable-{name}' for name in off), path], capture_output=True).returncode == 0


def check_random(folder, whole, count):
    """A byte here and there; whatever still passes, wabt's own validation passes, too."""
    chance, paths = random.Random(5), []
    for number in range(count):
        data = bytearray(whole)
        for _ in range(chance.choice((1, 1, 2, 4))):
            data[chance.randrange(8, len(data))] = chance.choice((chance.randrange(256), 0x0b, 0x41, 0x20, 0x7f))
        paths.append(os.path.join(folder, f'random{number}.wasm'))
        with open(paths[-1], 'wb') as file:
            file.write(data)
    accepted = [path for path, said in zip(paths, look(paths)) if said == 'fine']
    wrong = [path for path in accepted if not is_valid(path + '.stripped')]
    assert not wrong, (len(accepted), shutil.copy(wrong[0], '/tmp'))
    assert len(accepted) > count / 50, f'only {len(accepted)} of {count} were accepted: nothing was tried'
    return len(accepted)


def main():
    if not shutil.which('wat2wasm'):
        print('skipped: there is no wat2wasm')
        return 77
    with tempfile.TemporaryDirectory(prefix='tactus-refusals-') as folder:
        paths = [write(folder, number, changes) for number, (changes, _) in enumerate(CASES)]
        for (changes, wanted), said in zip(CASES, look(paths)):
            assert (said == 'fine') if not wanted else wanted in said, f'{changes}: {said!r}, not {wanted!r}'
        body = ('(block (br_if 0 (i32.eqz (local.get 0))) (local.set 2 (i64.load offset=8 (local.get 1))) '
                '(i64.store (local.get 0) (i64.mul (local.get 2) (i64.const 77)))) '
                '(call $enter (i32.wrap_i64 (local.get 2)) (global.get $sp))')
        whole = write(folder, 'whole', {'body': body, 'locals': '(local i64 f64)', 'table': '(table 2 2 funcref) '
                                        '(elem (i32.const 0) $enter)'})
        with open(whole, 'rb') as file:
            accepted = check_random(folder, file.read(), 1500)
    print(f'{len(CASES)} modules as they should be; {accepted} of 1500 with random bytes accepted, all of them valid')
    return 0


sys.exit(main())
