"""Phrases for amounts, dates, places and states: word tables, no logic."""

from __future__ import annotations

from typing import NamedTuple

from sqltailor.naming.words import word_pairs, word_set

OPERATORS: dict[str, tuple[str, ...]] = {
    ">": ("over {}", "above {}", "greater than {}", "more than {}", "higher than {}", "exceeding {}"),
    "<": ("under {}", "below {}", "less than {}", "lower than {}", "smaller than {}"),
    ">=": ("at least {}", "of {} or more", "no less than {}", "greater than or equal to {}", "of at least {}"),
    "<=": ("at most {}", "up to {}", "no more than {}", "of {} or less", "less than or equal to {}", "not above {}"),
    "=": ("of {}", "equal to {}", "of exactly {}", "{}"),
    "<>": ("other than {}", "different from {}", "not equal to {}"),
}  # fmt: skip
"""After a noun: "with a price over 5"."""

IS_OPERATORS: dict[str, tuple[str, ...]] = {
    ">": ("over {}", "above {}", "greater than {}", "more than {}", "higher than {}", "larger than {}", "> {}"),
    "<": ("under {}", "below {}", "less than {}", "lower than {}", "smaller than {}", "< {}"),
    ">=": ("at least {}", "{} or more", "no less than {}", "greater than or equal to {}", ">= {}", "{} or higher"),
    "<=": ("at most {}", "{} or less", "no more than {}", "less than or equal to {}", "<= {}", "{} or lower"),
    "=": ("{}", "{}", "equal to {}", "exactly {}"),
    "<>": ("not {}", "different from {}", "other than {}", "not equal to {}"),
}  # fmt: skip
"""After a verb: "whose price is over 5"."""

HAVE_OPERATORS: dict[str, tuple[str, ...]] = {
    ">": ("more than {}", "over {}", "greater than {}"),
    "<": ("fewer than {}", "less than {}", "under {}"),
    ">=": ("at least {}", "{} or more", "no fewer than {}", "a minimum of {}"),
    "<=": ("at most {}", "up to {}", "no more than {}", "{} or fewer"),
    "=": ("exactly {}", "{}"),
    "<>": ("not {}",),
}
"""Before a plural: "more than 5 orders"."""

SIGNS = {">": ">", "<": "<", ">=": ">=", "<=": "<=", "=": "=", "<>": "!="}


class Trait(NamedTuple):
    """How one kind of amount is compared. Participles follow a noun; verbs follow "that" or "which"."""

    more: tuple[str, ...]
    less: tuple[str, ...]
    most: tuple[str, ...]
    least: tuple[str, ...]
    verbs: tuple[str, ...] = ()
    participles: tuple[str, ...] = ()


_TRAITS = """
price cost fare
 more expensive than; cheaper than; most expensive, priciest, costliest; cheapest, least expensive
 cost; costing, priced at
salary wage pay income earnings
 paid more than, making more than; paid less than, making less than
 best paid, highest paid, top earning; worst paid, lowest paid; earn, make; earning
age
 older than, over, above the age of; younger than, under, below the age of; oldest; youngest
weight
 heavier than; lighter than; heaviest; lightest; weigh; weighing
height
 taller than; shorter than; tallest; shortest
elevation altitude
 higher than; lower than; highest; lowest
length distance
 longer than; shorter than; longest; shortest
duration runtime
 longer than; shorter than; longest; shortest; last, take; lasting, taking
area size acres capacity
 larger than, bigger than; smaller than; largest, biggest; smallest
population
 more populous than; less populous than; most populous, largest; least populous, smallest
speed
 faster than; slower than; fastest; slowest
rating stars
 rated above, rated higher than; rated below, rated lower than
 best rated, highest rated, top rated; worst rated, lowest rated
date
 newer than, later than; older than, earlier than; newest, most recent, latest; oldest, earliest
depth
 deeper than; shallower than; deepest; shallowest
width
 wider than; narrower than; widest; narrowest
temperature
 hotter than, warmer than; colder than; hottest, warmest; coldest
"""


def _read_traits(text: str) -> dict[str, Trait]:
    """Read lines of names, each followed by indented lines with the fields of their trait."""
    found: dict[str, Trait] = {}
    names, fields = "", ""
    for line in [*text.strip().splitlines(), ""]:
        if line.startswith(" "):
            fields += line.strip() + ";"
            continue
        parts = [tuple(part.strip() for part in field.split(",")) for field in fields.strip(";").split(";")]
        found.update(dict.fromkeys(names.split(), Trait(*parts) if names else None))  # type: ignore[arg-type]
        names, fields = line, ""
    return found


TRAITS = _read_traits(_TRAITS)
"""How an amount is compared, by the last word of its column."""

AGGREGATES: dict[str, tuple[str, ...]] = {
    "AVG": ("average", "average", "mean", "avg"),
    "SUM": ("total", "total", "sum of the", "overall", "combined"),
    "MAX": ("maximum", "highest", "largest", "max", "greatest", "biggest"),
    "MIN": ("minimum", "lowest", "smallest", "min"),
}
DATE_AGGREGATES = {"MAX": ("latest", "most recent", "last", "newest"), "MIN": ("earliest", "first", "oldest")}

