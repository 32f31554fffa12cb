"""Word lists for the sample database: people, places, goods and remarks. All invented."""

from __future__ import annotations

from typing import NamedTuple


def _each(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FIRST_NAMES = _each(
    "Ada Agnes Aldo Alice Amir Anja Anton Astrid Aurel Beata Bela Bram Bruno Carla Cato Celia Chloe Clara Daan Dario "
    "Dina Edda Edwin Elena Elif Emil Enzo Erik Esme Fabio Faye Femke Finn Flora Freya Gemma Georg Greta Hana Hanno "
    "Hugo Ida Ilse Imre Ines Ivo Jana Jasper Joan Jonas Juno Kaja Karim Klara Lars Leila Leo Lotte Luca Magda Malik "
    "Marek Mila Nadia Nils Nora Oda Olga Oskar Owen Pablo Petra Pia Quinn Rafael Rita Rosa Ruben Samir Selma Sofia "
    "Stefan Tara Theo Tilda Tobias Ugo Vera Viktor Wanda Willem Xenia Yusuf Zofia"
)

LAST_NAMES = _each(
    "Abbott Adler Albers Alonso Andersen Arnaud Baker Bartos Baumann Becker Bellini Berg Bianchi Blom Bonnet Brandt "
    "Bruun Calder Carling Castel Cerny Clement Colombo Costa Dahl Dekker Delgado Diaz Draper Dubois Ebner Ekholm "
    "Engel Eriksen Faber Farkas Ferrer Fiala Fontaine Forster Frank Garnier Gallo Gibbs Girard Graf Greco Haas Haugen "
    "Heller Hendriks Holm Horvat Ibarra Iversen Jansen Jensen Kaiser Keller Kowal Kramer Kruger Lambert Larsen Laurent "
    "Leclerc Lehner Lind Lorenz Lund Maier Marino Marsh Mazur Mercier Meyer Molina Moreau Moser Nagy Navarro Nemec "
    "Nowak Okafor Olsen Ortega Palmer Parisi Pereira Petit Pichler Polak Prior Quist Rahimi Ramos Reiter Ricci Rossi "
    "Roux Sachs Sanz Sato Schmid Serra Silva Sommer Soto Steiner Stroud Suarez Tanner Thorne Toth Tran Vasquez Verne "
    "Vidal Vogel Wagner Walsh Weber Winter Wolff Yates Zeman Ziegler"
)

COMPANY_WORDS = ("Events", "Logistics", "Media", "Outdoor", "Reisen", "Security", "Software", "Tours", "Works")
CLUBS = ("Alpine Club", "Cycling Club", "Grammar School", "Kayak Club", "Scouts", "Trail Runners")


class Country(NamedTuple):
    """`weight` is the share of customers, `company` the ending of company names."""

    weight: float
    company: str
    cities: tuple[str, ...]


COUNTRIES = {
    "DE": Country(26, "GmbH", ("Berlin", "Hamburg", "Munich", "Cologne", "Leipzig", "Freiburg", "Kassel")),
    "GB": Country(17, "Ltd", ("London", "Leeds", "Bristol", "Glasgow", "York")),
    "FR": Country(14, "SARL", ("Paris", "Lyon", "Grenoble", "Nantes", "Annecy")),
    "NL": Country(11, "BV", ("Amsterdam", "Utrecht", "Groningen", "Breda")),
    "AT": Country(8, "GmbH", ("Vienna", "Graz", "Innsbruck")),
    "ES": Country(7, "SL", ("Madrid", "Valencia", "Bilbao")),
    "IT": Country(6, "Srl", ("Milan", "Turin", "Bolzano")),
    "BE": Country(4, "NV", ("Antwerp", "Ghent")),
    "SE": Country(3, "AB", ("Malmo", "Uppsala")),
    "PL": Country(2, "Spzoo", ("Krakow", "Gdansk")),
    "CH": Country(1.5, "AG", ("Basel", "Bern")),
    "DK": Country(1, "ApS", ("Aarhus",)),
}

# City, country, opening date, floor area in m2. The last one has just opened: no staff, stock or orders yet.
STORES = (
    ("Berlin", "DE", "2009-04-18", 1240),
    ("Munich", "DE", "2011-09-03", 980),
    ("Hamburg", "DE", "2013-03-16", 865),
    ("Cologne", "DE", "2016-05-21", 610),
    ("Leipzig", "DE", "2022-10-08", 420),
    ("London", "GB", "2010-06-12", 1105),
    ("Leeds", "GB", "2014-11-01", 540),
    ("Bristol", "GB", "2019-03-30", 475),
    ("Paris", "FR", "2012-02-25", 930),
    ("Grenoble", "FR", "2017-10-14", 585),
    ("Lyon", "FR", "2021-05-08", 505),
    ("Amsterdam", "NL", "2013-08-31", 720),
    ("Utrecht", "NL", "2018-04-07", 390),
    ("Vienna", "AT", "2015-09-19", 695),
    ("Innsbruck", "AT", "2020-06-27", 350),
    ("Madrid", "ES", "2019-10-05", 640),
    ("Antwerp", "BE", "2023-04-15", 310),
    ("Milan", "IT", "2024-12-14", 455),
)

# Role, monthly pay from and to. DIR directors, BUY buyers and CSR customer service work at the head office.
HEAD_OFFICE = (("DIR", 7200, 9400, 4), ("BUY", 3600, 5200, 9), ("CSR", 2300, 3100, 16))
STORE_ROLES = (("MGR", 3700, 5100), ("SLS", 2100, 3000), ("WHS", 2000, 2650))

BRANDS = _each(
    "Trailhouse Fjellborg Tarnhill Corvane Mosswick Ironlark Pelagia Nordhavn Gritstone Lumenor Sorrelby Torrento "
    "Quillon Hexapeak Wayfell Brackwater"
)

SERIES = _each(
    "Avocet Bittern Bunting Chough Condor Corncrake Crane Curlew Dipper Dunlin Eider Falcon Fieldfare Fulmar Gannet "
    "Godwit Goshawk Grebe Harrier Heron Hobby Jackdaw Kestrel Kite Knot Lapwing Linnet Martin Merlin Nuthatch Oriole "
    "Ouzel Petrel Pintail Pipit Plover Puffin Raven Redstart Rook Ruff Sandpiper Siskin Skua Snipe Sparrow Starling "
    "Stonechat Swift Teal Tern Turnstone Twite Wagtail Warbler Wigeon Wren"
)


class Category(NamedTuple):
    """`price` and `kg` are the ranges of its `size` items; a category with no `goods` holds only other categories."""

    name: str
    parent: str | None
    goods: tuple[str, ...] = ()
    price: tuple[float, float] = (0, 0)
    kg: tuple[float, float] = (0, 0)
    size: int = 0


CATEGORIES = (
    Category("Camping", None),
    Category("Hiking", None),
    Category("Cycling", None),
    Category("Climbing", None),
    Category("Clothing", None),
    Category("Water", None),
    Category("Snow", None),
    Category("Gifts", None),
    Category("Tents", "Camping", ("Tent 1", "Tent 2", "Tent 3", "Tent 4", "Tarp"), (75, 640), (0.9, 6.4), 24),
    Category("Sleeping bags", "Camping", ("Bag", "Winter Bag", "Quilt"), (45, 380), (0.5, 2.4), 18),
    Category("Mats", "Camping", ("Mat", "Air Mat"), (14, 165), (0.2, 1.3), 14),
    Category("Stoves", "Camping", ("Stove", "Gas Burner"), (22, 190), (0.1, 1.9), 12),
    Category("Lamps", "Camping", ("Headlamp", "Lantern"), (12, 95), (0.1, 0.6), 16),
    Category("Cookware", "Camping", ("Pot", "Mug", "Cook Set"), (7, 88), (0.1, 1.4), 15),
    Category("Boots", "Hiking", ("Boot", "Boot Mid", "Trail Shoe"), (68, 295), (0.6, 1.8), 26),
    Category("Rucksacks", "Hiking", ("Pack 20", "Pack 35", "Pack 60"), (38, 310), (0.5, 2.6), 24),
    Category("Poles", "Hiking", ("Poles",), (19, 145), (0.3, 0.6), 10),
    Category("Bottles", "Hiking", ("Bottle", "Flask"), (6, 39), (0.1, 0.5), 14),
    Category("Helmets", "Cycling", ("Helmet",), (29, 210), (0.2, 0.5), 12),
    Category("Locks", "Cycling", ("Lock", "Chain Lock"), (11, 120), (0.3, 2.8), 11),
    Category("Lights", "Cycling", ("Front Light", "Rear Light"), (9, 130), (0.1, 0.4), 14),
    Category("Panniers", "Cycling", ("Pannier", "Handlebar Bag"), (24, 175), (0.4, 1.9), 12),
    Category("Pumps", "Cycling", ("Pump", "Mini Pump"), (8, 78), (0.1, 1.2), 8),
    Category("Ropes", "Climbing", ("Rope 40", "Rope 60"), (55, 240), (2.2, 4.6), 9),
    Category("Harnesses", "Climbing", ("Harness",), (39, 160), (0.3, 0.6), 9),
    Category("Carabiners", "Climbing", ("Carabiner",), (5, 28), (0.1, 0.2), 12),
    Category("Climbing shoes", "Climbing", ("Shoe",), (58, 175), (0.4, 0.7), 11),
    Category("Jackets", "Clothing", ("Softshell", "Windbreaker"), (49, 260), (0.2, 0.8), 16),
    Category("Trousers", "Clothing", ("Trousers", "Shorts"), (32, 170), (0.2, 0.7), 18),
    Category("Socks", "Clothing", ("Socks", "Liner Socks"), (7, 32), (0.1, 0.2), 14),
    Category("Gloves", "Clothing", ("Gloves", "Mitts"), (12, 115), (0.1, 0.4), 12),
    Category("Hats", "Clothing", ("Beanie", "Cap", "Sun Hat"), (9, 48), (0.1, 0.2), 14),
    Category("Base layers", "Clothing", ("Shirt", "Tights"), (24, 125), (0.1, 0.4), 16),
    Category("Rain jackets", "Jackets", ("Rain Jacket", "Poncho"), (35, 420), (0.2, 0.7), 15),
    Category("Down jackets", "Jackets", ("Down Jacket", "Down Vest"), (85, 390), (0.3, 0.8), 11),
    Category("Kayaks", "Water", ("Kayak", "Packraft"), (290, 1450), (3.1, 24.5), 9),
    Category("Paddles", "Water", ("Paddle",), (34, 230), (0.7, 1.3), 9),
    Category("Dry bags", "Water", ("Dry Bag 10", "Dry Bag 30"), (9, 75), (0.1, 0.9), 12),
    Category("Snowshoes", "Snow", ("Snowshoes",), (79, 260), (1.4, 2.3), 6),
    Category("Sledges", "Snow"),
    Category("Knives", "Gifts", ("Knife", "Multi Tool"), (16, 140), (0.1, 0.4), 12),
    Category("Maps", "Gifts", ("Map",), (6, 19), (0.1, 0.2), 10),
    Category("Travel guides", "Gifts"),
)

VENDOR_WORDS = _each(
    "Alpenwerk Baltica Brightwater Cordage Danubia Eastgate Fernweh Glarus Havnegade Iberica Jurassia Kontor "
    "Lakeland Meridian Northmill Oderland Pontine Quarry Ravenna Savoy Tessin Ulmer Vistula Westerly"
)
VENDOR_KINDS = ("Trading", "Textiles", "Supply", "Metals", "Imports")
VENDOR_COUNTRIES = ("CN", "DE", "IT", "VN", "PL", "PT", "SE", "TW", "TR")

# Remarks by number of stars.
NOTES = {
    1: ("Zip broke after two weeks.", "Arrived damaged, sent it back.", "Leaks at the seams.", "Waste of money."),
    2: ("Smaller than expected.", "Heavy and bulky.", "The strap came off.", "Too small for me."),
    3: ("Does the job.", "Okay for the price.", "Colour differs from the photo."),
    4: ("Good value.", "Warm and light.", "Runs a little small.", "Solid, would buy again."),
    5: ("Perfect for rainy days.", "Love it.", "Light, warm, simply great.", "Best one I ever owned.", "Great value."),
}
