"""The differ. It walks both graphs together by their types, so that what nobody has described here is compared too."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

import msgspec

from duly_dsl import program as p
from duly_dsl.meaning.change import Change, Place
from duly_dsl.meaning.parts import DERIVED, KEYS, LABELS, SORTS
from duly_dsl.meaning.side import Side, week
from duly_dsl.source import NOWHERE, Span

Places = tuple[Place, ...]


def essence(program: p.Program) -> str:
    """Names the meaning of a graph, as its hash names the graph: spans and numbering have no part in it."""
    plain = Side(program).plain(program)
    return hashlib.sha256(msgspec.json.encode(plain, order="sorted")).hexdigest()


def changes(old: p.Program, new: p.Program) -> tuple[Change, ...]:
    """Every change from `old` to `new`, things in the order of the graph; empty exactly where both mean the same."""
    pipelines = {before: after for after, before in _renamed(old.pipelines, new.pipelines.values()).items()}
    found = list(_Differ(Side(old, pipelines, fields=_fields(old, new)), Side(new)).program())
    if not found:
        left, right = Side(old).plain(old, derived=True), Side(new).plain(new, derived=True)
        for name in old.__struct_fields__:
            if name not in ("hash", "predicates") and left.get(name) != right.get(name):
                found.append(Change(kind="changed", places=(Place("workspace"),), what=name))
    return tuple(found)


def _fields(old: p.Program, new: p.Program) -> dict[str, str]:
    """Former name -> name of fields that were renamed, for what stands outside a pipeline (mappings of connectors); without
    names that are still a field's somewhere."""
    found: dict[str, str] = {}
    for pipeline in new.pipelines.values():
        was = next((old.pipelines[name] for name in (pipeline.name, *pipeline.was) if name in old.pipelines), None)
        if was is not None:
            renames = _renamed({each.name: each for each in was.fields}, pipeline.fields)
            found.update({before: after for after, before in renames.items()})
    living = {field.name for pipeline in new.pipelines.values() for field in pipeline.fields}
    return {before: after for before, after in found.items() if before not in living}


def _renamed(old: Mapping[str, object], new: Iterable[Any]) -> dict[str, str]:
    """New name -> former name, where the former one is gone and is one of the `was` of the new."""
    found: dict[str, str] = {}
    new = tuple(new)
    names = {each.name for each in new}
    for each in new:
        if each.name in old:
            continue
        for was in getattr(each, "was", ()):
            if was in old and was not in names and was not in found.values():
                found[each.name] = was
                break
    return found


def _span(record: object) -> Span:
    return getattr(record, "span", NOWHERE)


