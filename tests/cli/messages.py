"""tactus-messages(7) has what the programs say: each sentence of the sources, and those that are met in life."""
import os
import re
import subprocess
import sys
import tempfile

import messages_page
from harness import Fake, check, run_all, tactus

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
TEXT, FILES = messages_page.page(TOP)
SHOWN = [line for line in TEXT.splitlines() if not line.startswith('.')]
DAEMON = next((path for path in (os.path.join(os.path.dirname(os.path.abspath(sys.argv[1])), place)
                                 for place in ('tactusd', '../node/tactusd')) if os.access(path, os.X_OK)), None)


def is_listed(said):
    """Whether the page has a sentence that this one can be, or ends in."""
    for line in SHOWN:
        line = line.replace('\\e', '\\').replace('\\&', '')
        letters = len(re.sub(r'[^A-Za-z]', '', line))
        pattern = '.*'.join(re.escape(part) for part in line.split('...'))
        if letters >= 10 and re.search(pattern, said):
            return True
    return False


def test_page_is_made_of_the_sources():
    check(len(FILES) > 200 and len(SHOWN) > 500, len(FILES), len(SHOWN))
    for folder, title, _ in messages_page.PARTS:
        check(os.path.isdir(os.path.join(TOP, folder)) and f'.Sh {title.upper()}\n' in TEXT, folder)
    parts = [name for name in os.listdir(os.path.join(TOP, 'src')) if name not in ('base',)]
    known = {folder.split('/')[1] for folder, _, _ in messages_page.PARTS}
    check(set(parts) <= known, f'parts whose sentences are not listed: {set(parts) - known}')
    # Each group says what to do, and a conversion never reaches the reader.
    check(TEXT.count('.Em Next :') == TEXT.count('.Bl -dash') > 15, TEXT.count('.Em Next :'))
    odd = [line for line in SHOWN if re.search(r'%[a-z]', line) and '%H %M %S' not in line]  # those of text.clock
    check(not odd, odd)


def test_extraction():
    found = messages_page.messages_in(r'''
        /* tt_fail(err, r, "not this one"); */
        return tt_fail(err, -EINVAL, "cannot read '%s': %.*s, " /* why */
                       "and %" PRIu64 " more", name);
        cli_fail(cli, CLI_USAGE, is_one ? "one thing (a, b)" : "many things", "no message");
        (void)fprintf(stderr, "tactusd: it \"ends\" at %d %%\n", 1);
        fprintf(out, "what is no error"); printf("nor this one"); tt_fail(err, r, "%s", text);''')
    check(found == ["cannot read '...': ..., and ... more", 'one thing (a, b)', 'many things',
                    'tactusd: it "ends" at ... %'], found)


def test_errors_of_life():
    """What people meet is on the page, in the words that they read."""
    nowhere = os.path.join(tempfile.gettempdir(), 'tactus-no-such-folder', 'x.ledger')
    for words in (['frobnicate'], ['run'], ['run', 'a.yaml', '--frob'], ['run', 'test.video ! null', '--for', 'x'],
                  ['run', 'no-such-file.yaml'], ['prove', nowhere], ['prove', nowhere, 'x'], ['explain', 'a', 'b', 'c'],
                  ['report', 'x', '-o', 'x.png'], ['prove', '--head', 'xyz'], ['top', 'x'], ['inspect', 'a', 'b']):
        ran = tactus(*words)
        check(ran.code != 0 and is_listed(ran.said.split(': ', 1)[1]), words, ran)
    with Fake({'status': [{'event': 'done', 'exit': 0}]}) as fake:
        ran = tactus(fake=fake)
        check(ran.code == 3 and is_listed(ran.said), ran)
    if DAEMON:
        for words in (['--rights', 'x'], ['--limit', '0'], ['x'], ['--metrics', 'here']):
            with tempfile.TemporaryDirectory() as folder:
                ran = subprocess.run([DAEMON, '--foreground', '--socket', folder + '/s', '--state', folder + '/t', *words],
                                     capture_output=True, text=True, timeout=20)
            check(ran.returncode != 0 and is_listed(ran.stderr), words, ran.stderr)


run_all(globals())
