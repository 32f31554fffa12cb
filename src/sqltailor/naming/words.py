"""Identifiers as people say them: `cust_nm` → customer name, `OrderItems` → order items; singular and plural."""

from __future__ import annotations

import functools
import re

_ABBREVIATIONS = """
acct account|addr address|adr address|amt amount|amnt amount|apt apartment|attr attribute|avg average|bal balance
bldg building|calc calculated|cat category|cd code|cnt count|co company|coord coordinate|ctr center|ctry country
carr carrier|disc discount|cust customer|curr currency|dept department|desc description|descr description
dest destination|dist distance|div division|dlv delivery|dob birth date|doc document|dt date|dur duration|emp employee
fname first name|freq frequency|fst first|grp group|hosp hospital|hr hour|hrs hours|inst institution|inv invoice
lang language|lat latitude|len length|lname last name|lng longitude|loc location|lon longitude|max maximum
mfr manufacturer|mgr manager|min minimum|mins minutes|mnth month|msg message|nat nationality|nbr number|nm name
nr number|num number|no number|obj object|ord order|ordln order line|org organization|orig original|pct percentage
perc percentage|ph phone|pos position|pop population|prc price|prev previous|prod product|prof professor|proj project
pwd password|qty quantity|qnty quantity|ref reference|reg region|req request|rev review|rtn return|seg segment
stk stock|vend vendor|res result|sal salary|sched schedule|sec section|secs seconds|sem semester|seq sequence
spec specification|src source|stat status|std standard|stu student|subj subject|supp supplier|tel phone
temp temperature|tot total|trans transaction|txn transaction|univ university|usr user|val value|veh vehicle|vol volume
whse warehouse|wt weight|yr year|yrs years
"""
_IRREGULAR = """
id ids|person people|child children|man men|woman women|foot feet|tooth teeth|goose geese|mouse mice|criterion criteria
datum data|medium media|analysis analyses|crisis crises|basis bases|index indexes|matrix matrices|leaf leaves
shelf shelves|half halves|wife wives|life lives|knife knives|wolf wolves|hero heroes|potato potatoes|tomato tomatoes
echo echoes|movie movies|cookie cookies|die dice|alumnus alumni|cactus cacti|bus buses|status statuses|campus campuses
virus viruses|bonus bonuses|census censuses|quiz quizzes|gas gases|lens lenses|cache caches|axis axes|shoe shoes
tie ties|pie pies|genus genera|staff staff
"""


def word_pairs(text: str) -> dict[str, str]:
    """Return `first word → the other words` of each entry of a table of words.

    >>> word_pairs("qty quantity|nm name")
    {'qty': 'quantity', 'nm': 'name'}
    """
    entries = (entry.partition(" ") for line in text.strip().splitlines() for entry in line.split("|"))
    return {first: rest for first, _, rest in entries}


def word_set(text: str) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(text.split())


ABBREVIATIONS = word_pairs(_ABBREVIATIONS)
"""Short forms seen in real schemas. `cat`, `no` and the like expand only as a whole word."""

IRREGULAR = word_pairs(_IRREGULAR)
SINGULAR = {plural: singular for singular, plural in IRREGULAR.items()}
TABLE_PREFIXES = {"tbl", "tab", "dim", "fact", "fct", "stg", "vw", "view", "ref", "lkp", "lu", "mst"}
TABLE_SUFFIXES = {"tbl", "table", "dim", "fact", "mst", "master", "vw", "view", "info", "data"}
_COUNTED = {"staff": "staff member", "stock": "stock entry", "inventory": "inventory entry"}
UNCOUNTED = {
    "staff", "equipment", "information", "music", "series", "species", "news", "furniture", "inventory", "personnel",
    "software", "hardware", "advice", "luggage", "aircraft", "sheep", "fish", "deer", "offspring", "stock", "payroll",
    "weather", "traffic", "feedback", "data", "media", "attendance", "enrollment", "history", "metadata",
    "gross", "gender", "height", "weight", "age", "capacity", "population",
}  # fmt: skip

