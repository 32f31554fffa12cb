"""How people speak of amounts, dates, places and states: word tables, no logic."""

from __future__ import annotations

from typing import NamedTuple

OPERATORS: dict[str, tuple[str, ...]] = {
    ">": ("over {}", "above {}", "greater than {}", "more than {}", "higher than {}", "exceeding {}", "bigger than {}"),
    "<": ("under {}", "below {}", "less than {}", "lower than {}", "smaller than {}"),
    ">=": ("at least {}", "of {} or more", "no less than {}", "greater than or equal to {}", "of at least {}", "from {} up"),
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


_MONEY = Trait(("more expensive than",), ("cheaper than",), ("most expensive", "priciest", "costliest"), ("cheapest", "least expensive"),
               ("cost",), ("costing", "priced at"))  # fmt: skip
_EARN = Trait(("paid more than", "making more than"), ("paid less than", "making less than"),
              ("best paid", "highest paid", "top earning"), ("worst paid", "lowest paid"), ("earn", "make"), ("earning",))  # fmt: skip
_LONG = Trait(("longer than",), ("shorter than",), ("longest",), ("shortest",))
_LAST = Trait(("longer than",), ("shorter than",), ("longest",), ("shortest",), ("last", "take"), ("lasting", "taking"))
_LARGE = Trait(("larger than", "bigger than"), ("smaller than",), ("largest", "biggest"), ("smallest",))
_RATED = Trait(
    ("rated above", "rated higher than"),
    ("rated below", "rated lower than"),
    ("best rated", "highest rated", "top rated"),
    ("worst rated", "lowest rated"),
)
_NEW = Trait(
    ("newer than", "later than"),
    ("older than", "earlier than"),
    ("newest", "most recent", "latest"),
    ("oldest", "earliest"),
)
TRAITS: dict[str, Trait] = {
    "price": _MONEY, "cost": _MONEY, "fare": _MONEY, "salary": _EARN, "wage": _EARN, "pay": _EARN, "income": _EARN,
    "earnings": _EARN,
    "age": Trait(("older than", "over", "above the age of"), ("younger than", "under", "below the age of"), ("oldest",), ("youngest",)),
    "weight": Trait(("heavier than",), ("lighter than",), ("heaviest",), ("lightest",), ("weigh",), ("weighing",)),
    "height": Trait(("taller than",), ("shorter than",), ("tallest",), ("shortest",)),
    "elevation": Trait(("higher than",), ("lower than",), ("highest",), ("lowest",)),
    "altitude": Trait(("higher than",), ("lower than",), ("highest",), ("lowest",)),
    "length": _LONG, "distance": _LONG, "duration": _LAST, "runtime": _LAST, "area": _LARGE, "size": _LARGE, "acres": _LARGE,
    "population": Trait(("more populous than",), ("less populous than",), ("most populous", "largest"), ("least populous", "smallest")),
    "capacity": _LARGE, "speed": Trait(("faster than",), ("slower than",), ("fastest",), ("slowest",)),
    "rating": _RATED, "stars": _RATED, "date": _NEW,
    "popularity": Trait((), (), ("most popular",), ("least popular",)),
    "distance_km": _LONG, "depth": Trait(("deeper than",), ("shallower than",), ("deepest",), ("shallowest",)),
    "width": Trait(("wider than",), ("narrower than",), ("widest",), ("narrowest",)),
    "temperature": Trait(("hotter than", "warmer than"), ("colder than",), ("hottest", "warmest"), ("coldest",)),
}  # fmt: skip

AGGREGATES: dict[str, tuple[str, ...]] = {
    "AVG": ("average", "average", "mean", "avg"),
    "SUM": ("total", "total", "sum of the", "overall", "combined"),
    "MAX": ("maximum", "highest", "largest", "max", "greatest", "biggest"),
    "MIN": ("minimum", "lowest", "smallest", "min"),
}
DATE_AGGREGATES = {"MAX": ("latest", "most recent", "last", "newest"), "MIN": ("earliest", "first", "oldest")}

PARTICIPLES = {
    "birth": "born", "born": "born", "hire": "hired", "hired": "hired", "create": "created", "created": "created",
    "creation": "created", "order": "ordered", "ordered": "ordered", "ship": "shipped", "shipped": "shipped", "sent": "sent",
    "delivery": "delivered", "delivered": "delivered", "paid": "paid", "payment": "paid", "publication": "published",
    "published": "published", "publish": "published", "release": "released", "released": "released", "opened": "opened",
    "open": "opened", "opening": "opened", "closed": "closed", "founded": "founded", "foundation": "founded", "built": "built",
    "construction": "built", "started": "started", "start": "started", "end": "ended", "ended": "ended",
    "updated": "updated", "modified": "modified", "registration": "registered", "registered": "registered",
    "purchase": "purchased", "purchased": "purchased", "sold": "sold", "sale": "sold", "booking": "booked", "booked": "booked",
    "invoice": "invoiced", "posted": "posted", "posting": "posted", "submitted": "submitted", "approved": "approved",
    "returned": "returned", "cancelled": "cancelled", "due": "due", "admission": "admitted", "issued": "issued",
    "issue": "issued", "installed": "installed", "installation": "installed", "added": "added", "rental": "rented",
    "appointed": "appointed", "elected": "elected", "adopted": "adopted", "enrolled": "enrolled", "enrollment": "enrolled",
    "established": "established", "launched": "launched", "launch": "launched", "manufactured": "manufactured",
}  # fmt: skip
ACTIVE = {
    "joined": "joined", "join": "joined", "signup": "signed up", "died": "died", "death": "died", "arrival": "arrived",
    "arrived": "arrived", "got": "arrived", "departure": "departed", "left": "left", "expired": "expired", "expiry": "expire",
    "graduation": "graduated", "retired": "retired", "login": "logged in", "transfer": "transferred",
}  # fmt: skip
"""Verbs that need "who" or "that" before them."""

PLACES = {
    "city", "town", "country", "state", "region", "county", "continent", "location", "hometown", "province", "district",
    "nation", "village", "area", "neighborhood", "address",
}  # fmt: skip
ADJECTIVE_COLUMNS = {"status", "type", "kind", "class", "color", "colour", "gender", "sex", "nationality", "genre", "style",
                     "segment", "tier", "material", "brand", "size", "category"}  # fmt: skip
MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
NUMBER_WORDS = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
]
THIRD_PERSON = {"gets": "get", "has": "have", "receives": "receive", "wants": "want", "accepts": "accept", "pays": "pay",
                "uses": "use", "needs": "need", "allows": "allow", "owns": "own", "is": "are"}  # fmt: skip
