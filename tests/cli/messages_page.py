#!/usr/bin/env python3
"""Writes tactus-messages(7) from the sources: every sentence that a program may fail with, and what to do next.
messages_page.py SOURCE_ROOT PAGE [DEPFILE]"""
import os
import re
import sys

# Who tells errors. What is written to stderr by a program itself counts as well.
CALL = re.compile(r'\b((?:\w+_)?(?:fail|wrap|refuse|die|complain)(?:_\w+)?|fprintf|tt_format_text)\s*\(')
LITERAL = re.compile(r'"((?:[^"\\\n]|\\.)*)"')
CONVERSION = re.compile(r'%[-+#0]*(?:\d+|\*)?(?:\.(?:\d+|\*))?(?:hh|h|ll|l|z|j|t)?[a-zA-Z]')

PARTS = [  # folder, title, what to do when no rule below says more
    ('src/spec', 'The text of a service',
     'Correct the text at the line and column that are shown: tactus-service(5) says what is accepted, and tactus inspect KIND '
     'lists the ports and parameters of a component.'),
    ('src/cli', 'The command', 'Correct the command line: tactus help COMMAND lists its words and options.'),
    ('src/build', 'Building a component for the sandbox',
     'Correct the source at the line that the compiler shows: tactus-component(7) says what a component is, and tactus-build(1) '
     'what is refused in a sandbox.'),
    ('src/sandbox', 'Sandboxed components',
     'The component is wrong, or its package was made by another version: correct it, and run tactus build on it again.'),
    ('src/snapshot', 'States that are saved or moved',
     'The state was damaged or belongs to another component; the component stays where it is, or starts from its beginning.'),
    ('src/client', 'The way to tactusd',
     'See whether tactusd runs and may be reached: TACTUS_SOCKET and the places under FILES in tactus(1) say where it listens.'),
    ('src/planner', 'Admission',
     'Run tactus check: it shows the arithmetic, and what would be admitted in its place.'),
    ('src/ledger', 'Ledgers', 'Run tactus prove LEDGER: it says what of the ledger is intact, and where it was changed or cut.'),
    ('src/node', 'The daemon',
     'Look into tactusd.log in its state folder, see tactusd(8), and try again; bare tactus shows what it may do.'),
    ('src/host', 'Starting processes',
     'Look into tactusd.log. When it stays, reinstall: tactus-host must be of the version of tactusd.'),
    ('src/container', 'Containers', 'Look into tactusd.log and tactus explain; a container that fails is started again.'),
    ('src/edge', 'Edges', 'Look at the address or file that the component names; the edge is started again with back-off.'),
    ('src/core', 'The engine', 'The plan contradicts itself, which is a mistake of ours: report it with the text of the service.'),
    ('src/platform', 'What the kernel refused',
     'Bare tactus shows which rights are missing and the command that gives them; tactusd.log has the details.'),
    ('src/components', 'Components', 'Correct the parameter or the input: tactus inspect KIND shows ranges, formats and an example.'),
]

RULES = [  # the first that matches a sentence says what to do
    (r'\bno memory\b|out of memory', 'End services or programs that hold memory, or make the service smaller; tactus check shows '
     'what its frames need.'),
    (r'another tactusd serves', 'Use the one that runs, or name another socket by --socket or TACTUS_SOCKET.'),
    (r'same version|of the version|abi', 'Install tactus, tactusd and tactus-host of one version, and end an older tactusd.'),
    (r'cannot listen', 'Name another address or port, or end what listens there; ss -ltnp shows it.'),
    (r'no space|disk|full', 'Make room on the disk, or name another place.'),
    (r'--ledger|the ledger (?:must|cannot|is not open)', 'Name a regular file on a local disk, open for writing.'),
    (r'cannot (?:read|open|find) the ledger|agreement cannot be read', 'Name another ledger, or see by tactus prove what of it is '
     'intact; those of your runs are in the state folder under ledgers.'),
    (r'profile', 'tactus profile measures the costs anew; tactus profile --forget drops what is kept.'),
    (r'plug-?in|shared object|tt_component_entry', 'Build the plug-in against the installed headers: tactus-component(7).'),
    (r'certificate|connection refused|no route|peer|timed? ?out|did not answer', 'See whether the other side runs and may be '
     'reached, and try again.'),
    (r'reservation|no CPU|budget|worker', 'Run tactus check: it shows the arithmetic. Bare tactus shows what is reserved.'),
    (r'corrupt|truncat|cannot be decoded|not a (?:picture|PNG)', 'Look at the file with ffprobe, and give one that is whole.'),
]

