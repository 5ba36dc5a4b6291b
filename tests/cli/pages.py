"""The man pages and --help name the same commands and options, with the same values."""
import os
import re
import shutil
import subprocess
import sys

import messages_page
from harness import check, run_all, tactus

PAGES = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'docs', 'man')

PAGE_NAMES = sorted(name for name in os.listdir(PAGES) if name[-2:-1] == '.')


def page(name):
    with open(os.path.join(PAGES, name)) as file:
        return file.read()


def page_options(section):
    """{option: value} of the list items in a section's source."""
    return {'--' + name: (value or '').strip() for name, value in
            re.findall(r'^\.It Fl -([a-z-]+)(?: Ar (\S+))?', section, re.M)}


def help_options(text):
    return {name: (value or '').strip() for name, value in
            re.findall(r'^  (--[a-z-]+)(?: ([A-Z][A-Z.=]*))?  ', text, re.M)}


def test_options():
    text = page('tactus.1')
    parts = re.split(r'^\.(?:Ss|Sh) (.*)$', text, flags=re.M)
    sections = dict(zip(parts[1::2], parts[2::2]))
    general = help_options(tactus('--help').out)
    check(general and page_options(sections['DESCRIPTION']) == general, general)
    commands = re.findall(r'^  ([a-z]+) ', tactus('--help').out, re.M)
    commands = [command for command in commands if command != 'help']
    check(len(commands) >= 5, commands)
    for command in commands:
        wanted = help_options(tactus(command, '--help').out)
        found = page_options(sections[command])
        check('--json' in wanted and found == wanted, command, wanted, found)
        check(re.search(r'^\.Cm ' + command + '$', sections['SYNOPSIS'], re.M), command)


def complete(script, *words):
    """What bash offers for the last of the words."""
    ran = subprocess.run(['bash', '-c', script + '\nCOMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _tactus; '
                          'printf "%s\\n" "${COMPREPLY[@]}"', 'bash', *words], capture_output=True, text=True)
    check(ran.returncode == 0 and ran.stderr == '', ran)
    return ran.stdout.split()


def test_completion():
    """Both shells complete what --help tells of, and nothing else."""
    bash, zsh = tactus('completion', 'bash').out, tactus('completion', 'zsh').out
    general = tactus('--help').out
    commands = re.findall(r'^  ([a-z]+) ', general, re.M)
    check(complete(bash, 'tactus', '') == commands + list(help_options(general)), commands)
    check(complete(bash, 'tactus', 'comp') == ['completion'], bash)
    check(complete(bash, 'tactus', 'help', 'prov') == ['prove'], bash)
    check(complete(bash, 'tactus', 'completion', '') == ['bash', 'zsh'], bash)
    check(complete(bash, 'tactus', 'run', '--for', '') == [], 'a time cannot be completed')
    check(re.findall(r"^    '([a-z]+):", zsh, re.M) == commands, zsh)
    for command in commands:
        if command == 'help':
            continue
        wanted = help_options(tactus(command, '--help').out)
        check(complete(bash, 'tactus', command, '--') == list(wanted), command, wanted)
        part = re.search(r'^    ' + command + r'\) _arguments(.*?);;$', zsh, re.M | re.S).group(1)
        found = {name: value for name, value in re.findall(r"'\*?(--[a-z-]+)\[.*\](?::([^:]*):.*)?'", part)}
        check(found == wanted, command, wanted, found)
    if shutil.which('zsh'):
        ran = subprocess.run(['zsh', '-n'], input=zsh, capture_output=True, text=True)
        check(ran.returncode == 0 and ran.stderr == '', ran)


def test_daemon():
    """tactusd(8) tells of the options that tactusd --help tells of."""
    places = [os.path.join(os.path.dirname(os.path.abspath(sys.argv[1])), place) for place in ('tactusd', '../node/tactusd')]
    daemon = next(place for place in places if os.access(place, os.X_OK))
    ran = subprocess.run([daemon, '--help'], capture_output=True, text=True)
    synopsis = set(re.findall(r'--[a-z-]+', ran.stdout.split('\nStarts')[0]))
    told = re.findall(r'^  (--[a-z-]+)', ran.stdout, re.M)
    items = re.findall(r'^\.It Fl -([a-z-]+)', page('tactusd.8'), re.M)
    check(len(told) > 8 and synopsis == set(told) | {'--version', '--help'}, ran.stdout)
    check(['--' + item for item in items] == told + ['--version', '--help'], items, told)


def test_references():
    """Each page that a page names is there, and each page is named by another."""
    named = set()
    for name in PAGE_NAMES:
        seen = {f'{title}.{section}' for title, section in re.findall(r'\.Xr (tactus[a-z-]*) (\d)', page(name))}
        named |= seen - {name}
    check(named == set(PAGE_NAMES) | {'tactus-messages.7'}, named)


def test_exit_codes():
    """The page tells of each code that --help tells of, and of no other."""
    line = tactus('--help').out.strip().splitlines()[-1]
    codes = re.findall(r'\b(\d) ', line)
    section = page('tactus.1').split('.Sh EXIT STATUS')[1].split('.Sh ')[0]
    check(codes == ['0', '1', '2', '3'] and re.findall(r'^\.It (\d)', section, re.M) == codes, line)


def test_renders():
    """No formatter complains, and no line is wider than a terminal."""
    if not shutil.which('groff'):
        return
    texts = [page(name) for name in PAGE_NAMES] + [messages_page.page(os.path.join(PAGES, '..', '..'))[0]]
    for text in texts:
        ran = subprocess.run(['groff', '-mdoc', '-Tascii', '-P-cbou', '-ww', '-rLL=78n'], input=text,
                             capture_output=True, text=True)
        check(ran.returncode == 0 and ran.stderr == '', ran)
        for part in ran.stdout.splitlines():
            check(len(part) <= 80, part)


run_all(globals())