_PARTICIPLES = """
birth born|born born|hire hired|create created|creation created|order ordered|ship shipped|sent sent|delivery delivered
paid paid|payment paid|publication published|publish published|release released|open opened|opening opened
foundation founded|built built|construction built|start started|end ended|registration registered|purchase purchased
sold sold|sale sold|booking booked|invoice invoiced|posting posted|due due|admission admitted|issue issued
installation installed|rental rented|enrollment enrolled|launch launched|hired hired|created created|ordered ordered
shipped shipped|delivered delivered|published published|released released|opened opened|closed closed|founded founded
started started|ended ended|updated updated|modified modified|registered registered|purchased purchased|booked booked
posted posted|submitted submitted|approved approved|returned returned|cancelled cancelled|issued issued|added added
installed installed|appointed appointed|elected elected|adopted adopted|enrolled enrolled|established established
launched launched|manufactured manufactured
"""
_ACTIVE = """
joined joined|join joined|signup signed up|died died|death died|arrival arrived|arrived arrived|got arrived
departure departed|left left|expired expired|expiry expire|graduation graduated|retired retired|login logged in
transfer transferred
"""


PARTICIPLES = word_pairs(_PARTICIPLES)
"""Word of a date column → what happened to the row: "orders shipped in May"."""

ACTIVE = word_pairs(_ACTIVE)
"""The same, for verbs that need "who" or "that" before them: "customers who joined in May"."""

PLACES = word_set("""
    city town country state region county continent location hometown province district nation village area
    neighborhood address
""")
ADJECTIVE_COLUMNS = word_set("""
    status type kind class color colour gender sex nationality genre style segment tier material brand size category
""")
_MONTHS = "January February March April May June July August September October November December"
MONTHS = tuple(_MONTHS.split())
_NUMBERS = "zero one two three four five six seven eight nine ten eleven twelve"
NUMBER_WORDS = tuple(_NUMBERS.split())
_VERBS = "gets get|has have|receives receive|wants want|accepts accept|pays pay|uses use|needs need|owns own|is are"
THIRD_PERSON = word_pairs(_VERBS)
QUARTERS = (("first", "1st"), ("second", "2nd"), ("third", "3rd"), ("fourth", "last", "4th"))
_COUNTRIES = """
DE Germany German|FR France French|IT Italy Italian|ES Spain Spanish|GB Britain British|UK Britain British
US America American|AT Austria Austrian|CH Switzerland Swiss|NL Netherlands Dutch|BE Belgium Belgian|DK Denmark Danish
SE Sweden Swedish|NO Norway Norwegian|FI Finland Finnish|PL Poland Polish|CZ Czechia Czech|PT Portugal Portuguese
IE Ireland Irish|GR Greece Greek|HU Hungary Hungarian|RO Romania Romanian|TR Turkey Turkish|CN China Chinese
JP Japan Japanese|IN India Indian|VN Vietnam Vietnamese|TW Taiwan Taiwanese|KR Korea Korean|TH Thailand Thai
ID Indonesia Indonesian|AU Australia Australian|CA Canada Canadian|MX Mexico Mexican|BR Brazil Brazilian
AR Argentina Argentinian|CL Chile Chilean|RU Russia Russian|UA Ukraine Ukrainian|EG Egypt Egyptian|NG Nigeria Nigerian
KE Kenya Kenyan|IL Israel Israeli|BD Bangladesh Bangladeshi|PK Pakistan Pakistani|MA Morocco Moroccan
LU Luxembourg Luxembourgish|HR Croatia Croatian|SK Slovakia Slovak
"""
COUNTRIES: dict[str, tuple[str, str]] = {
    code: (name, people)
    for line in _COUNTRIES.strip().splitlines()
    for code, name, people in [entry.split() for entry in line.split("|")]
}
"""Two-letter code → the country and what its people and things are called."""

_TABLE_SYNONYMS = """
row: entry, record, line|customer: client|client: customer|employee: worker, staff member|staff member: employee
stock entry: stock position|item: product, article|product: item, article|order: purchase|store: shop
vendor: supplier|supplier: vendor|delivery: shipment|shipment: delivery|movie: film|film: movie|student: pupil
physician: doctor|car: vehicle|department: division|person: individual|company: firm|user: account holder
flight: trip|song: track
"""
_COLUMN_SYNONYMS = """
salary: pay|pay: salary, wage|country: nation|city: town|quantity: number of units|email: e-mail address, mail address
phone: phone number, telephone number|job title: job|description: details|discount: reduction|budget: funds
population: number of inhabitants|unit price: price|list price: price|total amount: total|gender: sex|duration: length
"""


def _synonyms(text: str) -> dict[str, tuple[str, ...]]:
    entries = [entry.split(": ") for line in text.strip().splitlines() for entry in line.split("|")]
    return {word: tuple(others.split(", ")) for word, others in entries}


TABLE_SYNONYMS = _synonyms(_TABLE_SYNONYMS)
COLUMN_SYNONYMS = _synonyms(_COLUMN_SYNONYMS)
"""Other words, used where the schema does not use them for something else."""
