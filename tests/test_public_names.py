"""What `import sqltailor` offers: held by name, fetched only when used."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import sqltailor

PUBLIC = """
Asker Column Completion Database Evaluation Example GenerateOptions Grant Prediction Project Prompt QueryResult Recipe
Reply SQLTailorError Schema Table Verdict __version__ check_sql compile_spec evaluate_models import_data load_examples
load_model load_recipe open_asker open_database open_scorer train_model write_examples write_report
"""
"""Taking a name out breaks programs of others; adding one is a promise."""


def for_type_checkers() -> dict[str, tuple[str, str]]:
    """Return public name → module and name there, as the imports under TYPE_CHECKING say."""
    tree = ast.parse(Path(str(sqltailor.__file__)).read_text(encoding="utf-8"))
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return {
        alias.asname or alias.name: (node.module or "", alias.name)
        for node in nodes
        for alias in node.names
        if (node.module or "").startswith("sqltailor.")
    }


def test_all_is_what_was_promised() -> None:
    assert sqltailor.__all__ == sorted(PUBLIC.split())
    assert set(sqltailor.__all__) <= set(dir(sqltailor))


def test_type_checkers_see_the_same_names() -> None:
    assert {*for_type_checkers(), "__version__"} == set(sqltailor.__all__)


@pytest.mark.parametrize("name", sorted(set(PUBLIC.split()) - {"__version__"}))
def test_each_name_comes_from_where_type_checkers_are_told(name: str) -> None:
    module, own_name = for_type_checkers()[name]
    assert getattr(sqltailor, name) is getattr(sys.modules[module], own_name)


def test_no_public_name_is_a_room() -> None:
    # importing sqltailor.train would put the module where a function `train` stood
    package = Path(str(sqltailor.__file__)).parent
    assert not {path.stem for path in package.iterdir()} & set(sqltailor.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'sqltailor' has no attribute 'trane'"):
        sqltailor.trane  # type: ignore[attr-defined]  # noqa: B018
    assert not hasattr(sqltailor, "__wrapped__")


def test_importing_the_package_imports_nothing_else() -> None:
    script = "import sys, sqltailor; print(*(m for m in sys.modules if m.startswith('sqltailor.')))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_the_small_things_need_no_extra() -> None:
    script = (
        "import sqltailor\n"
        "for extra in ('torch', 'transformers', 'datasets', 'sqlalchemy', 'jinja2', 'duckdb', 'numpy', 'pandas'):\n"
        "    sys.modules[extra] = None\n"
        "names = [getattr(sqltailor, name) for name in sqltailor.__all__]\n"
        "print(sqltailor.check_sql('DELETE FROM t', schema=sqltailor.Schema(()), grant=sqltailor.Grant()).layer)\n"
    )
    done = subprocess.run([sys.executable, "-c", f"import sys\n{script}"], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("policy\n", "")
