"""The form of a definition, made of its description (apis.definitions.fields): what it does not show stays as it is."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any

from django import forms

from apis.definitions import document, kinds, starter
from apis.definitions.fields import members, places, reading, writing
from apis.definitions.fields.description import Field, of_version
from apis.definitions.fields.reading import Cell, Entry, Listed
from apis.definitions.fields.texts import Unshowable, Wrong, same
from apis.definitions.pointer import pointer
from apis.forms import DocumentForm
from apis.models import Domain

KEEP = object()  # of an input that says what it was given to say
AS_IT_IS = "as it is"
BOTH = "A rate limit needs both a number of requests and of seconds."
MOST_ROWS = 9_999
DOMAIN = "domain"  # the input in which the organisation's own are offered
_LINES = 3, 14  # of an area


class MemberField(forms.Field):
    """An input. Its value is KEEP where it was sent as it was shown, or not at all."""

    def __init__(self, cell: Cell, *, required: bool = False):
        self.cell = cell
        help = cell.field.help
        super().__init__(
            required=required,
            label=cell.field.label,
            help_text=help,
            widget=_widget(cell),
            initial=cell.shown,
        )

    def clean(self, sent: Any) -> Any:
        if self.required and sent in (None, ""):
            raise forms.ValidationError(self.error_messages["required"])
        if sent is None or same(sent, self.cell.shown):
            return KEEP
        try:
            value = places.kind(self.cell.field).value(self.cell.field, sent)
        except Wrong as error:
            raise forms.ValidationError(str(error)) from None
        # Nothing said where nothing stands.
        return KEEP if self.cell.shown == "" and value in (0, "", [], {}) else value


def _widget(cell: Cell) -> forms.Widget:
    field, kind = cell.field, places.kind(cell.field)
    if isinstance(cell.shown, bool):
        return forms.CheckboxInput()
    if field.choices:
        offered = dict(field.choices)
        more = [] if cell.shown in offered else [(cell.shown, _as_it_is(field, cell.shown))]
        widget = forms.RadioSelect if field.kind in ("way", "scheme") else forms.Select
        return widget(choices=[*field.choices, *more])
    if kind.is_area:
        lines = str(cell.shown).count("\n") + 1
        rows = min(max(lines, _LINES[0]), _LINES[1])
        return forms.Textarea(attrs={"rows": rows, "class": "low", "spellcheck": "false"})
    attrs = {"maxlength": field.most} if field.kind == "line" else {}
    if field.kind in ("whole", "number"):
        attrs = {"inputmode": "numeric" if field.kind == "whole" else "decimal", "autocomplete": "off"}
    return forms.TextInput(attrs=attrs)


def _as_it_is(field: Field, shown: Any) -> str:
    if shown == members.SEVERAL:
        return "As it is: several ways at once, set in the JSON"
    return f"{shown or 'nothing'}, {AS_IT_IS}"


class ApiForm(DocumentForm):
    """base: the definition that is changed (a new one without). carried: it came over from the JSON and is stored
    nowhere, so the form carries it along. version: whose paths are shown. typed: what an unsent form shows in place of
    what stands in `base`, as it was sent. more: the list that is given further empty entries.
    """

    base_text = forms.CharField(required=False, strip=False, widget=forms.HiddenInput)

    def __init__(
        self,
        data=None,
        *,
        base=None,
        started_from=None,
        message="",
        seen="",
        carried=False,
        version="",
        typed=None,
        more="",
    ):
        self.base = base or starter.new()
        sent = data if data is not None else typed or {}
        self.more = more
        self.version = _version(self.base, version or sent.get("version", ""))
        self.parts = reading.read(
            self.base,
            of_version(kinds.sections(self.base), self.version),
            lambda name: _rows(sent, name) + (reading.MORE if name == more else 0),
        )
        shown = {"base_text": document.compact(self.base)} if carried else {}
        super().__init__(data, shown, started_from, message, seen)
        for name, field in self._described(is_new=base is None):
            self.fields[name] = field
            self.initial.setdefault(name, field.initial)
        if typed is not None:
            self.initial |= {
                name: field.widget.value_from_datadict(typed, {}, name)
                for name, field in self.fields.items()
                if name in typed or isinstance(field.widget, forms.CheckboxInput)
            }

    def _described(self, *, is_new: bool) -> Iterator[tuple[str, forms.Field]]:
        for part in self.parts:
            for item in part.items:
                if isinstance(item, Listed):
                    yield from _of_entries(item)
                elif item.shown is not None:
                    needed = item.field.required and (is_new or item.shown != "")
                    field = MemberField(item, required=needed)
                    if item.name == DOMAIN:
                        field.widget.attrs["list"] = "domains"
                    yield item.name, field

    def clean_base_text(self):
        text = self.cleaned_data["base_text"]
        if text and document.object_in(text) is None:
            raise forms.ValidationError("Is no definition.")
        return text

    def clean(self):
        cleaned = super().clean()
        for listed in reading.lists(self.parts):
            self._check_entries(listed)
        said = self._said()
        if {"rate", "per"} & said.keys() and not {"rate", "per"} & self.errors.keys():
            limit = [
                said.get(name, self.fields[name].cell.shown)
                for name in ("rate", "per")
                if name in self.fields
            ]
            if len({value in ("", "0", 0) for value in limit}) == 2:
                self.add_error("per", BOTH)
        return cleaned

    def _check_entries(self, listed: Listed) -> None:
        """What a new entry cannot do without, and the names that two cannot share."""
        said = self._said()
        names = {writing.name_of(entry) for entry in listed.entries if not entry.is_new}
        for entry in listed.entries:
            if not entry.is_new or said.get(entry.removal) or not writing.is_filled(entry, said):
                continue
            for cell in entry.cells:
                value = said.get(cell.name)
                if cell.field.required and not value and cell.name not in self.errors:
                    self.add_error(cell.name, "must not be empty")
                elif cell.field.kind == "key" and listed.rows.shape in writing.MAPS and value in names:
                    self.add_error(cell.name, "is the name of another")
                elif cell.field.kind == "key":
                    names.add(value)

    def _said(self) -> dict[str, Any]:
        """What was typed otherwise than it was shown, as far as it is sound."""
        return {
            name: value
            for name, value in self.cleaned_data.items()
            if value is not KEEP and (isinstance(self.fields[name], MemberField) or value is True)
        }

    @cached_property
    def written(self) -> writing.Written:
        """The definition as far as the form is valid; the rest is as it was."""
        _ = self.errors
        return writing.write(self.base, self.parts, self._said(), self.version)

    @property
    def definition(self) -> dict:
        return self.written.definition

    @property
    def as_text(self) -> str:
        return document.pretty(self.draft)

    @property
    def draft(self) -> dict:
        """The definition of a form that need not be valid: what is wrong stands in it as it was typed."""
        wrong = {
            name: self[name].data
            for name in self.errors
            if name in self.fields
            and isinstance(self.fields[name], MemberField)
            and self[name].data is not None
        }
        return writing.write(self.base, self.parts, wrong | self._said(), self.version).definition

    def field_of(self, pointer):
        return self.written.owner(pointer)

    def pointer_of(self, name):
        field = self.fields.get(name)
        return field.cell.pointer if isinstance(field, MemberField) else ""

    def label_of(self, name):
        return self.titles.get(name) or super().label_of(name)

    @cached_property
    def titles(self) -> dict[str, str]:
        """What the inputs of entries are called where those of other entries are not beside them."""
        return {
            cell.name: f"{listed.rows.label}, {_title(listed, entry, number)}, {cell.field.label}"
            for listed in reading.lists(self.parts)
            for number, entry in enumerate(listed.entries, 1)
            for cell in entry.cells
        }

    @property
    def domains(self) -> list[str]:
        """The organisation's own, which are offered where one is typed."""
        return list(Domain.objects.order_by("name").values_list("name", flat=True))

    @property
    def versions(self) -> list[str]:
        return versions(self.base)

    @property
    def sections(self) -> list[dict]:
        """What the page shows: for each section its inputs, and whether it is unfolded."""
        return [self._section(part) for part in self.parts]

    def _section(self, part: reading.Part) -> dict:
        names = {cell.name for cell in reading.cells([part])}
        lists = {item.room for item in part.items if isinstance(item, Listed)}
        return {
            "section": part.section,
            "items": [self._item(item) for item in part.items],
            "is_unfolded": bool(names & self.errors.keys()) or self.more in lists,
            # Where hardly anything is needed, it is not said of each input that it is not.
            "is_quiet": not part.section.is_open,
            "summary": _summary(part),
            "is_of_version": any(cell.field.path[:2] == writing.VERSIONS for cell in _singles(part))
            or any(
                len(item.rows.path) > 2 and item.rows.path[:2] == writing.VERSIONS
                for item in reading.lists([part])
            ),
        }

    def _item(self, item: Cell | Listed) -> dict:
        if isinstance(item, Cell):
            field = self[item.name] if item.name in self.fields else None
            return {"pointer": item.pointer, "field": field, "is_needed": item.field.required}
        entries = [
            {
                "is_new": entry.is_new,
                "title": writing.name_of(entry) or _title(item, entry, number).capitalize(),
                "removal": self[entry.removal],
                "cells": [
                    {
                        "pointer": cell.pointer,
                        "field": self[cell.name] if cell.name in self.fields else None,
                    }
                    for cell in entry.cells
                    if entry.is_new or cell.field.kind != "key"
                ],
            }
            for number, entry in enumerate(item.entries, 1)
        ]
        return {"pointer": pointer(item.rows.path), "listed": item, "entries": entries}


