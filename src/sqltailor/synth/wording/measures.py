"""Aggregates, groups and superlatives in words: "average price", "most orders", "5 cheapest products"."""

from __future__ import annotations

from collections.abc import Callable

from sqltailor.naming.phrases import AGGREGATES, DATE_AGGREGATES, HAVE_OPERATORS, IS_OPERATORS, NUMBER_WORDS, TRAITS
from sqltailor.naming.words import plural
from sqltailor.synth.query import Agg, Col, Compare, Days, Measure, Order, Part, Product, Query
from sqltailor.synth.wording.noun_phrases import Parts, parts, plural_words, rows
from sqltailor.synth.wording.phrasebook import Phrasebook

MOST = ("highest", "largest", "greatest", "maximum", "biggest", "most")
LEAST = ("lowest", "smallest", "minimum", "least")


def column_list(say: Phrasebook, columns: tuple[Col, ...], *, many: bool) -> str:
    """Return the columns as a list of words: `name, city and age`."""
    names = [plural_words(say.column(c)) if many and say.info(c).kind != "flag" else say.column(c) for c in columns]
    if len(names) < 2:
        return names[0]
    link = say.pick((" and ", " and ", " and ", " as well as ", " & ") if len(names) == 2 else (" and ", ", and "))
    return f"{', '.join(names[:-1])}{link}{names[-1]}"


Filled = dict[str, str | Callable[[], str]]
"""What fills the slots of a frame."""


def list_slots(say: Phrasebook, columns: tuple[Col, ...], np: Callable[[], str]) -> Filled:
    """Return the slots of a list: its rows, and its columns in the singular, the plural, or what sounds better."""
    return {
        "np": np,
        "cols": lambda: column_list(say, columns, many=False),
        "colsp": lambda: column_list(say, columns, many=True),
        "colsx": lambda: column_list(say, columns, many=len(columns) == 1 or say.chance(0.5)),
    }


def aggregate_words(say: Phrasebook, what: Agg) -> str:
    """Return an aggregate as a noun phrase: `average price`, `total quantity`."""
    if what.argument is None:
        return "count"
    if isinstance(what.argument, Measure):
        return what.argument.words
    if isinstance(what.argument, Product):
        left, right = say.column(what.argument.left), say.column(what.argument.right)
        spelled = (f"total {left} times {right}", f"sum of {left} times {right}", f"total value ({left} times {right})")
        return say.pick((*spelled, "total value", "total revenue", "revenue", "turnover"))
    if isinstance(what.argument, Days):
        start, end = say.column(what.argument.start), say.column(what.argument.end)
        function = say.pick(AGGREGATES[what.function])
        return say.pick(
            (
                f"{function} number of days between {start} and {end}",
                f"{function} time from {start} to {end} in days",
                f"{function} days from {start} to {end}",
            )
        )
    name = say.expr(what.argument)
    if what.distinct:
        return f"number of {say.pick(('different', 'distinct', 'unique'))} {plural_words(name)}"
    if isinstance(what.argument, Col) and say.info(what.argument).kind == "date":
        return f"{say.pick(DATE_AGGREGATES[what.function])} {name}"
    function = say.pick(AGGREGATES[what.function])
    if name.split()[0] == function or (function == "total" and "total" in name):
        function = {"average": "mean", "total": "sum of the"}.get(function, function)
    return f"{function} {name}"


def two_aggregates(say: Phrasebook, first: Agg, second: Agg) -> str:
    """Return two aggregates of one column: `minimum and maximum price`."""
    one, two = say.pick(AGGREGATES[first.function]), say.pick(AGGREGATES[second.function])
    assert first.argument is not None
    return f"{one} and {two} {say.expr(first.argument)}".replace("sum of the and", "total and")


def measured(say: Phrasebook, what: Agg, binding: str, row_words: str | None = None) -> str:
    """Return what is computed for each group: `number of orders`, `average price of items`."""
    of = row_words or rows(say, binding)
    if what.argument is None:
        return f"{say.pick(('number of', 'number of', 'count of', 'total number of'))} {of}"
    return of_rows(say, aggregate_words(say, what), binding, of)


def of_rows(say: Phrasebook, text: str, binding: str, row_words: str | None = None) -> str:
    """Return an aggregate in words with its rows, which may stay unsaid where nothing narrows them."""
    of = row_words or rows(say, binding)
    has_more = of != say.nouns(binding) or say.is_one_of_several(binding)
    return text + (f" of {of}" if has_more or say.chance(0.45) else "")


def group_words(say: Phrasebook, group: Col | Part) -> str:
    """Return what rows are grouped by, in the singular."""
    if isinstance(group, Part):
        return group.unit if say.chance(0.75) else f"{group.unit} of {say.column(group.column)}"
    return say.column(group)


def extreme_measure(say: Phrasebook, order: Order, binding: str) -> str:
    """Return what follows "with the": `most orders`, `highest average price`."""
    what = order.by
    assert isinstance(what, Agg)
    if what.argument is None:
        of = rows(say, binding)
        word = (
            say.pick(("most", "most", "largest number of", "highest number of"))
            if order.descending
            else say.pick(("fewest", "least", "smallest number of", "lowest number of"))
        )
        return f"{word} {of}"
    word = say.pick(MOST[:-1] if order.descending else LEAST[:-1])
    text = aggregate_words(say, what)
    of = rows(say, binding)
    return f"{word} {text}" + (f" of {of}" if of != say.nouns(binding) or say.is_one_of_several(binding) else "")


