"""The tables of a script while it is read: found by any spelling of their names, changed by what follows."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from sqltailor.sql.schema.table_body import Key, with_keys
from sqltailor.types import Column, Reference, Schema, Table


@dataclass(eq=False)
class Draft:
    """One table or view. `path` is its name as written; `home` are the qualifiers that the session adds before it.

    `partitions` are the columns, in lower case, that Hive keeps apart from the others.
    """

    path: list[str]
    home: list[str]
    columns: list[Column]
    keys: list[Key] = field(default_factory=list)
    comment: str | None = None
    is_view: bool = False
    query: str | None = None
    partitions: frozenset[str] = frozenset()

    @property
    def full(self) -> tuple[str, ...]:
        """The whole name as far as it is known."""
        return (*self.home, *self.path)

    def column(self, name: str) -> int | None:
        """Return the number of a column, its own spelling first, then in any case."""
        names = [c.name for c in self.columns]
        if name in names:
            return names.index(name)
        return next((i for i, known in enumerate(names) if known.lower() == name.lower()), None)

    def finished(self) -> list[Column]:
        """Return the columns with their keys."""
        return with_keys(self.columns, self.keys)


class Drafts:
    """Tables by name, in the order in which they were made."""

    def __init__(self, default_namespace: str | None) -> None:
        self.default = default_namespace
        self._by_name: dict[str, list[Draft]] = {}
        self._order: dict[int, Draft] = {}
        self._children: dict[int, list[Draft]] = {}

    def __iter__(self) -> Iterator[Draft]:
        return iter(list(self._order.values()))

    def add(self, draft: Draft) -> None:
        self._by_name.setdefault(draft.path[-1].lower(), []).append(draft)
        self._order[id(draft)] = draft

    def remove(self, draft: Draft) -> None:
        self._by_name[draft.path[-1].lower()] = [d for d in self._by_name[draft.path[-1].lower()] if d is not draft]
        del self._order[id(draft)]

    def adopt(self, parent: Draft, child: Draft) -> None:
        """Make a table a partition or an heir of another: what changes the parent's columns changes its own, too."""
        if parent not in self.family(child):
            self._children.setdefault(id(parent), []).append(child)

    def release(self, parent: Draft, child: Draft) -> None:
        """Make a table one of its own again."""
        self._children[id(parent)] = [d for d in self._children.get(id(parent), []) if d is not child]

    def family(self, draft: Draft) -> list[Draft]:
        """Return a table and all that have its columns, as far as they still exist."""
        children = [child for child in self._children.get(id(draft), []) if id(child) in self._order]
        return [draft, *(member for child in children for member in self.family(child))]

    def rename(self, draft: Draft, path: list[str]) -> None:
        """Give a table another name, also where foreign keys name it."""
        for other in self:
            for i, key in enumerate(other.keys):
                if key.targets and self._target(other, key.targets[0]) is draft:
                    namespace = path[-2] if len(path) > 1 else None
                    moved = [t._replace(table=path[-1], namespace=namespace) for t in key.targets]
                    other.keys[i] = key._replace(targets=moved)
        self._by_name[draft.path[-1].lower()].remove(draft)
        draft.path = path
        self._by_name.setdefault(path[-1].lower(), []).append(draft)

    def rename_column(self, draft: Draft, old: str, new: str) -> bool:
        """Give a column another name, also in keys and where foreign keys name it."""
        place = draft.column(old)
        if place is None:
            return False
        old = draft.columns[place].name
        draft.columns[place] = dataclasses.replace(draft.columns[place], name=new)

        def moved(name: str) -> str:
            return new if name.lower() == old.lower() else name

        for other in self:
            for i, key in enumerate(other.keys):
                if other is draft:
                    key = key._replace(columns=[moved(name) for name in key.columns])
                if key.targets and self._target(other, key.targets[0]) is draft:
                    key = key._replace(targets=[t._replace(column=moved(t.column)) for t in key.targets])
                other.keys[i] = key
        return True

    def exact(self, path: Sequence[str], home: Sequence[str]) -> Draft | None:
        """Return the table of just this full name."""
        full = self._folded((*home, *path))
        return next((d for d in self._by_name.get(path[-1].lower(), []) if self._folded(d.full) == full), None)

    def find(self, path: Sequence[str], home: Sequence[str] = ()) -> Draft | None:
        """Return the table that a path means: in the session's own namespace first, then wherever there is one."""
        if not path:
            return None
        named = self._by_name.get(path[-1].lower(), [])
        spelled = [d for d in named if d.path[-1] == path[-1]]
        full = self._folded((*home, *path))
        for found in (spelled, named):
            for draft in found:
                if self._folded(draft.full) == full:
                    return draft
            for draft in found:
                wanted = self._folded(path)
                if self._folded(draft.full)[-len(wanted) :] == wanted:
                    return draft
        return None

    def _folded(self, path: Sequence[str]) -> tuple[str, ...]:
        """Return a full name in one spelling: lower case, without the default namespace."""
        lower = [part.lower() for part in path]
        return tuple(part for i, part in enumerate(lower) if i != len(lower) - 2 or part != self.default)

    def _target(self, child: Draft, target: Reference) -> Draft | None:
        path = [target.namespace, target.table] if target.namespace else [target.table]
        return self.find(path, () if target.namespace else child.full[:-1])

    def schema(self) -> Schema:
        """Return what stands at the end of the script."""
        several = len({tuple(d.home) for d in self if d.home or len(d.path) == 1}) > 1
        return Schema(tuple(self._table(draft, several) for draft in self))

    def _table(self, draft: Draft, several: bool) -> Table:
        path = [*draft.home, *draft.path] if several else draft.path
        home = () if several else tuple(draft.home)
        columns = draft.finished()
        if several:
            columns = [self._placed(draft, column) for column in columns]
        return Table(
            path[-1],
            tuple(columns),
            path[-2] if len(path) > 1 else None,
            draft.comment,
            draft.is_view,
            draft.query,
            ".".join(path[:-2]) or None,
            home,
        )

    def _placed(self, child: Draft, column: Column) -> Column:
        """Return a column whose foreign key names the namespace, where a script has filled several."""
        target = self._target(child, column.references) if column.references else None
        if column.references is None or target is None or target.full[:-1] == child.full[:-1] or len(target.full) < 2:
            return column
        return dataclasses.replace(column, references=column.references._replace(namespace=target.full[-2]))
