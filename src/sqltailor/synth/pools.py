"""Words to invent values from: people, places, things, codes. Mixed at random, so that nearly every value is new."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence


def _words(text: str) -> tuple[str, ...]:
    """Return the words of a text; `_` stands for a space within a word."""
    return tuple(word.replace("_", " ") for word in text.split())


FIRST = _words(
    "Anna Ben Carla David Elena Farid Grace Hugo Ines Jack Keiko Liam Maria Noah Olga Pedro Qing Rosa Samir Tara Umar "
    "Vera Walter Xenia Yusuf Zoe James Mary John Linda Robert Susan Michael Karen Ahmed Fatima Wei Mei Ivan Natasha "
    "Lars Ingrid Jean Claire Luca Giulia Marek Zofia Diego Lucia Kofi Amara Priya Arjun Sven Astrid Omar Leila Tom Emma"
)
LAST = _words(
    "Smith Jones Brown Taylor Wilson Evans Walker White Roberts Green Hall Wood Clarke Hughes Adams Baker Carter "
    "Cooper Diaz Ellis Fischer Garcia Hansen Ito Jensen Khan Lopez Meyer Nguyen Olsen Patel Quinn Rossi Schmidt "
    "Tanaka Ueda Vargas Weber Xu Yamada Ziegler Okafor Mensah Novak Kowalski Ivanov Popov Dubois Laurent Moreau "
    "Silva Costa O'Brien McDonald Kim Park Chen Wang Singh Kumar Ali Hassan Berg Lindqvist Bauer Wagner Ferrari "
    "Conti Murphy Kelly"
)
CITIES = _words(
    "Paris London Berlin Madrid Rome Vienna Lisbon Dublin Oslo Prague Warsaw Athens Helsinki Zurich Geneva Munich "
    "Hamburg Cologne Lyon Porto Seville Milan Naples Krakow Boston Chicago Denver Seattle Austin Dallas Houston "
    "Portland Phoenix Toronto Montreal Vancouver Tokyo Osaka Kyoto Seoul Beijing Shanghai Delhi Mumbai Sydney "
    "Melbourne Perth Auckland Cairo Lagos Nairobi Accra Lima Bogota Santiago Graz Basel Bern Leeds York Bristol Oxford "
    "Cambridge Aspen Ghent New_York Los_Angeles San_Francisco Rio_de_Janeiro Buenos_Aires Cape_Town St._Louis "
    "Hong_Kong San_Diego Salt_Lake_City Frankfurt_am_Main Le_Havre Kuala_Lumpur"
)
COUNTRIES = _words(
    "France Germany Spain Italy Austria Portugal Ireland Norway Poland Greece Finland Switzerland Canada Mexico Brazil "
    "Chile Peru Argentina Japan China India Australia Egypt Nigeria Kenya Ghana Sweden Denmark Belgium Netherlands "
    "Turkey Iran Israel Thailand Vietnam Indonesia Malaysia Singapore Ukraine Russia Romania Hungary USA UK "
    "United_States United_Kingdom South_Africa New_Zealand South_Korea Saudi_Arabia"
)
NATIONALITIES = _words(
    "French German Spanish Italian British American Canadian Mexican Brazilian Japanese Chinese Indian Australian "
    "Egyptian Nigerian Swedish Danish Dutch Belgian Turkish Polish Greek Irish Norwegian Korean Russian Austrian"
)
STATES = _words("CA NY TX FL WA OR CO MA IL OH PA GA NC VA AZ Bavaria Ontario Quebec Victoria Texas Ohio Utah Nevada")
REGIONS = _words("North South East West Europe Asia Africa Oceania Central Midwest North_America South_America")
COLORS = _words("red blue green yellow black white orange purple brown grey pink silver gold beige turquoise navy")
STATUSES = _words(
    "active inactive pending open closed cancelled completed shipped delivered paid unpaid draft approved rejected "
    "expired new processing archived suspended returned failed scheduled confirmed overdue on_hold in_progress in_stock"
)
ADJECTIVES = _words(
    "Golden Silent Blue Crimson Hidden Ancient Modern Royal Northern Southern Eastern Western Grand Little Great Wild "
    "Rapid Bright Dark Lost Young Final Sweet Urban Frozen Electric Digital Classic Premium Global Advanced Simple "
    "Broken Endless Lucky Smart Secret Green Iron Silver Winter Summer Spring Autumn Midnight Pacific Alpine"
)
NOUNS = _words(
    "River Mountain Garden Star Light Shadow Dream House Bridge Road Tower Lake Forest Island Harbor Storm Stone "
    "Wolf Eagle Tiger Lion Bear Falcon Rose Crown Sword Shield Machine Engine Signal Network Market Studio Festival "
    "Journey Story Song Dance Mirror Window Door Key Ring Circle Wave Cloud Fire Ice Wind Moon Sun Planet Horizon "
    "Valley Canyon Lamp Chair Table Desk Camera Phone Bottle Jacket Tent Backpack Bicycle Helmet Boots Watch Guitar "
    "Piano Kettle"
)
SUBJECTS = _words(
    "Mathematics Physics Chemistry Biology History Geography Economics Philosophy Psychology Statistics Art Music "
    "Literature Law Medicine Engineering Marketing Finance Accounting Sociology Linguistics Botany Astronomy "
    "Computer_Science Political_Science Data_Structures Machine_Learning"
)
DEPARTMENTS = _words(
    "Sales Marketing Finance Engineering Support Legal Purchasing Logistics Research Production Security IT HR "
    "Human_Resources Customer_Service Quality_Control"
)
LANGUAGES = _words("English French German Spanish Italian Portuguese Japanese Mandarin Hindi Arabic Swahili Dutch")
GENRES = _words(
    "Drama Comedy Action Thriller Horror Romance Documentary Rock Jazz Pop Blues Folk Classical Fantasy Mystery "
    "Western Animation Biography Poetry Adventure Metal Soul Country Reggae"
)
JOBS = _words(
    "engineer teacher nurse lawyer manager accountant analyst designer driver chef pilot clerk doctor architect "
    "technician consultant director assistant secretary electrician plumber salesperson programmer"
)
TYPES = _words(
    "standard premium basic deluxe economy business private public internal external online retail wholesale primary "
    "secondary full partial single double regular special temporary permanent local remote digital physical hybrid"
)
PAYMENTS = _words("credit_card cash PayPal bank_transfer debit_card invoice voucher Visa MasterCard")
PARTIES = _words("Democratic Republican Labour Green Liberal Independent Conservative")
RESULTS = _words("won lost draw Winner Runner-up Semifinal Win Loss Eliminated")
DAYS = _words("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
MONTHS = _words("January February March April May June July August September October November December")
PEOPLE = frozenset(
    _words(
        "person people customer client employee student teacher instructor professor author artist player actor "
        "director user member patient doctor physician nurse driver manager staff candidate guest passenger reviewer "
        "singer pilot coach owner tenant agent lawyer judge politician swimmer wrestler journalist editor worker "
        "engineer supervisor buyer visitor friend participant scientist researcher contact individual captain mayor "
        "host child parent chef architect climber dancer entrepreneur follower mechanic musician photographer rider "
        "donor voter boss pupil"
    )
)
SYLLABLES = _words("ka lo mi ra ten dor vel sha qui nor bel zan tri mon fer gal hin jol pra sta wen yor cas dul eri")

_RANGES = """
age 16 90|price 1 900|cost 1 900|fee 2 200|salary 18000 180000|wage 10 90|pay 900 9000|amount 5 5000|total 10 9000
balance 0 20000|budget 1000 900000|revenue 1000 900000|quantity 1 100|stock 0 500|count 0 400|number 1 300
rating 1 5|stars 1 5|score 0 100|points 0 200|grade 1 10|rank 1 50|ranking 1 50|population 900 9000000|weight 1 150
height 100 220|length 1 500|width 1 300|distance 1 9000|area 10 90000|duration 1 400|minutes 1 300|hours 1 80
days 1 60|percentage 0 100|rate 1 100|discount 0 60|tax 1 30|capacity 10 90000|speed 10 320|temperature -20 45
size 1 60|votes 10 90000|credits 1 12|level 1 20|floor 0 40|mileage 100 250000|goals 0 60|wins 0 40|losses 0 40
attendance 100 90000|sales 10 90000|profit -500 90000|rooms 1 12|seats 2 500|pages 20 1200|elevation 1 4800
latitude -90 90|longitude -180 180
"""
RANGES: dict[str, tuple[float, float]] = {
    name: (float(low), float(high))
    for line in _RANGES.strip().splitlines()
    for name, low, high in [entry.split() for entry in line.split("|")]
}
"""The usual size of a number, by the word that names it."""

Maker = Callable[[random.Random], str]


def person(rng: random.Random) -> str:
    """Return a person's name."""
    first, last = rng.choice(FIRST), rng.choice(LAST)
    return f"{first} {last}" if rng.random() < 0.9 else f"{first} {rng.choice('ABCDEFGHJKLMNPRSTW')}. {last}"