class _Differ:
    def __init__(self, old: Side, new: Side) -> None:
        self.old = old
        self.new = new

    def program(self) -> Iterator[Change]:
        before, after = self.old.program, self.new.program
        for field in after.__struct_fields__:
            if ("Program", field) in DERIVED or field == "span":
                continue
            if field == "pipelines":
                yield from self._pipelines(before, after)
            elif field != "rules":
                yield from self._field((), "Program", field, before, after)
        # Rules of pipelines that are on both sides are told with them.
        known = {*before.pipelines, *after.pipelines}
        yield from self._rest_of_rules(known)

    # --- pipelines: names inside them may be renamed -------------------------------------------------------------------

    def _pipelines(self, before: p.Program, after: p.Program) -> Iterator[Change]:
        former = _renamed(before.pipelines, after.pipelines.values())
        for name, pipeline in before.pipelines.items():
            if name not in after.pipelines and name not in former.values():
                yield Change(kind="removed", places=(Place("pipeline", name),), old=pipeline.span)
        for name, pipeline in after.pipelines.items():
            was = before.pipelines.get(former.get(name, name))
            if was is None:
                yield Change(kind="added", places=(Place("pipeline", name),), new=pipeline.span)
                continue
            place = Place("pipeline", name)
            if was.name != name:
                yield Change(kind="renamed", places=(place,), before=was.name, after=name, old=was.span, new=pipeline.span)
            stages = _renamed({each.name: each for each in was.stages}, pipeline.stages)
            fields = _renamed({each.name: each for each in was.fields}, pipeline.fields)
            clocks = _renamed({each.name: each for each in was.clocks}, pipeline.clocks)
            old = self.old.inside(*({b: a for a, b in names.items()} for names in (stages, fields, clocks)))
            inner = _Differ(old, self.new)
            yield from inner.record((place,), was, pipeline)
            rules = [
                [each for each in side.rules if each.pipeline == one] for side, one in ((before, was.name), (after, name))
            ]
            yield from inner._several((place,), "Pipeline", "rules", rules[0], rules[1])

    def _rest_of_rules(self, pipelines: set[str]) -> Iterator[Change]:
        """Rules whose pipeline isn't there (only in graphs made by hand)."""
        left, right = (
            [each for each in side.program.rules if each.pipeline not in pipelines] for side in (self.old, self.new)
        )
        yield from self._several((), "Program", "rules", left, right)

    # --- records -------------------------------------------------------------------------------------------------------

    def record(self, places: Places, before: Any, after: Any) -> Iterator[Change]:
        """The differences of two records that are the same thing."""
        kind = type(after).__name__
        if type(before) is not type(after):
            yield self._value(places, "kind", "type", before, after, before, after)
            return
        for field in after.__struct_fields__:
            if field in ("span", "term_spans", "name") or (kind, field) in DERIVED:
                continue
            yield from self._field(places, kind, field, before, after)

    def _field(self, places: Places, kind: str, field: str, before: Any, after: Any) -> Iterator[Change]:
        left, right = getattr(before, field), getattr(after, field)
        if self.old.field(kind, field, left, before) == self.new.field(kind, field, right, after):
            return
        if (kind, field) == ("Calendar", "week"):
            was, now = week(left), week(right)
            days = [day for day in now if was.get(day, "") != now[day]]
            for said in dict.fromkeys((was.get(day, ""), now[day]) for day in days):
                same = [day for day in days if (was.get(day, ""), now[day]) == said]
                yield Change(
                    kind="changed", places=places, what="opening hours on %(days)s", values={"days": ", ".join(same)},
                    before=said[0], after=said[1], old=_span(before), new=_span(after),
                )  # fmt: skip
            if not days:
                yield self._value(places, kind, field, left, right, before, after)
            return
        if field == "was":
            gained = [name for name in right if name not in left]
            if not [name for name in left if name not in right] and self._tells_a_rename(places, gained):
                return
        if isinstance(right, dict) or isinstance(left, dict):
            yield from self._named(
                places, kind, field, cast(dict[str, Any], left), cast(dict[str, Any], right), before, after
            )
        elif _records(left) or _records(right):
            yield from self._several(places, kind, field, left, right, before, after)
        else:
            yield self._value(places, kind, field, left, right, before, after)

    def _tells_a_rename(self, places: Places, gained: Sequence[str]) -> bool:
        """Whether the names a `was` has gained are only those of the rename that is told anyway."""
        place = places[0]
        names = {
            "pipeline": self.old.pipelines,
            "stage": self.old.stages,
            "field": self.old.fields,
            "clock": self.old.clocks,
        }.get(place.sort, {})
        return len(gained) == 1 and names.get(gained[0]) == place.name

    def _value(
        self, places: Places, kind: str, field: str, left: Any, right: Any, before: Any, after: Any, key: str = ""
    ) -> Change:
        was, now = self.old.text(left, kind, field), self.new.text(right, kind, field)
        if was == now:  # differs in what we have no words for: say it whole, so that it can be seen
            was, now = (
                msgspec.json.encode(side.field(kind, field, part, record)).decode()
                for side, part, record in ((self.old, left, before), (self.new, right, after))
            )
        return Change(
            kind="changed", places=places or (Place("workspace"),),
            what=LABELS.get((kind, field), field.replace("_", " ")), values={"key": key} if key else {},
            before=was, after=now, old=_span(before), new=_span(after),
        )  # fmt: skip

    def _named(
        self, places: Places, kind: str, field: str, left: dict[str, Any], right: dict[str, Any], before: Any, after: Any
    ) -> Iterator[Change]:
        """A collection by name: things of their own, or values."""
        sort = SORTS.get(field, field.replace("_", " "))
        for name, part in left.items():
            if name not in right:
                if _is_thing(part):
                    yield Change(kind="removed", places=(Place(sort, name), *places), old=_span(part))
                else:
                    yield self._value(places, kind, field, part, None, before, after, key=name)
        for name, part in right.items():
            was = left.get(name)
            if was is None:
                if _is_thing(part):
                    yield Change(kind="added", places=(Place(sort, name), *places), new=_span(part))
                else:
                    yield self._value(places, kind, field, None, part, before, after, key=name)
            elif self.old.plain(was) != self.new.plain(part):
                if _is_thing(part):
                    yield from self.record((Place(sort, name), *places), was, part)
                else:
                    yield self._value(places, kind, field, was, part, before, after, key=name)

    # --- several of one kind -------------------------------------------------------------------------------------------

    def _several(
        self, places: Places, kind: str, field: str, left: Sequence[Any], right: Sequence[Any],
        before: Any = None, after: Any = None,
    ) -> Iterator[Change]:  # fmt: skip
        if field == "targets":
            yield from self._targets(places, left, right)
            return
        if not all(_keyed(each) for each in (*left, *right)):
            yield from self._unnamed(places, kind, field, left, right, before, after)
            return
        sort = SORTS.get(field, field.replace("_", " "))
        olds, news = _by_key(left, self.old), _by_key(right, self.new)
        for name, part in olds.items():
            if name not in news:
                yield Change(kind="removed", places=(Place(sort, name), *places), old=_span(part))
        for name, part in news.items():
            was = olds.get(name)
            if was is None:
                yield Change(kind="added", places=(Place(sort, name), *places), new=_span(part))
                continue
            if (former := getattr(was, "name", name)) != getattr(part, "name", name):
                yield Change(
                    kind="renamed", places=(Place(sort, name), *places), before=former, after=part.name,
                    old=_span(was), new=_span(part),
                )  # fmt: skip
            if self.old.plain(was) != self.new.plain(part):
                yield from self.record((Place(sort, name), *places), was, part)
        yield from self._order(places, kind, field, list(olds), list(news), after)

    def _order(
        self, places: Places, kind: str, field: str, olds: list[str], news: list[str], after: Any
    ) -> Iterator[Change]:
        both = [name for name in news if name in olds]
        were = [name for name in olds if name in news]
        if both != were:
            yield Change(
                kind="order", places=places or (Place("workspace"),),
                what=LABELS.get((kind, field), field.replace("_", " ")),
                before=", ".join(were), after=", ".join(both), new=_span(after),
            )  # fmt: skip

    def _unnamed(
        self, places: Places, kind: str, field: str, left: Sequence[Any], right: Sequence[Any], before: Any, after: Any
    ) -> Iterator[Change]:
        """Things without a name: those on one side only; as many new as gone are taken to be the same, changed."""
        olds = [self.old.plain(each) for each in left]
        news = [self.new.plain(each) for each in right]
        gone = [each for each, plain in zip(left, olds, strict=True) if plain not in news]
        new = [each for each, plain in zip(right, news, strict=True) if plain not in olds]
        pairs: list[tuple[Any, Any]]
        if len(gone) == len(new):
            pairs = list(zip(gone, new, strict=True))
        else:
            pairs = [*((each, None) for each in gone), *((None, each) for each in new)]
        label = LABELS.get((kind, field), "")
        for was, now in pairs:
            yield Change(
                kind="changed", places=places or (Place("workspace"),), what=label,
                before=self.old.text(was), after=self.new.text(now),
                old=_span(was) if was is not None else NOWHERE, new=_span(now) if now is not None else NOWHERE,
            )  # fmt: skip
        if not pairs:  # the same things, in another order or number
            yield Change(
                kind="order", places=places or (Place("workspace"),), what=label or field.replace("_", " "),
                before="; ".join(self.old.text(each) for each in left),
                after="; ".join(self.new.text(each) for each in right),
                old=_span(before), new=_span(after),
            )  # fmt: skip

    def _targets(self, places: Places, left: Sequence[p.Target], right: Sequence[p.Target]) -> Iterator[Change]:
        """Promises, row by row: a row is named by its condition."""
        olds = [(self.old.clocks.get(each.metric, each.metric), each) for each in left]
        for metric in dict.fromkeys([*(name for name, _ in olds), *(each.metric for each in right)]):
            for name, old in olds:
                for new in right:
                    if name == new.metric == metric:
                        for field in new.__struct_fields__:
                            if field not in ("metric", "rows", "span") and ("Target", field) not in DERIVED:
                                yield from self._field(places, "Target", field, old, new)
            was = [row for name, each in olds if name == metric for row in each.rows]
            now = [row for each in right if each.metric == metric for row in each.rows]
            rows, news = _by_condition(was, self.old), _by_condition(now, self.new)
            for condition in dict.fromkeys((*rows, *news)):
                before, after = rows.get(condition), news.get(condition)
                if before is not None and after is not None:
                    if self.old.plain(before) == self.new.plain(after):
                        continue
                    if before.amount == after.amount:
                        yield from self.record(places, before, after)
                        continue
                yield Change(
                    kind="changed", places=places,
                    what="%(metric)s if %(condition)s" if condition else "%(metric)s",
                    values={"metric": metric, **({"condition": condition} if condition else {})},
                    before=self.old.text(before), after=self.new.text(after),
                    old=_span(before) if before is not None else NOWHERE,
                    new=_span(after) if after is not None else NOWHERE,
                )  # fmt: skip
            both = [each for each in news if each in rows]
            were = [each for each in rows if each in news]
            if both != were:
                yield Change(
                    kind="order", places=places, what="rows of %(metric)s", values={"metric": metric},
                    before="; ".join(each or "else" for each in were), after="; ".join(each or "else" for each in both),
                    old=_span(was[0]), new=_span(now[0]),
                )  # fmt: skip


