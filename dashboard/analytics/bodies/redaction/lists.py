"""Lists and objects of JSON, and of what is written like it: YAML in one line, Python. Pure.

{"columns": ["id", "token"], "rows": [[1, …]]}     ["user", "ann", "token", …]     ["mysql", "--password", …]
[["id", "token"], [1, …]]                          {"name": "token", …, "value": …}

They are read as text, whatever is wrong with them or missing at their end.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain

from dashboard.analytics.bodies.redaction.found import Found
from dashboard.analytics.bodies.redaction.names import NAMING, WORTH, Names, last_word
from dashboard.analytics.bodies.redaction.passes import Span, meant, trimmed, without
from dashboard.analytics.bodies.redaction.statements import is_option

LONGEST_NAME = 120  # characters
MOST_WIDTHS = 50  # of tables in one text
DEEPEST_WRONG = 3  # brackets that one of the other kind closes
# Members that name the columns of a table, and those with what stands in it.
_HEADS = frozenset({"columns", "cols", "names", "fields", "headers", "header", "head", "keys", "labels"})
_WORTHS = frozenset({*WORTH, "values", "vals", "contents"})
_ROWS = _WORTHS | {"rows", "row", "cells", "items", "records", "result", "results", "dataset", "entries"}
_SIGN = re.compile(r"""["'\[\]{},:]""")
_STRINGS = {
    '"': re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\Z)', re.DOTALL),
    "'": re.compile(r"'[^'\\\n]*(?:\\.[^'\\\n]*)*'"),
}
_SEVERAL = re.compile(r"""["']\s*(?:=>?|:)""")  # a name with its value
_PLAIN_NAME = re.compile(r"[A-Za-z_\-]*")
_BLANK = re.compile(r"\s*")
_NUMBER = re.compile(r"[\d+\-][\d.eE+\-]*")


@dataclass(slots=True)
class Group:
    """A list, or an object. place: the number of the part that it is of its parent. parts: where each of its elements
    or members begins and ends. colons: where the value of a member begins, and children: what is a group, by the
    numbers of parts. whole: whether its end was found."""

    sign: str
    parent: "Group | None"
    place: int
    parts: list[Span] = field(default_factory=list)
    colons: dict[int, int] = field(default_factory=dict)
    children: "dict[int, Group]" = field(default_factory=dict)
    whole: bool = False


class Read:
    """The groups of a text, in the order in which they begin. outermost: each one that is in none, and those in it."""

    def __init__(self, text: str):
        self.text = text
        self.outermost: list[list[Group]] = []
        self.quote = ""  # what is around all texts of JSON
        self._open: list[tuple[Group, int]] = []  # with where the part begins that is read
        self._read()

    @property
    def groups(self) -> Iterator[Group]:
        return chain.from_iterable(self.outermost)

    def value(self, group: Group, number: int) -> Span:
        """Of an element or of a member."""
        start, end = group.parts[number]
        return trimmed(self.text, group.colons.get(number, start), end)

    def said(self, group: Group, number: int) -> str:
        """What an element, or the value of a member, says; "" of what is no short text."""
        start, end = self.value(group, number)
        return "" if number in group.children else self._short(start, end)

    def name(self, group: Group, number: int) -> str:
        """Of a member."""
        return self._short(group.parts[number][0], group.colons[number] - 1) if number in group.colons else ""

    def title(self, group: Group) -> str:
        """The name of the member that a group is, in small letters."""
        return self.name(group.parent, group.place).lower() if group.parent else ""

    def begins_line(self, group: Group) -> bool:
        """Whether it stands at the beginning of one."""
        at = group.parts[0][0] - 1
        return at == 0 or self.text[at - 1] == "\n"

    def _short(self, start: int, end: int) -> str:
        said = meant(self.text[start:end].strip()) if end - start <= 6 * LONGEST_NAME else ""
        return "" if _SEVERAL.search(said) else said

    def _read(self) -> None:
        # since: behind the last sign, as long as only blanks may have come after it; else -1
        at, since = 0, 0
        while match := _SIGN.search(self.text, at):
            sign, begin, at = match[0], match.start(), match.end()
            if sign in _STRINGS:
                if self._open and since >= 0 and _BLANK.fullmatch(self.text, since, begin):
                    string = _STRINGS[sign].match(self.text, begin)
                    at = string.end() if string else at
                    self.quote = self.quote or sign
                since = -1
                continue
            since = at
            if sign in ("[", "{"):
                self._begin(sign, at)
            elif sign in ("]", "}"):
                self._close("[" if sign == "]" else "{", begin)
            elif self._open:
                group, first = self._open[-1]
                if sign == ",":
                    group.parts.append((first, begin))
                    self._open[-1] = group, at
                elif group.sign == "{":
                    group.colons.setdefault(len(group.parts), at)
        while self._open:
            self._end(len(self.text))

    def _begin(self, sign: str, at: int) -> None:
        parent = self._open[-1][0] if self._open else None
        group = Group(sign, parent, len(parent.parts) if parent else 0)
        if parent:
            parent.children.setdefault(group.place, group)
        else:
            self.outermost.append([])
        self.outermost[-1].append(group)
        self._open.append((group, at))

    def _close(self, sign: str, at: int) -> None:
        if any(group.sign == sign for group, _ in self._open[-DEEPEST_WRONG:]):
            while (group := self._end(at)).sign != sign:
                pass
            group.whole = True

    def _end(self, at: int) -> Group:
        group, first = self._open.pop()
        if not _BLANK.fullmatch(self.text, first, at):  # a comma may be the last
            group.parts.append((first, at))
        return group