def city(rng: random.Random) -> str:
    """Return a city."""
    return rng.choice(CITIES)


def title(rng: random.Random) -> str:
    """Return what a book, a product or a company may be called."""
    pick = rng.random()
    if pick < 0.55:
        return f"{rng.choice(ADJECTIVES)} {rng.choice(NOUNS)}"
    if pick < 0.7:
        return f"The {rng.choice(ADJECTIVES)} {rng.choice(NOUNS)}"
    if pick < 0.8:
        return f"{rng.choice(NOUNS)} of {rng.choice(CITIES)}"
    return f"{rng.choice(NOUNS)} {rng.choice(NOUNS)}" if pick < 0.9 else f"{rng.choice(NOUNS)} {rng.randint(2, 99)}"


def word(rng: random.Random) -> str:
    """Return one ordinary word."""
    return rng.choice(rng.choice((STATUSES, TYPES, GENRES, NOUNS, ADJECTIVES)))


def phrase(rng: random.Random) -> str:
    """Return a few ordinary words in lower case."""
    link = rng.choice(("and", "of", "with"))
    return f"{rng.choice(ADJECTIVES)} {rng.choice(NOUNS)} {link} {rng.choice(NOUNS)}".lower()


def code(rng: random.Random) -> str:
    """Return a code such as `AB-123`."""
    letters = "".join(rng.choice("ABCDEFGHJKLMNPQRSTUVWXYZ") for _ in range(rng.randint(1, 3)))
    return f"{letters}{rng.choice(('', '', '-'))}{rng.randint(1, 9999)}"


