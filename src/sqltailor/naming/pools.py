"""Words to invent values from: people, places, things, codes. Mixed at random, so that nearly every value is new."""

from __future__ import annotations


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