QUARTERS = (("first", "1st"), ("second", "2nd"), ("third", "3rd"), ("fourth", "last", "4th"))
_COUNTRIES = """
DE Germany German|FR France French|IT Italy Italian|ES Spain Spanish|GB Britain British|UK Britain British|US America American
AT Austria Austrian|CH Switzerland Swiss|NL Netherlands Dutch|BE Belgium Belgian|DK Denmark Danish|SE Sweden Swedish
NO Norway Norwegian|FI Finland Finnish|PL Poland Polish|CZ Czechia Czech|PT Portugal Portuguese|IE Ireland Irish
GR Greece Greek|HU Hungary Hungarian|RO Romania Romanian|TR Turkey Turkish|CN China Chinese|JP Japan Japanese|IN India Indian
VN Vietnam Vietnamese|TW Taiwan Taiwanese|KR Korea Korean|TH Thailand Thai|ID Indonesia Indonesian|AU Australia Australian
CA Canada Canadian|MX Mexico Mexican|BR Brazil Brazilian|AR Argentina Argentinian|CL Chile Chilean|RU Russia Russian
UA Ukraine Ukrainian|EG Egypt Egyptian|NG Nigeria Nigerian|KE Kenya Kenyan|IL Israel Israeli|BD Bangladesh Bangladeshi
PK Pakistan Pakistani|MA Morocco Moroccan|LU Luxembourg Luxembourgish|HR Croatia Croatian|SK Slovakia Slovak
"""
COUNTRIES: dict[str, tuple[str, str]] = {
    code: (name, people)
    for line in _COUNTRIES.strip().splitlines()
    for code, name, people in [entry.split() for entry in line.split("|")]
}
"""Two-letter code → the country and what its people and things are called."""

TABLE_SYNONYMS = {
    "row": ("entry", "record", "line"),
    "customer": ("client",), "client": ("customer",), "employee": ("worker", "staff member"), "staff": ("employee",),
    "item": ("product", "article"), "product": ("item", "article"), "order": ("purchase",), "store": ("shop",),
    "vendor": ("supplier",), "supplier": ("vendor",), "delivery": ("shipment",), "shipment": ("delivery",), "movie": ("film",),
    "film": ("movie",), "student": ("pupil",), "physician": ("doctor",), "car": ("vehicle",), "department": ("division",),
    "person": ("individual",), "company": ("firm",), "user": ("account holder",), "flight": ("trip",), "song": ("track",),
}  # fmt: skip
COLUMN_SYNONYMS = {
    "salary": ("pay",), "pay": ("salary", "wage"), "country": ("nation",), "city": ("town",), "quantity": ("number of units",),
    "email": ("e-mail address", "mail address"), "phone": ("phone number", "telephone number"), "job title": ("job",),
    "description": ("details",), "discount": ("reduction",), "budget": ("funds",), "population": ("number of inhabitants",),
    "unit price": ("price",), "list price": ("price",), "total amount": ("total",), "gender": ("sex",), "duration": ("length",),
}  # fmt: skip
"""Other words, used where the schema does not use them for something else."""
