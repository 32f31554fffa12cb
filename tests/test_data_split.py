import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqltailor.data.dataset.deduplicate import KEYS, Ledger
from sqltailor.data.dataset.split import NOWHERE, PARTS, WAYS, split_rows
from sqltailor.data.facts import BANDS, Facts
from sqltailor.errors import ConfigError


def ledger(tmp_path_factory, rows):
    """Build a ledger of (database, schema, template, question, level) rows."""
    made = Ledger(tmp_path_factory.mktemp("bands"))
    for i, (database, schema, template, question, level) in enumerate(rows):
        keys = dict.fromkeys(KEYS, i) | {
            "database": database,
            "schema": schema,
            "template": template,
            "question": question,
        }
        made.add(Facts(**keys, level=level, tokens=9, shape="", tables=(), bands=(0,) * BANDS))
    made.close()
    return made


row = st.tuples(st.integers(0, 5), st.integers(0, 9), st.integers(0, 20), st.integers(0, 50), st.sampled_from("ab"))


@settings(max_examples=80, deadline=None)
@given(
    rows=st.lists(row, max_size=80),
    by=st.sampled_from(WAYS),
    seed=st.integers(0, 3),
    removed=st.sets(st.integers(0, 79), max_size=10),
)
def test_no_group_stands_in_two_parts_and_every_row_in_one(tmp_path_factory, rows, by, seed, removed):
    made = ledger(tmp_path_factory, rows)
    split = split_rows(made, by=by, seed=seed, without=removed)
    parts_of_key = {}
    for i, key in enumerate(made.columns[by]):
        if i in removed:
            assert split.parts[i] == NOWHERE
        else:
            parts_of_key.setdefault(key, set()).add(split.parts[i])
    assert all(len(parts) == 1 for parts in parts_of_key.values())
    assert split.shared[by] == 0
    assert sum(split.sizes.values()) == len(rows) - len([i for i in removed if i < len(rows)])
    assert split_rows(made, by=by, seed=seed, without=removed).parts == split.parts


def test_shares_hold_in_all_and_within_each_level(tmp_path_factory):
    generator = random.Random(1)
    rows = [(0, 0, i // 3, i, generator.choice(["easy", "easy", "hard"])) for i in range(3000)]
    rows = [(d, s, t, q, "hard" if t % 4 == 0 else "easy") for d, s, t, q, _ in rows]
    made = ledger(tmp_path_factory, rows)
    split = split_rows(made, by="template", validation_share=0.1, test_share=0.2)
    assert split.sizes["validation"] == pytest.approx(300, abs=6)
    assert split.sizes["test"] == pytest.approx(600, abs=6)
    hard = Counter(PARTS[p] for p, r in zip(split.parts, rows, strict=True) if r[4] == "hard")
    assert hard["test"] == pytest.approx(150, abs=6)


def test_the_seed_decides(tmp_path_factory):
    made = ledger(tmp_path_factory, [(0, 0, i, i, "a") for i in range(200)])
    first, again, other = (split_rows(made, by="template", seed=s).parts for s in (0, 0, 1))
    assert first == again
    assert first != other


def test_one_giant_group_stays_in_train(tmp_path_factory):
    made = ledger(tmp_path_factory, [(0, 0, 0 if i < 900 else i, i, "a") for i in range(1000)])
    for seed in range(5):
        split = split_rows(made, by="template", seed=seed)
        assert {split.parts[i] for i in range(900)} == {0}
        assert split.sizes["test"] > 0


def test_the_default_way_depends_on_the_number_of_databases(tmp_path_factory):
    assert split_rows(ledger(tmp_path_factory, [(7, i, i, i, "a") for i in range(9)])).by == "template"
    assert split_rows(ledger(tmp_path_factory, [(i % 9, i, i, i, "a") for i in range(30)])).by == "database"


def test_no_part_with_a_share_stays_empty_where_there_are_groups_for_it(tmp_path_factory):
    few = ledger(tmp_path_factory, [(i % 2, i, i, i, "a") for i in range(9)])
    assert split_rows(few).by == "template"
    assert split_rows(few).sizes == {"train": 7, "validation": 1, "test": 1}
    assert split_rows(few, by="database").sizes == {"train": 5, "validation": 0, "test": 4}
    uneven = ledger(tmp_path_factory, [(0, 0, i // 10, i, "a") for i in range(40)])
    assert split_rows(uneven).by == "question"
    assert split_rows(uneven, by="template").sizes == {"train": 20, "validation": 10, "test": 10}


def test_shared_keys_of_other_ways_are_told(tmp_path_factory):
    made = ledger(tmp_path_factory, [(i % 50, 0, 1, i, "a") for i in range(500)])
    shared = split_rows(made, by="database").shared
    assert (shared["database"], shared["schema"], shared["template"], shared["question"]) == (0, 1, 1, 0)


def test_the_smallest_data_sets(tmp_path_factory):
    for rows, parts in ((1, (1, 0, 0)), (2, (1, 0, 1)), (3, (1, 1, 1)), (5, (3, 1, 1))):
        made = ledger(tmp_path_factory, [(0, 0, i, i, "a") for i in range(rows)])
        assert tuple(split_rows(made).sizes.values()) == parts
    assert split_rows(ledger(tmp_path_factory, [])).sizes == {"train": 0, "validation": 0, "test": 0}


def test_wrong_shares(tmp_path_factory):
    with pytest.raises(ConfigError, match="leave a share for training"):
        split_rows(ledger(tmp_path_factory, []), validation_share=0.5, test_share=0.5)
    made = ledger(tmp_path_factory, [(0, 0, i, i, "a") for i in range(50)])
    assert split_rows(made, validation_share=0, test_share=0.2).sizes["validation"] == 0