def invented(rng: random.Random) -> str:
    """Return a word that no language has."""
    return "".join(rng.choice(SYLLABLES) for _ in range(rng.randint(2, 4))).capitalize()


def email(rng: random.Random) -> str:
    """Return an e-mail address."""
    return f"{rng.choice(FIRST)}.{rng.choice(LAST)}@example.{rng.choice(('com', 'org', 'net'))}".lower().replace(
        "'", ""
    )


def phone(rng: random.Random) -> str:
    """Return a telephone number."""
    return f"{rng.randint(200, 999)}-{rng.randint(100, 999)}-{rng.randint(1000, 9999)}"


def address(rng: random.Random) -> str:
    """Return a street and number."""
    return f"{rng.randint(1, 999)} {rng.choice(LAST)} {rng.choice(('Street', 'Road', 'Avenue', 'Lane'))}"


def company(rng: random.Random) -> str:
    """Return a company's name."""
    first = rng.choice((rng.choice(LAST), rng.choice(ADJECTIVES), invented(rng)))
    return f"{first} {rng.choice(('Inc', 'Ltd', 'GmbH', 'Group', 'Labs', 'Foods', 'Media', 'Motors'))}"


def school(rng: random.Random) -> str:
    """Return a school's or university's name."""
    return rng.choice((f"{city(rng)} College", f"{city(rng)} State", f"University of {city(rng)}"))


