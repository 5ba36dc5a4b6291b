"""zsh completes tactus's words, as a person with a terminal would see it; skipped where there is no zsh."""
import os
import pty
import re
import select
import shutil
import signal
import sys
import tempfile
import time

from harness import check, tactus

SKIP, LIMIT_S = 77, 30

# Each Tab appends what is offered to the file FOUND, then a line of its own. What asks compadd for something else than
# to offer it is let through.
RC = r"""
autoload -Uz compinit; compinit -D -u
source $SCRIPT
zstyle ':completion:*' list-prompt ''
compadd() {
  [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]] && { builtin compadd "$@"; return }
  local -a found
  builtin compadd -A found "$@"
  print -rl -- $found >> $FOUND
  builtin compadd "$@"
}
try() { zle complete-word; print -r -- '=' >> $FOUND; zle kill-buffer }
zle -N try
bindkey '^T' try
print -r -- '=' > $FOUND
"""


def programs():
    """Where the command stands beside tactus-host, which knows the kinds."""
    folder = os.path.dirname(os.path.abspath(sys.argv[1]))
    return os.path.normpath(os.path.join(folder, '..', '..'))


def start(folder, script):
    """An interactive zsh at a pseudo terminal, in this folder."""
    for name, text in (('script', script), ('rc', RC)):
        with open(os.path.join(folder, name), 'w') as file:
            file.write(text)
    path = programs() + ':' + os.environ['PATH']
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.environ.update(SCRIPT=os.path.join(folder, 'script'), FOUND=os.path.join(folder, 'found'), TERM='dumb',
                          PATH=path)
        os.execvp('zsh', ['zsh', '-f', '-i'])
    os.write(terminal, f'source {folder}/rc\n'.encode())
    return pid, terminal


def read_until(terminal, fact):
    text, end = '', time.monotonic() + LIMIT_S
    while not fact(text) and time.monotonic() < end:
        if select.select([terminal], [], [], 0.02)[0]:
            try:
                text += os.read(terminal, 65536).decode(errors='replace')
            except OSError:
                break
    check(fact(text), f'zsh does not get there: {text[-2000:]}')


def found(folder):
    try:
        with open(os.path.join(folder, 'found')) as file:
            return file.read().splitlines()
    except OSError:
        return []


def complete(terminal, folder, line):
    """What is offered behind this line."""
    os.remove(os.path.join(folder, 'found'))
    os.write(terminal, line.encode() + b'\x14')
    read_until(terminal, lambda _: '=' in found(folder))
    return sorted(set(found(folder)) - {'=', ''})


def options_of(command):
    return re.findall(r'^  (--[a-z-]+)', tactus(command, '--help').out, re.M)


def main():
    if not shutil.which('zsh'):
        print('skipped: zsh is not installed')
        return SKIP
    folder = tempfile.mkdtemp(prefix='tactus-zsh-')
    pid, terminal = start(folder, tactus('completion', 'zsh').out)
    try:
        read_until(terminal, lambda _: '=' in found(folder))
        commands = re.findall(r'^  ([a-z]+) ', tactus('--help').out, re.M)
        offered = complete(terminal, folder, 'tactus ')
        check(set(commands) <= set(offered), commands, offered)
        for line, wanted in (('tactus comp', ['completion']), ('tactus help prov', ['prove']),
                             ('tactus completion ', ['bash', 'zsh'])):
            offered = complete(terminal, folder, line)
            check(offered == wanted, line, offered)
        for command in commands:
            if command != 'help':
                offered = complete(terminal, folder, f'tactus {command} --')
                check(offered == sorted(options_of(command)), command, offered, options_of(command))
        offered = complete(terminal, folder, 'tactus inspect video.sc')
        check(offered == ['video.scale'], offered)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        shutil.rmtree(folder)
    return 0


sys.exit(main())
