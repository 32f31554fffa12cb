"""Which columns look personal."""

from __future__ import annotations

import pytest

from sqltailor.database import looks_personal


@pytest.mark.parametrize(
    "name",
    [
        "email", "Email", "e_mail", "EmailAddress", "customer_email", "phone", "phoneNumber", "home_tel",
        "address", "billing_address", "ADDRESS_LINE_1", "street", "zip_code", "zipcode", "postalCode",
        "birth_date", "DateOfBirth", "dob", "ssn", "SSN", "iban", "password", "password_hash", "pwd", "api_key",
        "apiKey", "access_token", "ip", "ip_address", "clientIP", "first_name", "firstName", "last_name",
        "LASTNAME", "surname", "full_name", "username", "user_name", "customer_name", "credit_card_no",
        "passport_no", "customer.name", "users.name", "Vorname",
    ],
)  # fmt: skip
def test_names_that_look_personal(name: str) -> None:
    assert looks_personal(name)


@pytest.mark.parametrize(
    "name",
    [
        "id", "name", "product.name", "city", "country", "status", "ship_date", "description", "zipped", "chip",
        "recipe", "shipped", "participant_count", "category", "price", "emailed_at", "tokens_in", "pinned",
        "team.name", "addressed", "customer.status", "customer.id",
    ],
)  # fmt: skip
def test_names_that_do_not(name: str) -> None:
    assert not looks_personal(name, ["abc", 12, 3.5, None, b"x", "2024-01-31"])


@pytest.mark.parametrize(
    "value",
    [
        "ann.lee+x@mail.example.org", "+49 170 1234567", "(555) 123-4567", "555-123-4567", "01 23 45 67 89",
        "078-05-1120", "4111 1111 1111 1111", 4111111111111111, "4111-1111-1111-1111",
        "DE89 3704 0044 0532 0130 00", "GB82WEST12345698765432", "192.168.0.12",
        "2001:0db8:85a3:0000:0000:8a2e:0370:7334", "00:1B:44:11:3A:B7", "5f4dcc3b5aa765d61d8327deb882cf99",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc",
    ],
)  # fmt: skip
def test_one_personal_value_is_enough(value: str | int) -> None:
    assert looks_personal("x", ["harmless", value])


@pytest.mark.parametrize(
    "value",
    [
        "2024-01-31", "2024-01-31 12:30:45", "12:30:45", "12:30", "1.5", "1,234,567.89", "-17.25", "A-1234-B",
        "v1.2.3", "1234567", 1234567, 20240131, "20240131", "978-3", "New York", "red", "4111 1111 1111 1112",
        "DE89370400440532013001", "#ff00aa", "12-34", "1e10", "a@b", "@home", "1-2-3-4", "0.1234567890123",
        3.14159265358979,
    ],
)  # fmt: skip
def test_values_that_are_not_personal(value: str | int | float) -> None:
    assert not looks_personal("x", [value])


@pytest.mark.parametrize(
    "values",
    [
        ["Anna Weber", "Jürgen Groß", "Li Wei"], ["Weber, Anna", "Pérez, Juan"], ["Dr. Karin Holm", "Prof. Ivan Ng"],
        ["Zoé", "Luc", "Anaïs", "Théo"], ["anna", "peter", "n/a"], ["MARIA GARCIA"],
        ["see anna.w@example.org", "paid"],
    ],
)  # fmt: skip
def test_people_are_known_by_their_names_whatever_the_column_is_called(values: list[str]) -> None:
    assert looks_personal("deal.nm", values)
    assert looks_personal("assigned_to", values)


@pytest.mark.parametrize(
    "values",
    [
        ["New York", "San Jose", "Charlotte", "Austin", "Florence"], ["red lamp", "blue chair", "wide desk"],
        ["Victoria Station", "Grand Central"], ["Abba", "Queen", "Pink Floyd", "Mark Knopfler"], ["Mercedes", "Audi"],
        ["Nordwerk 1", "Paul 2"], ["open", "sent", "back"], ["France", "Peru", "Chad", "Jordan"],
        ["May", "June", "April"],
        ["x"], [],
    ],
)  # fmt: skip
def test_things_and_places_are_no_people(values: list[str]) -> None:
    assert not looks_personal("deal.what", values)


@pytest.mark.parametrize("name", ["prénom", "Prénom", "PRÉNOM", "teléfono", "données.âge_prénom"])
def test_accents_in_column_names_make_no_difference(name: str) -> None:
    assert looks_personal(name)


def test_a_name_column_full_of_people() -> None:
    assert looks_personal("artist.name", ["Ann Lee", "Bob Stone", "Abba", "Cher Sarkisian"])
    assert not looks_personal("artist.name", ["Abba", "Queen", "Pink Floyd"])
    assert not looks_personal("city", ["New York", "San Jose"])