_NAMELESS = re.compile(r"(table|tbl|tab|sheet|data|dataset|t)(_?name)?[_\W\d]*", re.IGNORECASE)
_PARTS = re.compile(r"\d+(?:st|nd|rd|th)?(?![^\W\d_])|\d+|[^\W\d_]+")
_HUMP = re.compile(r"(?<=[^\W\d_A-Z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


@functools.lru_cache(maxsize=50_000)
def split_name(name: str) -> tuple[str, ...]:
    """Return the lower-case words of an identifier, abbreviations spelled out.

    >>> split_name("custNm"), split_name("order_items"), split_name("HTTPCode")
    (('customer', 'name'), ('order', 'items'), ('http', 'code'))
    """
    parts = [word.lower() for part in _PARTS.findall(name) for word in _HUMP.sub(" ", part).split()]
    spelled = " ".join(ABBREVIATIONS.get(part, part) for part in parts)
    return tuple(spelled.split()) or (name.strip().lower() or "value",)


@functools.lru_cache(maxsize=50_000)
def plural(phrase: str) -> str:
    """Return the plural of a noun phrase; only its last word changes.

    >>> plural("order item"), plural("city"), plural("address"), plural("person")
    ('order items', 'cities', 'addresses', 'people')
    """
    head, _, word = phrase.rpartition(" ")
    return f"{head} {_plural_word(word)}" if head else _plural_word(word)


def _plural_word(word: str) -> str:
    if word in IRREGULAR:
        return IRREGULAR[word]
    if word in UNCOUNTED or word in SINGULAR or not word.isascii() or len(word) < 3 or not word[-1].isalpha():
        return word
    if _looks_plural(word):
        return word
    if word.endswith(("s", "x", "z", "ch", "sh")):
        return word + "es"
    if word.endswith("y") and word[-2:-1] not in set("aeiou"):
        return word[:-1] + "ies"
    return word + "s"


@functools.lru_cache(maxsize=50_000)
def singular(phrase: str) -> str:
    """Return the singular of a noun phrase; only its last word changes.

    >>> singular("order items"), singular("cities"), singular("address"), singular("people"), singular("statuses")
    ('order item', 'city', 'address', 'person', 'status')
    """
    head, _, word = phrase.rpartition(" ")
    return f"{head} {_singular_word(word)}" if head else _singular_word(word)


def _singular_word(word: str) -> str:
    if word in SINGULAR:
        return SINGULAR[word]
    if word in UNCOUNTED or word in IRREGULAR or not _looks_plural(word):
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "xes", "ches", "shes", "zzes")):
        return word[:-2]
    return word[:-1]


def _looks_plural(word: str) -> bool:
    return len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is"))


def table_words(name: str) -> str:
    """Return a table's name as a singular noun phrase, without `tbl_` and the like.

    >>> table_words("tbl_Customers"), table_words("order_items"), table_words("Ref_Colors")
    ('customer', 'order item', 'color')
    """
    if _NAMELESS.fullmatch(name):
        return "row"
    words = list(split_name(name))
    if len(words) > 1 and (words[0] in TABLE_PREFIXES or words[0] == "reference" or words[0] == "t"):
        words = words[1:]
    if len(words) > 1 and words[-1] in TABLE_SUFFIXES:
        words = words[:-1]
    noun = singular(" ".join(words))
    head, _, last = noun.rpartition(" ")
    noun = f"{head} {_COUNTED.get(last, last)}".strip()
    return noun if len(noun) > 2 else f"{noun} row"


def column_words(name: str, shared_prefix: str | None = None) -> str:
    """Return a column's name as people say it, without a prefix that all columns of its table share.

    >>> column_words("c_mktsegment", "c"), column_words("customer_name")
    ('mktsegment', 'customer name')
    """
    words = list(split_name(name))
    if shared_prefix and len(words) > 1 and words[0] == shared_prefix:
        words = words[1:]
    return " ".join(words)


def without_table(phrase: str, noun: str) -> str | None:
    """Return a column phrase without the noun of its own table, or None when nothing is left or nothing changes.

    >>> without_table("customer name", "customer"), without_table("name", "customer")
    ('name', None)
    """
    if phrase.startswith(noun + " "):
        return phrase[len(noun) + 1 :]
    return None


def join_words(items: list[str], last: str = "and") -> str:
    """Return `a, b and c`."""
    if len(items) < 2:
        return items[0] if items else ""
    return f"{', '.join(items[:-1])} {last} {items[-1]}"


def article(phrase: str) -> str:
    """Return the phrase with `a` or `an` before it; plurals have none.

    >>> article("average"), article("unit price"), article("units sold")
    ('an average', 'a unit price', 'units sold')
    """
    head = phrase.partition(" of ")[0].split()
    if head and (_looks_plural(head[0]) or _looks_plural(head[-1])):
        return phrase
    vowel = phrase[:1].lower() in set("aeio") or (phrase[:1] == "u" and phrase[:3] not in ("uni", "use", "usa", "uti"))
    return f"{'an' if vowel else 'a'} {phrase}"
