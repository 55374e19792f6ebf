"""From a request's document to a card's fields: the rows of `map { … }`, jmespath in, typed values out."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable
from typing import Any

from duly_connectors.contract import BadSetting, clean
from duly_connectors.wording import _
from duly_dsl import program
from duly_runtime.events import Scalar

_PHONE = re.compile(r"\+?[0-9]{6,15}")
_EMAIL = re.compile(r"[^\s@<>(),;:\"\\\[\]]{1,64}@[^\s@<>(),;:\"\\\[\]]+\.[^\s@<>(),;:\"\\\[\]]{2,}")
_NUMBER = re.compile(r"[+-]?[0-9]{1,30}(\.[0-9]{1,30})?")
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")
"""A jmespath that is names and dots only."""
_YES = frozenset(("yes", "true", "1", "on", "sim"))
_NO = frozenset(("no", "false", "0", "off", "não"))


class Unfit(Exception):
    """A value that is there and can't be what the row says; the message says why, in the reader's language."""


class Path:
    """A compiled jmespath. BadSetting where it can't be read."""

    def __init__(self, text: str) -> None:
        import jmespath  # imported late: rule files are checked without it
        from jmespath.exceptions import JMESPathError

        self.text = text
        self._errors = (JMESPathError, RecursionError, ValueError, TypeError)
        try:
            self._compiled = jmespath.compile(text)
        except JMESPathError as error:
            raise BadSetting(_("the path `{path}` can't be read: {error}"), path=text, error=error) from error
        self._names = tuple(text.split(".")) if _PLAIN.fullmatch(text) else ()

    def find(self, tree: Any) -> Any:
        """The value there; None where there is none (or the path can't be followed in this document)."""
        if self._names:  # what nearly all paths are: walked here in a tenth of the time
            for name in self._names:
                tree = tree.get(name) if isinstance(tree, dict) else None
            return tree
        try:
            return self._compiled.search(tree)
        except self._errors:
            return None


class Mapping:
    """The rows of a connector, compiled for the pipeline its cards go to."""

    def __init__(
        self, rows: tuple[program.MapRow, ...], pipeline: program.Pipeline | None, translate: Callable[[str], str]
    ) -> None:
        self._ = translate
        self._rows = tuple(
            (row, Path(row.path), _choices(row.target, pipeline), _pattern(row.target, pipeline)) for row in rows
        )

    def apply(self, tree: Any) -> tuple[dict[str, Scalar], tuple[str, ...]]:
        """Target -> value, and what is wrong (empty where the document can be mapped whole)."""
        values: dict[str, Scalar] = {}
        problems: list[str] = []
        for row, path, choices, pattern in self._rows:
            name = row.target.removeprefix("field:")
            found = path.find(tree)
            if found is None or found == "":
                if row.missing == "reject":
                    words = self._("`{name}`: the message holds nothing at `{path}`")
                    problems.append(words.format(name=name, path=row.path))
                elif row.missing == "default" and row.default is not None:
                    values[row.target] = row.default
                continue
            try:
                values[row.target] = self._value(found, row.type, choices, pattern)
            except Unfit as error:
                problems.append(f"`{name}`: {error}")
        return values, tuple(problems)

    def _value(self, found: Any, kind: str, choices: tuple[str, ...], pattern: Any) -> Scalar:
        if isinstance(found, list | dict):
            raise Unfit(self._("the message holds a list or an object there, not one value"))
        text = clean(_text(found)).strip()
        match kind:
            case "number":
                return self._number(found, text)
            case "yes/no":
                return self._yes_no(text)
            case "choice":
                same = {choice.casefold(): choice for choice in choices}
                if text.casefold() not in same:
                    words = self._("`{text}` is not one of {choices}")
                    raise Unfit(words.format(text=text[:80], choices=", ".join(choices)))
                return same[text.casefold()]
            case "date":
                return self._date(text)
            case "phone":
                return self._phone(text)
            case "email":
                if len(text) > 254 or not _EMAIL.fullmatch(text):
                    raise Unfit(self._("`{text}` is not an e-mail address").format(text=text[:80]))
                return text
            case _:
                if pattern is not None and not pattern.fullmatch(text):
                    raise Unfit(self._("`{text}` does not match the field's pattern").format(text=text[:80]))
                return text

    def _number(self, found: Any, text: str) -> float:
        if isinstance(found, bool) or not (isinstance(found, int | float) or _NUMBER.fullmatch(text)):
            raise Unfit(self._("`{text}` is not a number (write 1234.5)").format(text=text[:80]))
        try:
            number = float(found)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise Unfit(self._("`{text}` is too large a number").format(text=text[:80]))
        return number

    def _yes_no(self, text: str) -> bool:
        word = text.casefold()
        if word in _YES:
            return True
        if word in _NO:
            return False
        raise Unfit(self._("`{text}` is neither yes nor no").format(text=text[:80]))

    def _date(self, text: str) -> str:
        try:
            return dt.datetime.fromisoformat(text).date().isoformat()
        except ValueError as error:
            raise Unfit(self._("`{text}` is not a date (write 2026-03-31)").format(text=text[:80])) from error

    def _phone(self, text: str) -> str:
        digits = re.sub(r"[\s().\-/]", "", text)
        if digits.startswith("00"):
            digits = "+" + digits[2:]
        if not _PHONE.fullmatch(digits):
            raise Unfit(self._("`{text}` is not a phone number").format(text=text[:80]))
        return digits


def text_of(found: Any) -> str:
    """A single value as the text a card shows; empty for what is no single value."""
    return "" if found is None or isinstance(found, list | dict) else clean(_text(found)).strip()


def _text(found: Any) -> str:
    if isinstance(found, bool):
        return "true" if found else "false"
    if isinstance(found, float) and found.is_integer() and abs(found) < 2**53:
        return str(int(found))
    return str(found)


def _choices(target: str, pipeline: program.Pipeline | None) -> tuple[str, ...]:
    if pipeline is None:
        return ()
    if target == "priority":
        return pipeline.priorities
    if target == "type":
        return pipeline.types
    return next((field.choices for field in pipeline.fields if f"field:{field.name}" == target), ())


def _pattern(target: str, pipeline: program.Pipeline | None) -> Any:
    """The field's pattern, compiled. It must fit the whole value, as in an HTML form."""
    text = next((f.pattern for f in pipeline.fields if f"field:{f.name}" == target), "") if pipeline else ""
    if not text:
        return None
    import re2  # imported late: rule files are checked without it

    try:
        return re2.compile(text)
    except re2.error as error:
        raise BadSetting(_("the pattern `{pattern}` can't be read: {error}"), pattern=text, error=error) from error