def _records(part: object) -> bool:
    items = cast(tuple[object, ...], part)
    return isinstance(part, tuple) and any(isinstance(each, p.Record) for each in items) and not _inline(items)


def _inline(items: tuple[object, ...]) -> bool:
    """Values that read better in one line: actions, actors and hours."""
    return all(isinstance(each, (p.Action, p.Actor, p.Window)) for each in items)


def _is_thing(part: object) -> bool:
    """Has a place of its own in the files and fields of its own, unlike a setting or what a message offers."""
    return isinstance(part, p.Record) and not isinstance(part, (p.Setting, p.Choices))


def _keyed(each: object) -> bool:
    return type(each).__name__ in KEYS or hasattr(each, "name")


def _by_key(records: Iterable[Any], side: Side) -> dict[str, Any]:
    found: dict[str, Any] = {}
    seen: Counter[str] = Counter()
    for each in records:
        kind = type(each).__name__
        key = KEYS[kind](each) if kind in KEYS else str(each.name)
        match kind:
            case "Stage":
                key = side.stages.get(key, key)
            case "Field":
                key = side.fields.get(key, key)
            case "NamedClock":
                key = side.clocks.get(key, key)
            case "Alert":
                key = key.replace(each.metric, side.clocks.get(str(each.metric), str(each.metric)))
            case "Assign":
                key = " ".join(filter(None, (each.kind, side.stages.get(each.stage, each.stage))))
            case "MapRow":
                key = side.operand(key).removeprefix("field:")
            case _:
                pass
        seen[key] += 1
        found[key if seen[key] == 1 else f"{key} {seen[key]}"] = each
    return found


def _by_condition(rows: Iterable[p.TargetRow], side: Side) -> dict[str, p.TargetRow]:
    found: dict[str, p.TargetRow] = {}
    seen: Counter[str] = Counter()
    for row in rows:
        key = side.said(row.when)
        seen[key] += 1
        found[key if seen[key] == 1 else f"{key} ({seen[key]})"] = row
    return found
