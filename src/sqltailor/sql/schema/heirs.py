"""ALTER TABLE of PostgreSQL that makes one table a partition or an heir of another, or ends that."""

from __future__ import annotations

from collections.abc import Callable

from sqltailor.sql.schema.create import Place
from sqltailor.sql.schema.cursor import Words
from sqltailor.sql.schema.drafts import Draft


def attach(action: Words, table: Draft, place: Place) -> None:
    """PostgreSQL's ATTACH PARTITION p …."""
    _relate(action, table, place, "PARTITION", place.drafts.adopt)


def detach(action: Words, table: Draft, place: Place) -> None:
    """PostgreSQL's DETACH PARTITION p."""
    _relate(action, table, place, "PARTITION", place.drafts.release)


def _relate(action: Words, table: Draft, place: Place, word: str, how: Callable[[Draft, Draft], None]) -> None:
    other = place.drafts.find(action.path(), place.home) if action.take(word) else None
    if other is not None:
        how(table, other)


def inherit(action: Words, table: Draft, place: Place) -> None:
    """PostgreSQL's INHERIT parent."""
    parent = place.drafts.find(action.path(), place.home)
    if parent is not None:
        place.drafts.adopt(parent, table)


def no_inherit(action: Words, table: Draft, place: Place) -> None:
    """PostgreSQL's NO INHERIT parent."""
    _relate(action, table, place, "INHERIT", lambda heir, parent: place.drafts.release(parent, heir))