def _title(listed: Listed, entry: Entry, number: int) -> str:
    if entry.is_new:
        return f"new {listed.rows.entry}"
    return writing.name_of(entry) or f"{listed.rows.entry} {number}"


def _of_entries(listed: Listed) -> Iterator[tuple[str, forms.Field]]:
    for entry in listed.entries:
        for cell in entry.cells:
            if is_input(cell, entry):
                yield cell.name, MemberField(cell)
        yield entry.removal, forms.BooleanField(required=False, label="Remove")


def is_input(cell: Cell, entry: Entry) -> bool:
    """A name is chosen once: what else there is calls an entry by it."""
    return cell.shown is not None and (entry.is_new or cell.field.kind != "key")


def _singles(part: reading.Part) -> Iterator[Cell]:
    return (item for item in part.items if isinstance(item, Cell))


def _summary(part: reading.Part) -> str:
    """What stands in a section, for whoever does not unfold it; "" for nothing."""
    on = [cell.shown for cell in _singles(part) if cell.name in part.section.switches]
    if part.section.switches:
        return "on" if any(on) else ""
    entries = sum(not entry.is_new for listed in reading.lists([part]) for entry in listed.entries)
    if entries:
        return "1 entry" if entries == 1 else f"{entries} entries"
    return "set" if any(cell.shown not in ("", "0", False, None) for cell in _singles(part)) else ""


def _version(definition: dict, asked: str) -> str:
    """The version whose paths are shown: the one asked for, else the first."""
    there = versions(definition)
    return asked if asked in there else next(iter(there), "Default")


def versions(definition: dict) -> list[str]:
    try:
        held = members.value_at(definition, writing.VERSIONS)
    except Unshowable:
        return []
    return list(held) if isinstance(held, dict) else []


def _rows(sent: Any, name: str) -> int:
    """How many entries a page had room for, as it says itself."""
    said = sent.get(name, "")
    return min(int(said), MOST_ROWS) if said.isascii() and said.isdigit() and len(said) < 5 else 0
