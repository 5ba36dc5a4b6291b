"""tactus report: words, JSON, and a picture or page that hides no miss and fetches nothing."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

from harness import check, check_narrow, run_all, tactus

MAKE = os.path.abspath(sys.argv[2])
FOLDER = tempfile.mkdtemp(prefix='tactus-report-')
SVG = '{http://www.w3.org/2000/svg}'


def make(kind):
    path = os.path.join(FOLDER, kind + '.ledger')
    subprocess.run([MAKE, path, kind, '1'], check=True, stdout=subprocess.DEVNULL)
    return path


def draw(ledger, suffix):
    path = os.path.join(FOLDER, 'x' + suffix)
    ran = tactus('report', ledger, '-o', path)
    check(ran.code == 0 and ran.out == '', ran)
    with open(path, encoding='utf-8') as file:
        return file.read()


def check_alone(text):
    """Nothing is fetched from elsewhere, nothing runs in it."""
    check(not re.search(r'<(script|img|image|link|iframe|use|object|foreignObject)\b|@import|url\(|href=|\son\w+=',
                        text), text[:500])
    check(set(re.findall(r'\w+://[^"< ]+', text)) <= {'http://www.w3.org/2000/svg'}, text[:500])
    check('@media (prefers-color-scheme:dark)' in text, text[:500])


def bars(text, name):
    """How many columns have this colour."""
    return sum(d.count('M') for d in re.findall(f'<path class="{name}" d="([^"]*)"', text))


def words(root):
    return ' '.join(''.join(element.itertext()) for element in root.iter() if element.tag == SVG + 'text')


def test_words():
    ran = tactus('report', make('whole'))
    check(ran.code == 0 and '9 on time of 10; late 1, lost 0' in ran.out, ran)
    check(re.search(r'^  scale +1 ms +5 ms +5 ms .* 1$', ran.out, re.M) and 'budget 1' in ran.out, ran)
    check('hand-offs' in ran.out and 'scale: 2, the slowest 200 us' in ran.out and 'away 30 ms' in ran.out, ran)
    check_narrow('\n'.join(line for line in ran.out.splitlines() if FOLDER not in line))
    ran = tactus('report', make('open'))
    check(ran.code == 0 and 'the ledger is incomplete' in ran.said, ran)


def test_json():
    found = tactus('report', make('whole'), '--json').json()
    check(found['verdict'] == 'intact' and found['report']['late'] == 1, found)
    scale = found['components'][0]
    check(scale['activations'] == 10 and scale['late'] == 1 and scale['cost_max_ns'] == 5000000, found)
    check(scale['waited_p50_ns'] == 1000000, found)
    check((scale['handoffs'], scale['handoff_max_ns'], scale['away_max_ns']) == (2, 200000, 30000000), found)


def test_picture():
    text = draw(make('whole'), '.svg')
    check_alone(text)
    root = ElementTree.fromstring(text)
    check(root.tag == SVG + 'svg', root.tag)
    check(bars(text, 'fine') == 9 and bars(text, 'c-budget') == 2 and bars(text, 'c-host') == 0, text)
    check('scale lost its worker 2 times' in words(root), words(root))
    check('9 of 10 on time, late 1, lost 0' in words(root) and 'a component ran over its budget' in words(root),
          words(root))


def test_page():
    text = draw(make('whole'), '.html')
    check_alone(text)
    check(text.startswith('<!DOCTYPE html>') and '<table>' in text, text[:300])
    body = text[text.index('<body>'):text.rindex('</html>')]
    root = ElementTree.fromstring(body)  # every element is closed
    check(len(root.findall('svg')) == 2 and len(root.findall('.//table')) == 3, body)


def test_long():
    """A million frames in as many columns as there are pixels, and each of the two misses is there."""
    text = draw(make('long'), '.svg')
    check(len(text) < 200000, len(text))
    # The late one has its bar and its mark, the lost one its mark.
    check(bars(text, 'c-host') == 2 and bars(text, 'c-network') == 1, text[:2000])
    check(bars(text, 'fine') == 639 and bars(text, 'most') == 640, bars(text, 'fine'), bars(text, 'most'))
    check('999,998 of 1,000,000 on time, late 1, lost 1' in text, text[:3000])


def test_wild():
    """Who signs with his own key may write what he likes, and gets a picture of it."""
    path = make('wild')
    ElementTree.fromstring(draw(path, '.svg'))
    check(tactus('report', path).code == 0 and tactus('report', path, '--json').json()['verdict'] == 'intact')


def test_names_are_escaped():
    """A ledger's words cannot become markup, nor steer a terminal."""
    path = make('whole')
    for suffix in ('.svg', '.html'):
        text = draw(path, suffix)
        check('a &lt;b&gt;&amp;  name' in text and '<b>' not in text and '\x01' not in text, text[:1000])
    check('a <b>&? name' in tactus('report', path).out)


def test_altered():
    """What was altered before the first frame leaves nothing to tell."""
    path = make('whole')
    with open(path, 'rb') as file:
        data = file.read()
    with open(path, 'wb') as file:
        file.write(data.replace(b'"sinks":["out"]', b'"sinks":["oux"]'))
    ran = tactus('report', path, '-o', os.path.join(FOLDER, 'other.svg'))
    check(ran.code == 3 and 'cannot be read' in ran.said, ran)


def test_refusals():
    path = make('whole')
    for wrong, said in (('x.png', '.svg or .html'), (os.path.join(FOLDER, 'no', 'x.svg'), 'cannot write')):
        ran = tactus('report', path, '-o', wrong)
        check(ran.code != 0 and said in ran.said, ran)
    check(tactus('report', path, path).code == 2)


run_all(globals())
shutil.rmtree(FOLDER)