HEAD = '''.\\" Made from the sources by tests/cli/messages_page.py.
.Dd November 23, 2026
.Dt TACTUS-MESSAGES 7
.Os Tactus
.Sh NAME
.Nm tactus-messages
.Nd every sentence that Tactus fails with, and what to do next
.Sh DESCRIPTION
When something fails, the command says one sentence: what, why, and where known
what to do.
This page lists all of them, as they stand in the programs, by the part that
says them; dots stand for names and numbers.
A sentence may be the end of a longer one
.Pq Ql cannot ...: no such file ,
whose parts are listed each.
Above each group stands what to do next.
With
.Fl -json
the same sentence is
.Li error.text
.Pq Xr tactus 1 .
'''
TAIL = '''.Sh EXIT STATUS
1 refused or promise broken, 2 usage, 3 cannot be reached, read or written.
.Sh SEE ALSO
.Xr tactus 1 ,
.Xr tactus-service 5 ,
.Xr tactus-guarantees 7 ,
.Xr tactusd 8
'''


def without_comments(text):
    return re.sub(r'"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'|/\*.*?\*/|//[^\n]*',
                  lambda found: found.group(0) if found.group(0)[0] in '"\'' else ' ', text, flags=re.S)


def arguments(text, start):
    """The top-level arguments of a call whose parenthesis opens before start."""
    depth, found, begin, at = 1, [], start, start
    while at < len(text) and depth > 0:
        char = text[at]
        if char in '"\'':
            at += 1
            while text[at] != char:
                at += 2 if text[at] == '\\' else 1
        elif char in '([{':
            depth += 1
        elif char in ')]}':
            depth -= 1
        if (char == ',' and depth == 1) or depth == 0:
            found.append(text[begin:at])
            begin = at + 1
        at += 1
    return found


def sentences_of(argument):
    """Literals that stand beside each other are one; a choice between two has two."""
    runs = re.findall(r'"(?:[^"\\\n]|\\.)*"(?:\s*(?:PRI\w+\s*)?"(?:[^"\\\n]|\\.)*")*', argument)
    return [''.join(LITERAL.findall(re.sub(r'"\s*PRI\w+\s*"', 's', run))) for run in runs]  # PRId64 stands for a conversion


def as_shown(sentence):
    sentence = sentence.replace('%%', '\0')
    sentence = CONVERSION.sub('...', sentence)
    sentence = re.sub(r'\.{4,}', '...', sentence)
    sentence = sentence.replace('\0', '%').replace('\\n', ' ').replace('\\"', '"').replace('\\\\', '\\')
    return re.sub(r'\s+', ' ', sentence).strip()


def is_sentence(shown):
    words = re.findall(r'[A-Za-z]{2,}', shown)
    return len(words) >= 2 and ' ' in shown


def messages_in(text, is_planner=False):
    """The planner's refusals and reasons are no errors of a call: it writes them into the plan."""
    found = []
    text = without_comments(text)
    for call in CALL.finditer(text):
        args = arguments(text, call.end())
        if call.group(1) == 'fprintf' and (not args or args[0].strip() != 'stderr'):
            continue
        if call.group(1) == 'tt_format_text' and not is_planner:
            continue
        for argument in args:
            shown = [s for s in map(as_shown, sentences_of(argument)) if is_sentence(s)]
            if shown:
                found += shown
                break
    return found


def collect(root):
    """[(title, {step: [sentence]})], and the files that were read."""
    files, parts = [], []
    for folder, title, otherwise in PARTS:
        steps = {}
        for place, folders, names in os.walk(os.path.join(root, folder)):
            folders.sort()
            for name in sorted(names):
                if not name.endswith('.c'):
                    continue
                files.append(os.path.join(place, name))
                with open(files[-1], encoding='utf-8') as file:
                    for sentence in messages_in(file.read(), folder == 'src/planner'):
                        steps.setdefault(step_of(sentence, otherwise), set()).add(sentence)
        parts.append((title, {step: sorted(steps[step], key=str.lower) for step in sorted(steps)}))
    return parts, files


def step_of(sentence, otherwise):
    for pattern, step in RULES:
        if re.search(pattern, sentence, re.I):
            return step
    return otherwise


def as_roff(text):
    text = text.replace('\\', '\\e')
    return '\\&' + text if text[:1] in ".'" else text


def page(root):
    parts, files = collect(root)
    out = [HEAD]
    for title, steps in parts:
        out.append(f'.Sh {title.upper()}\n')
        for step, sentences in steps.items():
            out.append(f'.Pp\n.Em Next :\n{as_roff(step)}\n.Bl -dash -compact -width 2n\n')
            out += [f'.It\n{as_roff(sentence)}\n' for sentence in sentences]
            out.append('.El\n')
    return ''.join(out) + TAIL, files


if __name__ == '__main__':
    written, sources = page(sys.argv[1])
    with open(sys.argv[2], 'w', encoding='utf-8') as target:
        target.write(written)
    if len(sys.argv) > 3:
        with open(sys.argv[3], 'w', encoding='utf-8') as target:
            target.write(f'{sys.argv[2]}: ' + ' '.join(name.replace(' ', '\\ ') for name in sources) + '\n')
