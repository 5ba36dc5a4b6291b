"""The man pages and --help name the same commands and options, with the same values."""
import os
import re
import shutil
import subprocess

from harness import check, run_all, tactus

PAGES = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'docs', 'man')


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
    for name in ('tactus.1', 'tactus-service.5', 'tactus-component.7'):
        ran = subprocess.run(['groff', '-mdoc', '-Tascii', '-P-cbou', '-ww', '-rLL=78n',
                              os.path.join(PAGES, name)], capture_output=True, text=True)
        check(ran.returncode == 0 and ran.stderr == '', ran)
        for part in ran.stdout.splitlines():
            check(len(part) <= 80, part)


run_all(globals())
