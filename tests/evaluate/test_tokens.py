"""The tokenizer against worked lines, and against Stanford's own program where Java is."""

import random
import shutil

import pytest

from scene3d.evaluate.tokens import tokenize

WORKED = {
    "The grey chair's colour isn't \"blue\", it's (almost) green.": "the grey chair 's colour is n't blue it 's "
    "-lrb- almost -rrb- green",
    "cannot gonna 'tis 'twas I'd've couldn't've been": "can not gon na 't is 't was i 'd 've could n't 've been",
    "tv/radio 1/2 3 1/2 24x36 5'2\" 3,000": "tv/radio 1/2 3\xa01/2 24x36 5 2 3,000",
    "3.14 -5 2-3 90° 1st": "3.14 -5 2-3 90 ° 1st",
    "Mr. Smith vs. him at 10 a.m. etc. and No. 5 or no. Five": "mr. smith vs. him at 10 a.m. etc. and no. 5 or no five",
    "left-hand tv-stand—the dash – and -- … ...": "left-hand tv-stand the dash and",
    "$5 £5 €5 50% #2 &amp; a&b AT&T [x] {y}": "$ 5 # 5 $ 5 50 % # 2 & a & b at&t -lsb- x -rsb- -lcb- y -rcb-",
    "café ½ cup 😀 “quoted” don’t o’clock 'em '90s": "café 1/2 cup quoted do n't o’clock 'em '90s",
    "The start.The end. table A. The b. next": "the start.the end table a the b. next",
    "<p> the chair </p>": "<p> the chair </p>",
    "": "",
    "...": "",
}

TEXT = r"""
the a Chair table's grey sofa on left-hand TV tv-stand don't isn't can't cannot it's they're I'm we've he'd
L-shaped 3-seat semi-circular t-shirt 24x36 3.5 1,000 1/2 50% $5 2nd 90s 90° 5' 5'6" wi-fi U.S. u.k. e.g. etc.
vs. Mr. St. No. no. fig. a.m. 10am 12:30 12:30pm and/or w/ & a&b AT&T - -- – — ... … . , ; : ! ? ( ) [ ] " '
`` '' “ ” ‘ ’ * / % # = café it’s ‘left’ 'right' (left) gonna o'clock y'all 'em kids' dogs'. sos eos <p> </p>
A. b. x. T.V. table. bed: lamp! lamp... lamp.The 6in. ft. ½ ² ™ € × • 中文 日本 .5 ,5 +5 5-6 1,2,3 two,three
wall:white www.ikea.com file.jpg snake_case 3D approx. la. La. ill. Ill. under_score M&M's 7-up 555-1234
2019-12-25 12/25/2019 img.png a@b.com #tag @home''s 5ft., x-y. ?! !!
"""
PIECES = TEXT.split()


def random_line(random_numbers: random.Random) -> str:
    line = ""
    for _ in range(random_numbers.randint(0, 14)):
        word = random_numbers.choice(PIECES)
        change = random_numbers.random()
        word = word.upper() if change < 0.04 else word.capitalize() if change < 0.1 else word
        line += word + (
            " " if random_numbers.random() < 0.9 else random_numbers.choice(["", ", ", ". ", "-", "'s ", '" '])
        )
    return line


@pytest.mark.parametrize("caption", WORKED)
def test_worked_captions(caption):
    # Each is one call: the last word of a caption looks at the first of the next.
    assert tokenize([caption]) == [WORKED[caption]]


def test_a_single_letter_keeps_its_period_unless_a_sentence_follows():
    assert tokenize(["this is chair a.", "The table"]) == ["this is chair a", "the table"]
    assert tokenize(["this is chair a.", "big table"]) == ["this is chair a.", "big table"]


def test_a_long_clitic_at_the_very_end_loses_its_apostrophe_as_officially():
    assert tokenize(["they've", "they've"]) == ["they 've", "they ve"]


def test_captions_keep_their_number_and_order():
    captions = ["", "one\ntwo", "", "three\r\u2028four", ""]
    assert tokenize(captions) == ["", "one two", "", "three four", ""]


def test_untokenizable_characters_separate_words():
    assert tokenize(["ab\U0001f600cd\u200bef\x7fgh"]) == ["ab cd ef gh"]


@pytest.mark.skipif(shutil.which("java") is None, reason="the official tokenizer is a Java program")
def test_equals_the_official_tokenizer():
    official = pytest.importorskip("pycocoevalcap.tokenizer.ptbtokenizer").PTBTokenizer()
    numbers = random.Random(7)
    lines = [*WORKED, *(random_line(numbers) for _ in range(1500)), "the end"]
    expected = official.tokenize({i: [{"caption": line}] for i, line in enumerate(lines)})
    assert tokenize(lines) == [expected[i][0] for i in range(len(lines))]
