"""A page of plain text while it is set: words, lines, paragraphs, lists, rows, links."""

from __future__ import annotations

import re

MAX_DEPTH = 8
"""Lists within lists are indented no further."""

_NARROW = re.compile("[ \t\r\n\f\N{NO-BREAK SPACE}]+")
_MANY_LINES = re.compile(r"\n{3,}")


class Page:
    """Takes text and structure in reading order. Blanks run together; breaks never pile up.

    With `keeps_lines`, the line breaks of the text itself are kept, too.
    """

    def __init__(self, *, keeps_lines: bool) -> None:
        self._keeps_lines = keeps_lines
        self._set: list[str] = []
        self._breaks = 0
        self._blank = False
        self._verbatim = 0
        self._lists: list[int | None] = []
        self._marker = ""
        self._cells = 0
        self._in_cell = False
        self._link = ""
        self._linked_from = 0

    def write(self, text: str) -> None:
        """Text between two tags."""
        if not (self._keeps_lines or self._verbatim):
            self._write(text.replace("\n", " "))
            return
        for number, line in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n")):
            if number:
                self._breaks += 1
                self._blank = False
            if self._verbatim:
                self._put(line.rstrip())
            else:
                self._write(line)

    def end_line(self) -> None:
        """A line break; two of them leave a line blank."""
        self._break(min(2, self._breaks + 1))

    def part(self, breaks: int) -> None:
        """Something that stands on lines of its own (1), or apart by blank lines (2)."""
        self._break(max(self._breaks, breaks if not self._lists else 1))

    def rule(self) -> None:
        """A line between two parts."""
        self.part(2)
        self._put("---")
        self.part(2)

    def open_list(self, *, numbered: bool) -> None:
        """A list begins."""
        self.part(2)
        self._lists.append(0 if numbered else None)

    def close_list(self) -> None:
        """A list ends."""
        if self._lists:
            self._lists.pop()
        self._marker = ""
        self.part(2)

    def item(self) -> None:
        """The next item of the list."""
        self.part(1)
        count = self._lists[-1] if self._lists else None
        if count is None:
            self._marker = "- "
        else:
            self._lists[-1] = count + 1
            self._marker = f"{count + 1}. "

    def row(self) -> None:
        """The next row of a table."""
        self._in_cell = False
        self.part(1)
        self._cells = 0

    def cell(self) -> None:
        """The next cell of a row, on one line with it."""
        self._in_cell = False
        if self._cells:
            self._blank = True
            self._put("|")
            self._blank = True
        self._cells += 1
        self._in_cell = True

    def close_cell(self) -> None:
        """A cell ends."""
        self._in_cell = False

    def open_verbatim(self) -> None:
        """Text begins whose blanks and lines count."""
        self.part(2)
        self._verbatim += 1

    def close_verbatim(self) -> None:
        """It ends."""
        self._verbatim = max(0, self._verbatim - 1)
        self.part(2)

    def open_link(self, address: str) -> None:
        """A link begins; one that is open ends."""
        self.close_link()
        self._link = address
        self._linked_from = len(self._set)

    def close_link(self) -> None:
        """A link ends: its address follows, unless the words said it."""
        address, self._link = self._link, ""
        if not address:
            return
        words = "".join(self._set[self._linked_from :]).strip()
        if _bare(words) != _bare(address):
            self._reference(bool(words), address)

    def picture(self, words: str, address: str) -> None:
        """A picture: what it shows, and where it lies."""
        self._write(words)
        if address:
            self._reference(bool(words.strip()), address)

    def text(self) -> str:
        """All of it."""
        self.close_link()
        return _MANY_LINES.sub("\n\n", "".join(self._set)).strip()

    def _reference(self, named: bool, address: str) -> None:
        self._blank = bool(self._set)
        if not named:
            self._put(address)
            return
        # Also where the words' own paragraph has ended meanwhile: it belongs to them.
        breaks, self._breaks = self._breaks, 0
        self._put(f"({address})")
        self._breaks = breaks

    def _break(self, breaks: int) -> None:
        if self._in_cell:
            self._blank = True
        elif not self._marker:
            self._breaks = breaks
            self._blank = False

    def _write(self, text: str) -> None:
        words = _NARROW.sub(" ", text)
        if words.startswith(" "):
            self._blank = True
        if kept := words.strip(" "):
            self._put(kept)
            self._blank = words.endswith(" ")

    def _put(self, text: str) -> None:
        if not text:
            return
        depth = min(len(self._lists), MAX_DEPTH)
        if self._breaks and self._set:
            inset = "  " * (depth - 1 if self._marker else depth)
            self._set.append("\n" * self._breaks + inset)
        elif self._blank and self._set and not self._marker:
            self._set.append(" ")
        if self._marker:
            self._set.append(self._marker)
        self._set.append(text)
        self._breaks, self._blank, self._marker = 0, False, ""


def _bare(address: str) -> str:
    return re.sub(r"^(?:https?://(?:www\.)?|mailto:)", "", address).rstrip("/")
