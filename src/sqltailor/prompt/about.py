"""Is a question about this database at all? It is not where none of its words is known here.

A word is known if it is in the name, a comment or a sample of a table or column, in the glossary or in a known
question, or if it is another word for such a one. Words that questions are made of (`how many`, `the largest`) say
nothing, and neither do names: they may be stored. A question that shares one word with the database, or does not look
English, is left to the model.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

from sqltailor.naming.phrases import COLUMN_SYNONYMS, MONTHS, NUMBER_WORDS, TABLE_SYNONYMS
from sqltailor.naming.words import split_name, word_set
from sqltailor.prompt.hints import normal_words
from sqltailor.types import Schema

STEM = 4
"""Letters: words that begin with the same ones, or of which one holds the other, are taken for one word."""
LEAST_PLAIN = 2
"""Plain words that a question must have, and no fewer than others, to be taken for English."""

_WORD = re.compile(r"[^\W\d_]{2,}")

_PLAIN = word_set("""
a about above across actually after again against ago all almost along alphabetical alphabetically also always am
among amount an and another any anybody anyone anything apart are around as ascending ask at average away base based
be because been before begin being below best between big biggest both bottom but by calculate called can cannot
change combined common compare complete compute concerning could count current currently daily date day descending
detail develop did difference different display distinct do does doing done double down during each earliest either
else ending entries entry ever every everyone everything exact exactly except exist existing few fewer fewest find
first for frequent frequently friday from full future gave general get getting give given go going good got great
greatest group had half happen happened has have having he hello her here hi high higher highest him his hour how i id
identify if in include individual information inside is it its just kind know large larger largest last lastly latest
least less let level lexicographical like list little living located long longer longest look lot low lower lowest
made main make making many maximum may me mean median middle might minimum minute monday month monthly more most
mostly much must my name named nd near need neither never new newest next no none nor not nothing now number of often
ok okay old older oldest on once one only or order other our out output outside over overall own part past per
percentage please point possible present previous print provide put question rank rate ratio rd really recent recently
regarding report respective respectively result return right row rows same saturday say second see seen select several
she should show since single size small smaller smallest so some somebody someone something sorry sort sorts specific
spent st starting still sum sunday sure take tell th than thank thanks that the their them then there these they thing
think this those three through thursday till time to today together tomorrow tonight took top total toward trend
tuesday twice two type under unique until up upcoming upon us use used using value various very want was way we
wednesday week weekly well were what whatever when where whether which while who whole whom whose why will with within
without working worst would year yearly yes yesterday yet you young younger youngest your
""") | word_set(" ".join((*NUMBER_WORDS, *MONTHS)).lower())
"""Words that questions about any database are made of."""

_COMMON = word_set("""
account age amount area began begin begun born bought bring brought build built business buy buyer cheap cheaper
cheapest child choose city client close closed come company consist contain cost country create created customer
deliver department die earn earner earning employ employee end ended engineer enter event expensive fail family father
fee female file finish go gone group grow held hire hold home house instructor item job join keep kept label lead
leave left live lived location lose loss lost male man manage manager member money mother move object open opened
order organization own owner paid participant participate participation pay payment people person piece place play
played player point price produce product professor profit purchase quantity rate rated rating receive record reside
resident rich school sell seller send sent serve shelf shop sold spend staff start state stay stop store student study
supply support teach teacher team train training travel user visit visitor walk win winner woman won work worker write
written
""")
"""Words that may mean something in nearly any database, whatever it calls that."""
_NO_SUBJECT = word_set("name id number type date")
"""Names of columns that are in nearly any table."""


class Subject:
    """What a database is about, by its words; made once."""

    def __init__(self, schema: Schema, glossary: Mapping[str, str], questions: Iterable[str] = ()) -> None:
        columns = [split_name(column.name) for table in schema.tables for column in table.columns]
        tables = [split_name(table.name) for table in schema.tables]
        named = (*tables, *(name for name in columns if len(name) == 1))
        self._named = {word for name in named for word in normal_words(" ".join(name))} - _NO_SUBJECT
        self._phrases = {frozenset(normal_words(" ".join(name))) for name in columns if len(name) > 1}
        names = (" ".join(name) for name in (*tables, *columns))
        texts = chain(names, _notes(schema), chain.from_iterable(glossary.items()), questions)
        self._known = {word for text in texts for word in normal_words(text)}
        for word, others in chain(TABLE_SYNONYMS.items(), COLUMN_SYNONYMS.items()):
            phrases = [set(normal_words(phrase)) for phrase in (word, *others)]
            if any(phrase <= self._known for phrase in phrases):
                self._known |= set().union(*phrases)
        self._stems = {word[:STEM] for word in self._known if len(word) >= STEM}
        self._run = " ".join(word for word in self._known if len(word) >= STEM)

    def strange(self, question: str) -> list[str]:
        """Return the words that say what a question is about, if none of them is known; else nothing.

        >>> from sqltailor.types import Column, Table
        >>> shop = Subject(Schema((Table("cust", (Column("cid"), Column("city"))),)), {"VIP": "seg = 'V'"})
        >>> shop.strange("what will the weather be?"), shop.strange("How many clients are VIPs?")
        (['weather'], [])
        """
        said = list(dict.fromkeys(_WORD.findall(question)))
        words = {raw: {raw.lower(), *normal_words(raw)} for raw in said}
        plain = [raw for raw in said if words[raw] & _PLAIN or raw.endswith("est")]
        others = [raw for raw in said if raw not in plain]
        about = [raw for raw in others if not words[raw] & _COMMON and (raw.islower() or raw is said[0])]
        if not about or len(plain) < max(LEAST_PLAIN, len(others)):
            return []
        used = set().union(*words.values())
        if used & self._named or any(phrase <= used for phrase in self._phrases):
            return []
        return [] if any(self._knows(word) for raw in others for word in words[raw]) else about

    def knows(self, phrase: str) -> bool:
        """Tell whether any word of a phrase is known."""
        return any(self._knows(word) for word in normal_words(phrase))

    def _knows(self, word: str) -> bool:
        if word in self._known or len(word) < STEM:
            return word in self._known
        return word[:STEM] in self._stems or word in self._run


def _notes(schema: Schema) -> Iterator[str]:
    for table in schema.tables:
        yield table.comment or ""
        for column in table.columns:
            yield column.comment or ""
            yield from map(str, column.samples)