def without_values(text: str, names: Names, found: Found) -> str:
    """The text with what stands at the place of a secret name replaced."""
    if "[" not in text and "{" not in text:
        return text
    read = Read(text)
    spans = {
        *_beside_names(read, names),
        *_after_names(read, names),
        *of_tables(read, names),
    }
    return without(text, sorted(spans), found, read.quote, is_sure=False)


def of_tables(read: Read, names: Names) -> Iterator[Span]:
    """The cells of secret columns."""
    yield from _below_first_rows(read, names)
    for groups in read.outermost:
        yield from _below_names(read, groups, names)


def _beside_names(read: Read, names: Names) -> Iterator[Span]:
    """Members that have the value of what another one names."""
    for group in read.groups:
        if group.sign == "{":
            words = [last_word(read.name(group, number)) for number in range(len(group.parts))]
            named = (number for number, word in enumerate(words) if word in NAMING)
            if any(names.parameter(read.said(group, number)) for number in named):
                for number, word in enumerate(words):
                    if word in _WORTHS:
                        yield read.value(group, number)


def _after_names(read: Read, names: Names) -> Iterator[Span]:
    """Elements behind a name, where names and values follow each other, and behind an option of a command."""
    for group in read.groups:
        if group.sign == "[":
            in_turn = not group.whole or len(group.parts) % 2 == 0
            for number in range(len(group.parts) - 1):
                said = read.said(group, number)
                if (in_turn and number % 2 == 0 and names.column(said)) or is_option(said, names):
                    yield read.value(group, number + 1)


def _below_first_rows(read: Read, names: Names) -> Iterator[Span]:
    """Cells of lists in a list, or in lines, of which the first one names the columns; all of those that are not as
    many."""
    for head, *rows in _lists(read):
        columns = _columns(read, head, names)
        if 0 in columns and len(head.parts) == 2 and not _PLAIN_NAME.fullmatch(read.said(head, 1)):
            columns = {0}  # a pair, whose value may hold such a name as well
        for row in rows if columns else ():
            as_many = len(row.parts) == len(head.parts)
            yield from _cells(read, row, columns if as_many else range(len(row.parts)))