def amount(say: Phrasebook, cond: Compare, binding: str) -> str:
    """Return what follows "have" in a condition on groups: `more than 5 orders`, `an average price over 3`."""
    what, value = cond.left, cond.value
    assert isinstance(what, Agg)
    assert isinstance(value, int | float)
    if what.argument is None:
        number = say.marked(say.count(value) if isinstance(value, int) else repr(value))
        words = HAVE_OPERATORS[cond.operator]
        of = rows(say, binding)
        if value == 1 and cond.operator in ("=", ">="):
            of = of.replace(say.nouns(binding), say.noun(binding), 1)
        return f"{say.pick(words).format(number)} {of}"
    over = say.pick(IS_OPERATORS[cond.operator][:-1]).format(say.marked(say.number(value)))
    name = aggregate_words(say, what)
    of = rows(say, binding)
    text = f"{'an' if name[0] in 'aeio' else 'a'} {name}"
    return (
        text
        + (f" of {of}" if of != say.nouns(binding) or say.is_one_of_several(binding) else "")
        + f" {'of ' if over[0].isdigit() else ''}{over}"
    )


def direction(order: Order) -> tuple[str, ...]:
    """Return the words for the end of the order that comes first."""
    return MOST if order.descending else LEAST


def superlatives(say: Phrasebook, order: Order) -> tuple[str, ...]:
    """Return adjectives such as `cheapest` for the column that rows are ordered by; empty when it has none."""
    assert isinstance(order.by, Col)
    info = say.info(order.by)
    if info.kind in ("date", "year"):
        bare = say.bare(order.by)
        if len(bare.split()) > 2 or (
            bare.split()[0] not in ("date", "year", "order", "created") and len(bare.split()) > 1
        ):
            return ()
        return ("most recent", "latest", "newest") if order.descending else ("earliest", "oldest", "first")
    trait = TRAITS.get(say.bare(order.by).split()[-1])
    return (trait.most if order.descending else trait.least) if trait else ()


def best(say: Phrasebook, order: Order, binding: str, *, many: bool) -> str:
    """Return the rows at one end of an order: `cheapest red item`, `items with the highest weight in stock`."""
    around = parts(say, binding)
    noun = say.nouns(binding) if many else say.noun(binding)
    adjectives = superlatives(say, order)
    if adjectives and say.chance(0.6):
        return f"{say.pick(adjectives)} {around.before}{noun}{around.after}"
    return f"{around.before}{noun}{with_extreme(say, order, around)}"


def with_extreme(say: Phrasebook, order: Order, around: Parts) -> str:
    """Return ` with the highest price`, together with what stands after the noun."""
    assert isinstance(order.by, Col)
    text = f"with the {say.pick(extremes(say, order))} {say.column(order.by)}"
    if not around.after:
        return " " + text
    return f"{around.after} {'and ' if around.after.startswith(' with') else ''}{text}"


def extremes(say: Phrasebook, order: Order) -> tuple[str, ...]:
    """Return the words for the largest or smallest value of a column."""
    assert isinstance(order.by, Col)
    info = say.info(order.by)
    if info.kind in ("date", "year"):
        return DATE_AGGREGATES["MAX" if order.descending else "MIN"]
    name = say.bare(order.by)
    if plural(name) == name and name.endswith("s"):
        return ("most", "most", "highest number of") if order.descending else ("fewest", "least", "lowest number of")
    return ("highest", "highest", "largest", "greatest", "maximum", "biggest") if order.descending else LEAST[:3]


def ordering(say: Phrasebook, order: Order) -> str:
    """Return the words that end an ordered list: `sorted by price, cheapest first`."""
    assert isinstance(order.by, Col)
    name, info, down = say.column(order.by), say.info(order.by), order.descending
    verb = say.pick(("ordered by", "sorted by", "in order of", "arranged by", "sort by", "order by", "ranked by"))
    ends: tuple[str, ...]
    if info.kind == "name":
        ends = (
            ("in reverse alphabetical order", "from Z to A", "descending")
            if down
            else ("", "", "alphabetically", "from A to Z", "in alphabetical order")
        )
    elif info.kind in ("date", "year"):
        ends = (
            ("newest first", "latest first", "most recent first", "descending", "in descending order")
            if down
            else ("", "oldest first", "earliest first", "chronologically", "ascending")
        )
    else:
        ends = (
            (
                "descending",
                "in descending order",
                "from high to low",
                "highest first",
                "largest first",
                "from highest to lowest",
                "desc",
            )
            if down
            else ("", "", "ascending", "in ascending order", "lowest first", "from low to high", "smallest first")
        )
    end = say.pick(ends)
    if end.endswith("first") and say.chance(0.4) and (adjectives := superlatives(say, order)):
        end = f"{say.pick(adjectives)} first"
    comma = "," if end.endswith("first") else ""
    return f"{verb} {name}{comma} {end}".rstrip(" ,")


def number_words(say: Phrasebook, number: int) -> str:
    """Return a count as digits or a word, left alone by typos."""
    return say.marked(NUMBER_WORDS[number] if number < len(NUMBER_WORDS) and say.chance(0.3) else str(number))


def inner_say(say: Phrasebook, query: Query) -> Phrasebook:
    """Return a speaker for an inner query with the same habits."""
    inner = Phrasebook(query, say.lexicon, say.rng)
    inner.quote, inner.lower = say.quote, say.lower
    inner.named(say)
    return inner
