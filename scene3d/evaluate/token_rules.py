"""The lexical rules of Penn Treebank tokens: which text makes a token, and how the token is spelled.

They follow the behaviour of Stanford's PTBTokenizer 3.4.1 with its default options, established by comparing outputs on
several hundred thousand lines; British spelling is kept, slashes are not escaped.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple


class Rule(NamedTuple):
    """A pattern, and what becomes of the text that it takes."""

    pattern: re.Pattern[str]
    """Group `token` is the token; what follows in the pattern is look-ahead that counts for the length."""
    rewrite: Callable[[str], str] = str
    gives_back: int = 0
    """Characters at the end that belong to the next token ("cannot" gives back "not")."""


def _straight_quotes(token: str) -> str:
    return re.sub("[`‘‛\x91]", "`", re.sub("&apos;|[’´\x92]", "'", token))


def _latex_quotes(token: str) -> str:
    for marks, latex in (("‘‛‹\x91", "`"), ("’›\x92", "'"), ("“«\x93", "``"), ("”»\x94", "''")):
        token = re.sub(f"[{marks}]", latex, token)
    return token.replace("&apos;", "'")


def _without_soft_hyphens(token: str) -> str:
    return token if len(token) == 1 else token.replace("\xad", "")


def _unbroken(token: str) -> str:
    """Spaces inside one token become no-break spaces, round brackets their Treebank names."""
    return token.replace(" ", "\xa0").replace("(", "-LRB-").replace(")", "-RRB-")


def _as(replacement: str) -> Callable[[str], str]:
    return lambda _: replacement


def _currency(token: str) -> str:
    return {"¢": "cents", "£": "#", "\x80": "$", "¤": "$", "₠": "$", "€": "$"}.get(token, token)


def _fraction(token: str) -> str:
    return {"¼": "1/4", "½": "1/2", "¾": "3/4", "⅓": "1/3", "⅔": "2/3"}.get(token, token)


# What the patterns are made of. Python's \w and \d cover Unicode; numerals that are no decimal digits are not letters.
_NUMERAL = "²³¹¼½¾⁰⁴-⁹₀-₉⅐-⅟↉①-⒛⓪-⓿❶-➓"
_ACCENT = r"\xad\u02c2-\u02c5\u02d2-\u02df\u02e5-\u036f\u0483-\u0487"  # soft hyphen, modifiers, combining marks
_LETTER = rf"(?:[^\W\d_{_NUMERAL}]|[{_ACCENT}]|&[aeiouAEIOU](?:acute|grave|uml);)"
_WORD = rf"{_LETTER}(?:{_LETTER}|\d)*(?:[.!?]{_LETTER}(?:{_LETTER}|\d)*)*"
_ALNUM = "[A-Za-z0-9]"
_APOS = "(?:['’\x92]|&apos;)"
_APOS_OR_QUOTE = "(?:['’\x92`\x91‘‛]|&apos;)"
_CLITIC = rf"{_APOS}(?:[msdMSD]|(?i:re|ve|ll))"
_NOT = rf"(?i:n){_APOS_OR_QUOTE}(?i:t)"
_NUM = r"(?:\d+(?:[.:,\xad\u066b\u066c]\d+)*|\d*(?:[.:,\xad\u066b\u066c]\d+)+)"
_NUMBER = rf"[-+]?{_NUM}"
_SPACES = " \t\xa0\u2000-\u200a\u3000"
_HYPHEN = "[-_\u058a\u2010\u2011]"
_LONG_ACRONYM = (
    r"(?:[A-Za-z](?:\.[A-Za-z])+|(?i:Canada|Sino|Korean|EU|Japan|non)-(?i:U\.S)|(?i:U\.S\.-U\.K|U\.S\.-U\.S\.S\.R))"
)
_ACRONYM = rf"(?:{_LONG_ACRONYM}|[A-Za-z])"
_THING_PART = rf"(?:[dDoOlL]{_APOS_OR_QUOTE}(?:{_LETTER}|\d))?(?:{_LETTER}|\d)+"
_THING = rf"{_THING_PART}(?:{_HYPHEN}{_THING_PART})*"
_SGML = (
    r"<(?:[!?][A-Za-z-][^>\r\n]*|/?[A-Za-z][A-Za-z0-9:.-]*"
    r"(?: +(?:[A-Za-z][A-Za-z0-9_:.-]*(?: *= *['\"][^\r\n'\"]*['\"])?|['\"][^\r\n'\"]*['\"]| */))*(?: *| */))>"
)

# Abbreviations keep their period: these wherever they stand, or only where a capital ([A]z, not az) starts them ...
_ABBREVIATION = (
    "Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept|Sep|Oct|Nov|Dec|Mon|Tues|Tue|Wed|Thurs|Thu|Fri|Ala|Ariz|Calif|Colo|Conn|Ct|Dak|"
    "Fla|Ga|Ind|Kans|Kan|Ky|Md|Mich|Minn|Mont|Mo|Neb|Nev|Okla|Penn|Tenn|Va|Vt|Wisc|Wis|Wyo|Inc|Corp|Cos|Co|Ltd|Plc|"
    r"Rt|Bancorp|Bhd|Assn|Univ|Intl|Sys|tel|est|ext|sq|Jr|Sr|Bros|Ed\.D|Ph\.D|Esq|etc|al|seq|Bldg|Blvd|Rd"
)
_CAPITAL_ABBREVIATION = (
    r"A(?i:z|rk)|D(?i:el)|I(?i:ll)|L(?i:a)|M(?i:ass|iss)|O(?i:re)|P(?i:a)|T(?i:ex)|W(?i:ash)|(?i:Pp|P)t[ye]s?"
)
# ... these mostly before names ...
_TITLE = (
    "Mrs|Mr|Ms|Drs|Dr|Profs|Prof|Sens|Sen|Reps|Rep|Attys|Atty|Lt|Col|Gen|Messrs|Govs|Gov|Adm|Rev|Maj|Sgt|Cpl|Pvt|"
    "Capt|Ste|St|Ave|Pres|Lieut|Hon|Brig|Comdr|Cmdr|Pfc|Spc|Supts|Supt|Det|Mt|Ft|Adj|Adv|Asst|Assoc|Ens|Insp|Mlle|"
    r"Mme|Msgr|Sfc|Invt|Elec|Natl|Dept|vs|v|Alex|Wm|Jos|Cie|a\.k\.a|cf|TREAS|Ph"
)
# ... and these only before a number.
_NUMBERED = "ca|figs|fig|prop|nos|no|art|pp|op"
_SENTENCE_START = (
    r"A(?i:bout|ccording|dditionally|fter|n|s|t|)|B(?i:ut)|D(?i:id|uring)|E(?i:arlier)|H(?i:er|ere|e|owever|ow)|"
    r"I(?i:f|n|t)|L(?i:ast)|M(?i:any|ore|r\.|s\.)|N(?i:ow)|O(?i:nce|ne|ther|ur)|S(?i:he|ince|o|ome|uch)|"
    r"T(?i:hat|he|heir|hen|here|hese|hey|his)|W(?i:e|hen|hile|hat|ho|hy)|Y(?i:et|ou)"
)
_FILE_ENDING = (
    "bat|bmp|bz2|class|cgi|cpp|c|dll|docx|doc|exe|gif|gz|html|htm|h|jar|java|jpeg|jpg|mov|mp3|mp4|mpg|pdf|php|pl|png|"
    "ppt|ps|py|sql|tar|txt|wav|xml|x|zip|3gp|wm[va]|avi|flv"
)
_SYMBOL = (
    r"[+%&~^|\\¦§¨©¬®¯°±²³´¶·¸¹×÷\u0387\u05be\u05c0\u05c3\u060c\u061b\u066a\u2016\u2017\u201a\u201e-\u2023"
    r"\u2030-\u2038\u203b\u203e-\u2042\u2044\u2070\u2074-\u207e\u2080-\u208e\u20a4\u2100-\u214f\u2155-\u215e"
    r"\u2190-\u24ff\u2500-\u2bff\u3001\u3012\u30fb\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65]"
)


def _rule(token: str, ahead: str = "", rewrite: Callable[[str], str] = str, gives_back: int = 0) -> Rule:
    return Rule(re.compile(f"(?P<token>{token}){ahead}"), rewrite, gives_back)


RULES: tuple[Rule, ...] = (
    _rule(r"(?i:c\+\+|[cf]#)"),
    _rule("(?i:cannot|'twas)", gives_back=3),
    _rule("(?i:'tis|gonna|gotta|lemme|gimme|wanna)", gives_back=2),
    _rule(_SGML, rewrite=_unbroken),
    _rule("&(?:MD|mdash|ndash);|[\x96\x97–—―]", rewrite=_as("--")),
    _rule("&amp;", rewrite=_as("&")),
    _rule("&nbsp;", rewrite=_as("")),
    _rule(r"&(?:HT|TL|UR|LR|QC|QL|QR|odq|cdq|#\d+);"),
    # Words, with the clitics that part from them.
    _rule(_WORD, _CLITIC, _without_soft_hyphens),
    _rule("[A-Za-z\xad]*[A-MO-Za-mo-z]\xad*", _NOT, _without_soft_hyphens),
    _rule(_WORD, rewrite=_without_soft_hyphens),
    _rule(
        rf"{_APOS}(?i:n){_APOS}?|[lLdDjJ]{_APOS}|(?i:Dunkin|somethin|ol){_APOS}|{_APOS}(?i:em|till?|cause)|"
        rf"(?i:O{_APOS_OR_QUOTE}o)|[A-HJ-XZn]{_APOS_OR_QUOTE}{_LETTER}{{2,}}|{_APOS}[2-9]0s|"
        rf"{_LETTER}+[aeiouyAEIOUY]{_APOS_OR_QUOTE}[aeiouA-Z]{_LETTER}*|(?i:li'l|ev'ry|e'er|c'mon|nor'easter|s'mores)",
    ),
    _rule(f"[yY]{_APOS}", _LETTER),
    _rule(_CLITIC, "[^A-Za-z]", _straight_quotes),
    _rule(_NOT, "[^A-Za-z]", _straight_quotes),
    # Addresses.
    _rule(r"(?i:ftp|svn|https?|mailto)://[^ \t\n\f\r\"<>|(){}]+[^ \t\n\f\r\xa0\"<>|.!?(){},-]"),
    _rule(
        r"(?:(?i:www)\.(?:[^ \t\n\f\r\"<>|.!?(){},]+\.)+[a-zA-Z]{2,4}|"
        r"(?:[^ \t\n\f\r\"`'<>|.!?(){},-_$]+\.)+(?i:com|net|org|edu))"
        r"(?:/[^ \t\n\f\r\"<>|()]+[^ \t\n\f\r\"<>|.!?(){},-])?"
    ),
    _rule(
        r"(?:&lt;|<)?[a-zA-Z0-9][^ \t\n\f\r\"<>|()\xa0{}]*@"
        r"(?:[^ \t\n\f\r\"<>|(){}.\xa0]+\.)*[^ \t\n\f\r\"<>|(){}.\xa0]+(?:&gt;|>)?"
    ),
    _rule(f"@[a-zA-Z_][a-zA-Z_0-9]*|#{_LETTER}+"),
    # Numbers.
    _rule(r"\d{1,2}[-/]\d{1,2}[-/]\d{2,4}"),
    _rule(_NUMBER, rewrite=lambda token: token.replace("\xad", "")),
    _rule("[⁺⁻₊₋]?(?:[⁰¹²³⁴-⁹]+|[₀-₉]+)"),
    _rule(r"(?:\d{1,4}[- \xa0])?\d{1,4}(?:\\?/|⁄)\d{1,4}", rewrite=_unbroken),
    _rule("[¼½¾⅓-⅞]", rewrite=_fraction),
    _rule(r"(?i:-(?:RRB|LRB|RCB|LCB|RSB|LSB)-|C\.D\.s|pro-|anti-|S&P-500|S&Ls)"),
    _rule(rf"(?i:Cap{_APOS}n|c{_APOS}est)", rewrite=_straight_quotes),
    _rule(rf"{_ALNUM}+(?:-[A-Za-z]+){{0,2}}(?:\\?/{_ALNUM}+(?:-[A-Za-z]+){{0,2}}){{1,2}}"),
    _rule(r"[A-Z]*\$|#"),
    _rule("[¢£¤¥\x80₠€฿₤￠￡￥￦]", rewrite=_currency),
    # Abbreviations.
    _rule(
        rf"{_ACRONYM}\.",
        rf"[{_SPACES}\n]+(?:{_SENTENCE_START}|{_SGML})(?:[{_SPACES}\n]|[?!])",
        lambda token: token[:1] if len(token) == 2 else token,
    ),
    _rule(rf"(?i:{_NUMBERED})\.", rf"[{_SPACES}\n]?\d"),
    _rule(rf"(?:(?i:{_ABBREVIATION})|{_CAPITAL_ABBREVIATION})\.", r"[\s\S][\s\S]"),
    _rule(rf"(?:(?i:{_ABBREVIATION})|{_CAPITAL_ABBREVIATION})\."),
    _rule(rf"(?:(?i:{_TITLE})|[mM][fFtT]g)\."),
    _rule(rf"{_ACRONYM}\."),
    _rule(f"{_APOS}[0-9][0-9]", rf"[{_SPACES}\n]"),
    _rule(r"\d{4}-\d{2}-\d{2}T\d{2}:[x\d]{2}:\d{2}Z?"),
    _rule(rf"(?:{_LETTER}|\d)+(?:\.(?:{_LETTER}|\d)+)*\.(?i:{_FILE_ENDING})", rf"(?:[{_SPACES}\n]|[.?!,])"),
    _rule(rf"{_WORD}\.", "[,;:、]"),
    _rule(
        r"(?:\([0-9]{2,3}\)[ \xa0]?|(?:\+\+?)?(?:[0-9]{2,4}[- \xa0])?[0-9]{2,4}[- \xa0])[0-9]{3,4}[- \xa0]?[0-9]{3,5}|"
        r"(?:(?:\+\+?)?[0-9]{2,4}\.)?[0-9]{2,4}\.[0-9]{3,4}\.[0-9]{3,5}",
        rewrite=_unbroken,
    ),
    # Marks.
    _rule(r"\"|&quot;|``|''", rewrite=_as("''")),
    _rule(r"[<>]?[:;=][-o*']?[()DPdpO\\{@|\[\]]", "[^A-Za-z0-9]", rewrite=_unbroken),
    _rule(
        r"[\^x=~<>]\.\[\^x=~<>]|[-\^x=~<>']_[-\^x=~<>']|\([-\^x=~<>'][_.]?[-\^x=~<>']\)|\([\^x=~<>']-[\^x=~<>'`]\)",
        rewrite=_unbroken,
    ),
    _rule("<|&lt;", rewrite=_as("<")),
    _rule(">|&gt;", rewrite=_as(">")),
    *(
        _rule(re.escape(mark), rewrite=_as(name))
        for mark, name in zip("(){}[]", ("-LRB-", "-RRB-", "-LCB-", "-RCB-", "-LSB-", "-RSB-"), strict=True)
    ),
    _rule("-+", rewrite=lambda token: "--" if 3 <= len(token) <= 4 else token),
    _rule(r"\.\.\.+|[\x85…]|\.[ \xa0](?:\.[ \xa0])+\.", rewrite=_as("...")),
    _rule(r"@+|#+|_+|\*+|(?:\\\*){1,3}"),
    _rule(r"[,;:、]|[?!]+|[.¡¿\u037e\u0589\u061f\u06d4\u3002]|[=/]"),
    # Hyphenated words.
    _rule(
        rf"{_ALNUM}[A-Za-z0-9.,\xad]*(?:-(?:{_LONG_ACRONYM}\.|[A-Za-z0-9\xad]+))+\.", "[,;:、]", _without_soft_hyphens
    ),
    _rule(rf"{_ALNUM}[A-Za-z0-9.,\xad]*(?:-(?:{_LONG_ACRONYM}\.|[A-Za-z0-9\xad]+))+", rewrite=_without_soft_hyphens),
    _rule(rf"{_THING}\.", "[,;:、]"),
    _rule(_THING),
    _rule("[A-Z]+(?:(?:[+&]|&amp;)[A-Z]+)+", rewrite=lambda token: token.replace("&amp;", "&")),
    _rule("'", r"[A-Za-z][^ \t\n\r\xa0]"),
    _rule(_CLITIC, rewrite=_straight_quotes),
    _rule(_NOT, rewrite=_straight_quotes),
    _rule("'|&apos;|[`‘-‟‹›«»\x91-\x94]{1,2}", rewrite=_latex_quotes),
    _rule("<<|>>"),
    _rule(_SYMBOL),
)

ABBREVIATIONS = frozenset(
    [
        *"|".join((_ABBREVIATION, _TITLE, _NUMBERED)).lower().split("|"),
        *("az", "ark", "del", "ill", "la", "mass", "miss", "ore", "pa", "tex", "wash", "mfg", "mtg"),
        *("pty", "pte", "ptys", "ptes", "ppty", "ppte"),
    ]
)
"""Words that may keep the period after them, lower case."""
