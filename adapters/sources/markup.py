"""HTML as readable plain text, in one pass; text that holds no tags stays as it is.

Descriptions come from web sites and from people, in one field: only an element that HTML knows,
closed or of a kind that needs no closing, makes a text HTML. `<lora:x:1>` and `a < b` do not.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import NamedTuple

from adapters.sources.pages import Page

MAX_CHARACTERS = 1024 * 1024
"""What lies behind this many characters of a text is left out."""

MAX_ADDRESS = 2_000


def _elements(names: str) -> frozenset[str]:
    return frozenset(names.split())


_BLOCKS = _elements(
    "p h1 h2 h3 h4 h5 h6 ul ol dl table blockquote pre hr figure section article header footer "
    "aside details address fieldset form main nav"
)
_LINES = _elements("div li tr dt dd center caption summary figcaption thead tbody tfoot")
_INLINE = _elements(
    "a abbr b bdi bdo big br cite code col colgroup del dfn em font i iframe img input ins kbd "
    "label mark q rp rt ruby s samp small source span strike strong sub sup td th time tt u var "
    "video audio wbr picture button body html link meta embed"
)
_SILENT = _elements("head title style script noscript template svg object")
"""Elements whose content is nothing to read."""
_KNOWN = _BLOCKS | _LINES | _INLINE | _SILENT
_UNCLOSED = _elements("br hr img input p li iframe")
"""Elements that are often left open: one of them is enough to tell HTML."""
_BREAKING = _BLOCKS | _LINES | {"br"}
_PICTURES = _elements("img iframe video audio source embed")

# No quoted value reaches over a `<`: so each character is looked at once, whatever is left open.
_MARK = re.compile(
    r"<(?:(?P<comment>!--)|![A-Za-z][^<>]*+>"
    r"|(?P<closing>/?)(?P<name>[A-Za-z][A-Za-z0-9]*+)"
    r"""(?P<rest>(?:[\s/](?:[^<>"']++|"[^"<]*+"|'[^'<]*+')*+)?)>)"""
)
_ATTRIBUTE = re.compile(
    r"""([A-Za-z-]++)(?:\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s"'>]++)))?""",
)
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});?")
_WEB = re.compile(r"https?://", re.IGNORECASE)
_OF_NO_USE = re.compile(r"#|(?!https?:|mailto:|ftp:)[a-z][a-z0-9+.-]*:", re.IGNORECASE)


class _Tag(NamedTuple):
    start: int
    end: int
    name: str
    closing: bool
    attributes: str


def plain(text: str) -> str:
    """`text` as a person reads it: HTML without its tags, other text stripped alone."""
    text = text[:MAX_CHARACTERS]
    tags = list(_tags(text)) if "<" in text else []
    if not _any_real(tags):
        return text.strip()
    page = Page(keeps_lines=_BREAKING.isdisjoint(tag.name for tag in tags))
    end = 0
    for tag in tags:
        page.write(_unescaped(text[end : tag.start]))
        end = tag.end
        if tag.closing:
            _close(page, tag.name)
        elif tag.name:
            _open(page, tag.name, _attributes(tag.attributes))
    page.write(_unescaped(text[end:]))
    return page.text()


def first_link(text: str) -> str:
    """The web address of the first tag in it, where that is a link; else empty."""
    tag = next(_tags(text[:MAX_CHARACTERS]), None)
    if tag is None or tag.name != "a" or tag.closing:
        return ""
    address = _address(_attributes(tag.attributes).get("href", ""))
    return address if _WEB.match(address) else ""


def _any_real(tags: list[_Tag]) -> bool:
    opened: set[str] = set()
    for tag in tags:
        if tag.name in opened if tag.closing else tag.name in _UNCLOSED:
            return True
        opened.add(tag.name)
    return False


def _tags(text: str) -> Iterator[_Tag]:
    """The tags of known elements; a comment, or an element that is not to be read, is one tag."""
    endless: set[str] = set()
    place = 0
    while mark := _MARK.search(text, place):
        start, place = mark.span()
        name = (mark["name"] or "").lower()
        if mark["comment"]:
            place = _behind(text, place, "-->", endless)
            if "-->" not in endless:
                yield _Tag(start, place, "", False, "")
        elif not name:
            yield _Tag(start, place, "", False, "")
        elif name in _SILENT and not mark["closing"]:
            place = _behind(text, place, f"</{name}>", endless)
            yield _Tag(start, place, name, False, "")
        elif name in _KNOWN:
            yield _Tag(start, place, name, bool(mark["closing"]), mark["rest"])


def _behind(text: str, place: int, ending: str, endless: set[str]) -> int:
    """The place behind an ending, or the same place where there is none, which is remembered:
    looking for it again from each of a million beginnings would take for ever."""
    if ending in endless:
        return place
    found = text.find(ending, place)
    if found < 0 and ending.upper() != ending:
        found = text.find(ending.upper(), place)
    if found >= 0:
        return found + len(ending)
    endless.add(ending)
    return place


def _open(page: Page, name: str, attributes: dict[str, str]) -> None:
    if name == "br":
        page.end_line()
    elif name == "hr":
        page.rule()
    elif name in {"ul", "ol"}:
        page.open_list(numbered=name == "ol")
    elif name == "li":
        page.item()
    elif name == "tr":
        page.row()
    elif name in {"td", "th"}:
        page.cell()
    elif name == "pre":
        page.open_verbatim()
    elif name == "a":
        page.open_link(_address(attributes.get("href", "")))
    elif name in _PICTURES:
        address = _address(attributes.get("src", ""))
        page.picture(attributes.get("alt", ""), address if _WEB.match(address) else "")
    elif name in _BLOCKS:
        page.part(2)
    elif name in _LINES:
        page.part(1)


def _close(page: Page, name: str) -> None:
    if name in {"ul", "ol"}:
        page.close_list()
    elif name == "pre":
        page.close_verbatim()
    elif name == "a":
        page.close_link()
    elif name in {"td", "th"}:
        page.close_cell()
    elif name in _BLOCKS:
        page.part(2)
    elif name in _LINES:
        page.part(1)


def _address(address: str) -> str:
    """An address that can be written beside a link; empty for script, data and places on a page."""
    address = "".join(address.split())
    return "" if len(address) > MAX_ADDRESS or _OF_NO_USE.match(address) else address


def _attributes(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, double, single, bare in _ATTRIBUTE.findall(text):
        found.setdefault(name.lower(), _unescaped(double or single or bare).strip())
    return found


def _unescaped(text: str) -> str:
    return _ENTITY.sub(lambda entity: html.unescape(entity[0]), text) if "&" in text else text