def digits(rng: random.Random) -> str:
    """Return five digits."""
    return str(rng.randint(10000, 99999))


def score(rng: random.Random) -> str:
    """Return a result such as `3-1`."""
    return f"{rng.randint(0, 40)}-{rng.randint(0, 30)}"


def clock(rng: random.Random) -> str:
    """Return a time of day."""
    return f"{rng.randint(0, 23):02}:{rng.randint(0, 59):02}"


def season(rng: random.Random) -> str:
    """Return a season, written as a year or two."""
    year = rng.randint(1980, 2024)
    return str(year) if rng.random() < 0.6 else f"{year}-{(year + 1) % 100:02}"


def username(rng: random.Random) -> str:
    """Return a login name."""
    return invented(rng).lower() + str(rng.randint(1, 99))


def url(rng: random.Random) -> str:
    """Return a web address."""
    return f"https://{invented(rng).lower()}.example.com"


def _one_of(words: Sequence[str]) -> Maker:
    return lambda rng: rng.choice(words)


_MAKERS: tuple[tuple[str, Maker], ...] = (
    ("city town hometown location county", city),
    ("country nation citizenship", _one_of(COUNTRIES)),
    ("state province", _one_of(STATES)),
    ("region continent", _one_of(REGIONS)),
    ("nationality", _one_of(NATIONALITIES)),
    ("color colour", _one_of(COLORS)),
    ("status", _one_of(STATUSES)),
    ("subject major course", _one_of(SUBJECTS)),
    ("department division", _one_of(DEPARTMENTS)),
    ("language", _one_of(LANGUAGES)),
    ("genre", _one_of(GENRES)),
    ("category", _one_of(GENRES + TYPES)),
    ("type kind class", _one_of(TYPES)),
    ("job occupation profession role position", _one_of(JOBS)),
    ("method", _one_of(PAYMENTS)),
    ("gender sex", _one_of(("M", "F", "male", "female", "Male", "Female"))),
    ("currency", _one_of(("EUR", "USD", "GBP", "CHF", "JPY"))),
    ("email", email),
    ("phone fax mobile", phone),
    ("address street", address),
    ("company manufacturer supplier vendor brand publisher sponsor organization", company),
    ("code model", code),
    ("zip postcode isbn", digits),
    ("surname last", _one_of(LAST)),
    ("first middle", _one_of(FIRST)),
    ("author artist director player manager owner winner coach captain teacher instructor driver candidate", person),
    ("incumbent actor singer", person),
    ("title theme album song film movie team club venue", title),
    ("school college university", school),
    ("description note comment details remark reason", phrase),
    ("time", clock),
    ("result", _one_of(RESULTS)),
    ("score record", score),
    ("size", _one_of(("S", "M", "L", "XL", "small", "medium", "large"))),
    ("season", season),
    ("semester", _one_of(("Fall", "Spring", "Summer", "Winter"))),
    ("day", _one_of(DAYS)),
    ("month", _one_of(MONTHS)),
    ("party", _one_of(PARTIES)),
    ("priority", _one_of(("low", "medium", "high", "urgent"))),
    ("level", _one_of(("beginner", "intermediate", "advanced", "expert"))),
    ("password", invented),
    ("username login", username),
    ("url website", url),
)
MAKERS: dict[str, Maker] = {name: maker for names, maker in _MAKERS for name in names.split()}
"""What makes a value, by the last word of a column's name that is known."""
