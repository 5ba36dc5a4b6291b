"""tactus new: what it writes, what it refuses, and that nothing is touched that is there."""
import json
import os
import shutil
import subprocess
import tempfile

from harness import check, run_all, tactus

FOLDER = tempfile.mkdtemp(prefix='tactus-new-')
os.chdir(FOLDER)


def test_files():
    for kind in ('filter', 'source', 'sink'):
        r = tactus('new', 'my_' + kind, '--kind', kind)
        check(r.code == 0 and f'cd my_{kind}' in r.out, r)
        check(sorted(os.listdir('my_' + kind)) == sorted(['Makefile', 'README.md', f'my_{kind}.c', 'test.c']), r)
        for name in os.listdir('my_' + kind):
            with open(os.path.join('my_' + kind, name), encoding='ascii') as file:
                text = file.read()
            check('skeleton' not in text and '@RUN@' not in text and '/* CHECK */' not in text, name)
            check('my_' + kind in text, name)


def test_compiles():
    """By the headers of this tree; repo-tutorial does it by pkg-config, and runs it."""
    top = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
    if not shutil.which('cc'):
        return
    for kind in ('filter', 'source', 'sink'):
        tactus('new', 'c_' + kind, '--kind', kind)
        ran = subprocess.run(['cc', '-std=gnu17', '-Wall', '-Wextra', '-Wno-unused-parameter', '-Werror', '-fsyntax-only',
                              '-I' + top + '/include', f'c_{kind}/c_{kind}.c', f'c_{kind}/test.c'],
                             cwd=FOLDER, capture_output=True, text=True)
        check(ran.returncode == 0, ran.stderr)


def test_refusals():
    os.mkdir('there')
    r = tactus('new', 'there')
    check(r.code == 2 and 'there already' in r.said and os.listdir('there') == [], r)
    for name in ('Big', '9', 'a-b', '../up', 'a' * 41, 'test', ''):
        r = tactus('new', name)
        check(r.code == 2 and 'name' in r.said and not os.path.exists(name or 'x' * 99), r)
    r = tactus('new', 'other', '--kind', 'filtr')
    check(r.code == 2 and "did you mean 'filter'" in r.said and not os.path.exists('other'), r)
    check(tactus('new').code == 2 and tactus('new', 'a', 'b').code == 2, 'one NAME')


def test_json():
    r = tactus('new', 'told', '--json')
    check(json.loads(r.out)['files'][0] == 'told.c', r)


try:
    run_all(globals())
finally:
    shutil.rmtree(FOLDER, ignore_errors=True)
