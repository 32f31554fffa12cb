"""Recognise columns that look personal (identify a person, or grant access): their values are never sampled."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from itertools import pairwise

from sqltailor.database.given_names import GIVEN_NAMES
from sqltailor.types import Cell


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_WORDS = _set("""
    email mail mailbox phone telephone tel mobile cellphone fax skype whatsapp
    address addr street zip zipcode postcode postalcode geolocation
    birth birthday birthdate dob
    ssn nin nino tin passport iban swift creditcard cardnumber accountnumber ccn cvv cvc
    password passwd passphrase passcode pwd pw pin secret token apikey credential credentials salt otp signature
    ip ipaddress ipaddr ipv4 ipv6 useragent cookie
    firstname lastname middlename surname fullname forename givenname familyname maidenname username nickname login
    vorname nachname geburtsdatum geburtstag adresse strasse plz telefon handy kennwort passwort
    prenom nom naissance courriel apellido apellidos nombre correo direccion telefono
""")
_PAIRS = _set("""
    first.name last.name middle.name full.name given.name family.name maiden.name user.name login.name display.name
    postal.code zip.code post.code api.key access.key private.key credit.card card.number account.number user.agent
    social.security tax.id national.id driver.license password.hash
""")
_PEOPLE = _set("""
    person persons people user users customer customers client clients employee employees staff patient patients
    student students teacher teachers member members contact contacts guest guests passenger passengers driver drivers
    applicant applicants author authors owner owners subscriber subscribers candidate candidates
    doctor doctors physician physicians nurse nurses player players actor actors director directors manager managers
""")
_PATTERNS = tuple(
    re.compile(pattern)
    for pattern in (
        r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}",  # e-mail address
        r"(?=(?:\D*\d){7,15}\D*$)(?:\+\d|\(\d)[\d\s().-]+|(?=(?:\D*\d){10,15}\D*$)\d{2,4}([ .-])\d{2,4}(?:\1\d{2,5})+",
        r"\d{3}-\d{2}-\d{4}",  # social security number
        r"(?:\d{1,3}\.){3}\d{1,3}",  # IPv4
        r"(?:[0-9A-Fa-f]{0,4}:){3,7}[0-9A-Fa-f]{0,4}",  # IPv6 and MAC
        r"[0-9a-f]{32,}|[0-9A-F]{32,}",  # hash or key
        r"eyJ[\w-]+\.[\w-]+\..*",  # JSON web token
    )
)
_IBAN = re.compile(r"[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7} ?[A-Z0-9]{0,4}")
_CARD = re.compile(r"\d(?:[ -]?\d){12,18}")
_PERSON_NAME = re.compile(r"[A-Z][a-zà-ÿ]+(?:[ -](?:[A-Z]\.|[A-Z][a-zà-ÿ]+)){1,2}")
_TITLES = _set("mr mrs ms miss dr prof sir herr frau mme mlle sr sra don dona van von de")
_NAME_COLUMNS = frozenset({"name", "title", "label"})


def looks_personal(name: str, values: Iterable[Cell] = ()) -> bool:
    """Say whether a column seems to hold personal data, from its name (`column` or `table.column`) and some values.

    One value that is an e-mail address, phone, card, bank or social security number, IP address or key is enough, as
    is an e-mail address within a text; so are names of people in more than half of the values, whatever the column is
    called. It errs on the side of privacy, and it is a filter, not a guarantee: free text may name people.

    >>> looks_personal("customer.EmailAddress"), looks_personal("product.name"), looks_personal("x", ["a@b.org"])
    (True, False, True)
    >>> looks_personal("agent", ["Anna Weber", "Li Wei", "nobody"])
    True
    """
    table, _, column = name.rpartition(".")
    words = _split(column)
    if _WORDS.intersection([*words, "".join(words)]) or _PAIRS.intersection(map(".".join, pairwise(words))):
        return True
    if "name" in words and _PEOPLE.intersection([*_split(table), *words]):
        return True
    texts = [text for value in values if isinstance(value, str | int) and (text := str(value).strip())]
    if any(_is_personal_value(text) for text in texts):
        return True
    if sum(map(_names_a_person, texts)) * 2 > len(texts) and (len(texts) > 2 or any(" " in text for text in texts)):
        return True
    people = sum(bool(_PERSON_NAME.fullmatch(text)) for text in texts)
    return bool(_NAME_COLUMNS.intersection(words)) and people * 2 > len(texts)


def _names_a_person(text: str) -> bool:
    """Tell whether a text begins with a given name, also as `Weber, Anna` or `Dr. Anna Weber`, and is as short."""
    if len(text) > 50 or any(character.isdigit() for character in text):
        return False
    words = [word for word in re.findall(r"[^\W\d_]+", _folded(text)) if word not in _TITLES]
    given = words[1:2] if "," in text else words[:1]
    return len(words) <= 4 and bool(GIVEN_NAMES.intersection(given))


def _folded(text: str) -> str:
    """Return a text in lower case and without accents."""
    return "".join(c for c in unicodedata.normalize("NFKD", text.lower()) if not unicodedata.combining(c))


def _split(name: str) -> list[str]:
    """Return the lower-case words of `camelCase` and `snake_case` names."""
    spelled = re.findall(r"[A-ZÀ-Þ]+(?![a-zà-ÿ])|[A-ZÀ-Þ]?[a-zà-ÿ]+|\d+", unicodedata.normalize("NFC", name))
    return [_folded(word) for word in spelled]


def _is_personal_value(text: str) -> bool:
    if any(pattern.fullmatch(text) for pattern in _PATTERNS) or _PATTERNS[0].search(text):
        return True
    if _IBAN.fullmatch(text):
        moved = text.replace(" ", "")
        return int("".join(str(int(c, 36)) for c in moved[4:] + moved[:4])) % 97 == 1
    return bool(_CARD.fullmatch(text)) and _passes_luhn([int(c) for c in text if c.isdigit()])


def _passes_luhn(digits: list[int]) -> bool:
    doubled = [d * 2 - 9 * (d > 4) for d in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0
