import pytest

from sqltailor.data.checks.example import REASONS, WARNINGS, check_example
from sqltailor.data.dataset.deduplicate import Ledger, find_copies
from sqltailor.data.facts import bands_of, facts_of, fold_sql, jaccard, level_of, normalise, shingles
from sqltailor.data.rows import RowError
from sqltailor.sql.dialect import parse
from sqltailor.types import Example

DDL = (
    "CREATE TABLE singer (id INTEGER PRIMARY KEY, name TEXT, country TEXT, age INTEGER, price TEXT); "
    "CREATE TABLE song (id INTEGER PRIMARY KEY, singer_id INTEGER, title TEXT)"
)


def check(question, sql, **more):
    return check_example(Example("1", (sql,), question=question, schema=DDL, **more))


@pytest.mark.parametrize(
    ("question", "sql", "smell"),
    [
        ("Who is oldest?", "SELECT name FROM singer ORDER BY age DESC LIMIT 1", "limit_ties"),
        ("Who is the newest?", "SELECT name FROM singer ORDER BY id DESC LIMIT 1", None),
        ("Who is oldest?", "SELECT name FROM singer ORDER BY age DESC, name LIMIT 1", None),
        ("The top 3 oldest?", "SELECT name FROM singer ORDER BY age DESC LIMIT 3", None),
        ("The 3 youngest?", "SELECT name FROM singer ORDER BY age LIMIT 3", "null_order"),
        ("The 3 youngest?", "SELECT name FROM singer WHERE age IS NOT NULL ORDER BY age LIMIT 3", None),
        ("Names by price?", "SELECT name FROM singer ORDER BY price DESC", "text_order"),
        ("Names by price?", "SELECT name FROM singer ORDER BY CAST(price AS REAL) DESC", None),
        ("Price over 10?", "SELECT name FROM singer WHERE price > '10'", "text_order"),
        ("Songs and singers?", "SELECT name, title FROM singer, song", "cross_join"),
        ("Songs and singers?", "SELECT name, title FROM singer JOIN song", "cross_join"),
        ("Songs of singers?", "SELECT name, title FROM singer, song WHERE singer.id = song.singer_id", None),
        ("Songs of singers?", "SELECT name, title FROM singer JOIN song ON singer.id = song.singer_id", None),
        ("Share of all?", "SELECT name, age / a.n FROM singer, (SELECT SUM(age) AS n FROM singer) AS a", None),
        ("Singers from Norway?", "SELECT name FROM singer WHERE country = 'Norway'", None),
        ("Singers from up north?", "SELECT name FROM singer WHERE country = 'Norway'", "value_not_asked"),
        ("Singers of twelve?", "SELECT name FROM singer WHERE age = 12", None),
        ("Old singers?", "SELECT name FROM singer WHERE age > 60", "value_not_asked"),
        ("Over 1,000 years?", "SELECT name FROM singer WHERE age > 1000", None),
        ("Names with an 'ann' inside?", "SELECT name FROM singer WHERE name LIKE '%Ann%'", None),
        ("Who has two songs?", "SELECT singer_id FROM song GROUP BY singer_id HAVING COUNT(*) = 2", None),
        ("From the 'new-york' area?", "SELECT name FROM singer WHERE country = 'New York'", None),
    ],
)
def test_smells_of_gold_sql(question, sql, smell):
    assert check(question, sql).warnings == ((smell,) if smell else ())


def test_evidence_explains_a_value():
    sql = "SELECT name FROM singer WHERE country = 'NOR'"
    assert check("From Norway?", sql).warnings == ("value_not_asked",)
    assert check("From Norway?", sql, evidence="Norway is 'NOR'").warnings == ()


def test_all_accepted_statements_are_checked():
    with pytest.raises(RowError, match="no column 'nme'"):
        check_example(Example("1", ("SELECT name FROM singer", "SELECT nme FROM singer"), question="q", schema=DDL))


def test_every_reason_has_a_meaning_and_none_is_both():
    assert not REASONS.keys() & WARNINGS.keys()
    assert all(meaning and not meaning.endswith(".") for meaning in [*REASONS.values(), *WARNINGS.values()])


@pytest.mark.parametrize(
    ("sql", "level"),
    [
        ("SELECT name FROM singer", "easy"),
        ("SELECT COUNT(*) FROM singer WHERE age > 3", "easy"),
        ("SELECT name FROM singer WHERE age > 3 AND country = 'x'", "medium"),
        ("SELECT country, COUNT(*) FROM singer GROUP BY country ORDER BY COUNT(*)", "hard"),
        ("SELECT name FROM singer WHERE age = (SELECT MAX(age) FROM singer)", "medium"),
        (
            "SELECT a.name FROM singer a JOIN song b ON a.id = b.singer_id GROUP BY a.id HAVING COUNT(*) > 1 "
            "UNION SELECT name FROM singer WHERE age > 3 ORDER BY name",
            "extra",
        ),
    ],
)
def test_levels(sql, level):
    assert level_of(parse(sql).walk()) == level


def test_a_given_difficulty_is_kept():
    assert check("q", "SELECT name FROM singer", difficulty="simple").facts.level == "simple"


def test_keys_tell_what_is_the_same():
    a = check("Who is from Oslo?", "SELECT name FROM singer WHERE country = 'Oslo'").facts
    b = check("who is from oslo", "SELECT Name FROM Singer WHERE Country = 'Oslo'").facts
    c = check("Who is from Bonn?", "SELECT name FROM singer WHERE country = 'Bonn'").facts
    assert (a.exact, a.pair, a.template) == (b.exact, b.pair, b.template)
    assert a.exact != c.exact
    assert a.template == c.template
    assert a.sql != c.sql
    assert a.tables == ("singer",)
    assert a.shape == "SELECT c FROM t WHERE c = ?"


def test_normalising_keeps_what_carries_meaning():
    assert normalise("  Wer  IST „groß“? (x > 5)") == normalise("wer ist „gross“ x > 5")
    assert normalise("x < 5") != normalise("x > 5")
    assert (
        fold_sql("SELECT A FROM T WHERE B = 'It''S Me' AND C = 1") == "select a from t where b = 'It''S Me' and c = 1"
    )


def test_bands_find_similar_questions_and_only_those():
    base = "what is the average number of days that a customer waits for an order from the north"
    near = base.replace("average", "mean")
    far = "list all warehouses with their managers and the year in which they were opened"
    assert jaccard(shingles(base), shingles(near)) > 0.8
    assert set(bands_of(base, 1)) & set(bands_of(near, 1))
    assert not set(bands_of(base, 1)) & set(bands_of(far, 1))
    assert not set(bands_of(base, 1)) & set(bands_of(base, 2))  # other SQL


def test_recall_of_near_duplicates(tmp_path):
    """Each of 300 questions has a twin with one typo; nearly all twins must be found, and nothing else."""
    names = "total price city order customer region month year street name first last open closed invoice item"
    words = names.split()
    questions = []
    for i in range(300):
        text = " ".join(words[(i * k + k * k) % len(words)] for k in range(1, 13)) + f" {i}"
        questions += [text, text.replace("c", "k", 1)]
    ledger = Ledger(tmp_path)
    for i, question in enumerate(questions):
        tree = parse("SELECT 1")
        ledger.add(facts_of(Example(str(i), (f"SELECT {i // 2}",), question=question), tree, list(tree.walk())))
    copies = find_copies(ledger, questions.__getitem__)
    ledger.close()
    assert all(row % 2 == 1 and copy.of == row - 1 for row, copy in copies.items())
    assert len(copies) >= 290