def _lists(read: Read) -> Iterator[list[Group]]:
    """Lists in a list that begins with one, and those of which each is a line."""
    lines = []
    for outermost, *inner in read.outermost:
        if outermost.sign == "[" and outermost.parts and read.begins_line(outermost):
            lines.append(outermost)
        for group in (outermost, *inner):
            if group.sign == "[" and 0 in group.children:
                lists = [child for child in group.children.values() if child.sign == "["]
                if lists and lists[0].place == 0:
                    yield lists
    # Not what stands in brackets before each line of a log.
    if lines and read.text.startswith('"', lines[0].parts[0][0]):
        yield lines


def _below_names(read: Read, groups: list[Group], names: Names) -> Iterator[Span]:
    """Cells of tables whose columns are named in a list for itself."""
    heads = {
        id(group): (group, columns)
        for group in groups
        if _is_for_itself(read, group) and (columns := _columns(read, group, names))
    }
    widths: dict[int, set[int]] = {}
    for group, columns in heads.values():
        if len(group.parts) in widths or len(widths) < MOST_WIDTHS:
            widths.setdefault(len(group.parts), set()).update(columns)
    holders = {id(group.parent) for group, _ in heads.values() if group.parent}
    titled = {id(group.parent) for group, _ in heads.values() if read.title(group) in _HEADS}
    for group in groups if heads else ():
        parent = group.parent
        if group.sign != "[" or parent is None or id(group) in heads:
            continue
        in_holder = id(parent) in holders and (id(parent) in titled or read.title(group) in _ROWS)
        if parent.sign == "[" or in_holder or (parent.parent and parent.parent.sign == "["):
            of_holder = in_holder or id(parent.parent) in holders
            chosen = _chosen(group, widths, of_holder=of_holder)
            objects = set() if parent.sign == "[" else _objects(read, group)
            yield from _cells(read, group, (number for number in chosen if number not in objects))


def _is_for_itself(read: Read, group: Group) -> bool:
    """Whether a list that names columns is none of the rows."""
    if group.sign != "[" or _is_described(group):
        return group.sign == "["
    in_list = group.parent is not None and group.parent.sign == "[" and len(group.parent.parts) > 1
    return not in_list and read.title(group) not in _ROWS


def _is_described(group: Group) -> bool:
    """Whether each element is an object, such as {"name": "id", "type": "integer"}."""
    return 0 < len(group.children) == len(group.parts) and all(
        child.sign == "{" for child in group.children.values()
    )


def _objects(read: Read, group: Group) -> set[int]:
    """The numbers of the elements that are objects with anything in them, not cells, such as {"v": 1}."""
    return {
        number
        for number, child in group.children.items()
        if child.sign == "{"
        and not any(last_word(read.name(child, each)) in _WORTHS for each in range(len(child.parts)))
    }


def _columns(read: Read, group: Group, names: Names) -> set[int]:
    """The numbers of the secret columns that a list names; none if it is no such list."""
    if group.sign != "[":
        return set()
    if _is_described(group):
        return {number for number, child in group.children.items() if _is_secret(read, child, names)}
    said = [read.said(group, number) for number in range(len(group.parts))]
    if group.children or any(map(_NUMBER.fullmatch, said)):
        return set()
    return {number for number, each in enumerate(said) if names.column(each)}


def _is_secret(read: Read, description: Group, names: Names) -> bool:
    return any(
        last_word(read.name(description, number)) in (*NAMING, "label", "title")
        and names.column(read.said(description, number))
        for number in range(len(description.parts))
    )


def _chosen(group: Group, widths: dict[int, set[int]], *, of_holder: bool) -> Iterable[int]:
    """The numbers of a row's secret cells; of a list that has the cells of several rows, too. All, if its width is none
    that was named. of_holder: whether it is near to the names."""
    width = len(group.parts)
    chosen = set(widths.get(width, ()))
    if not group.children:
        for each, columns in widths.items():
            if 1 < each < width and width % each == 0:
                chosen |= {number for number in range(width) if number % each in columns}
        if of_holder and not chosen:
            return range(width)
    return sorted(chosen)


def _cells(read: Read, row: Group, numbers: Iterable[int]) -> Iterator[Span]:
    for number in numbers:
        yield read.value(row, number)
