"""Write docs/recipe.md: `python -m sqltailor.recipe docs/recipe.md`."""

import sys
from pathlib import Path

from sqltailor.recipe.show import reference_page

if __name__ == "__main__":
    Path(sys.argv[1]).write_text(reference_page(), encoding="utf-8")
