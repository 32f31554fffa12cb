"""The wording of queries that call a house's own functions."""

from __future__ import annotations

from collections.abc import Callable

from sqltailor.synth.query import Agg, Call, Col, Query
from sqltailor.synth.wording.frame_texts import framed
from sqltailor.synth.wording.measures import aggregate_words, number_words
from sqltailor.synth.wording.noun_phrases import plural_words, rows
from sqltailor.synth.wording.phrasebook import Phrasebook


def _house_aggregate(say: Phrasebook, query: Query) -> str:
    what = query.select[0]
    assert isinstance(what, Agg)
    return framed(say, "aggregate", {"what": aggregate_words(say, what), "np": rows(say, say.about)})


def _house_list(say: Phrasebook, query: Query) -> str:
    label, call = query.select
    assert isinstance(label, Col)
    assert isinstance(call, Call)
    cols = f"{say.bare(label)} and {call.meaning}"
    np = rows(say, say.about)
    if say.chance(0.3):
        return f"for {say.pick(('each of the', 'all', 'the'))} {np}, {say.pick(('show', 'what is', 'give'))} the {cols}"
    return framed(say, "list", {"np": np, "cols": cols, "colsp": cols, "colsx": cols})


def _house_top(say: Phrasebook, query: Query) -> str:
    order = query.order_by[0]
    label = query.select[0]
    assert isinstance(label, Col)
    assert isinstance(order.by, Call)
    extreme = say.pick(("highest", "largest", "greatest") if order.descending else ("lowest", "smallest"))
    many = (query.limit or 1) > 1
    noun = f"{number_words(say, query.limit or 1)} {say.nouns(say.about)}" if many else say.noun(say.about)
    text = f"{noun} with the {extreme} {order.by.meaning}"
    if say.chance(0.4):
        return f"which {noun} {'have' if many else 'has'} the {extreme} {order.by.meaning}?"
    name = plural_words(say.bare(label)) if many else say.bare(label)
    return say.pick((f"{name} of the {text}", f"show the {name} of the {text}", f"find the {text}", f"{text}"))


CUSTOM_FUNCTIONS: dict[str, Callable[[Phrasebook, Query], str]] = {
    "house_aggregate": _house_aggregate,
    "house_list": _house_list,
    "house_top": _house_top,
}
