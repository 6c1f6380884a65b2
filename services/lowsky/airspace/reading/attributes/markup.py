"""Texts that publishers write in HTML, as the text that a reader of the page sees."""

from __future__ import annotations

import html
import re

_TAG = re.compile(
    r"<(?P<end>/?)(?P<name>[a-zA-Z]{1,10}[1-6]?)(?P<attributes>(?:[\s/][^<>]*)?)>|<!--|-->|<![a-zA-Z]{1,10}[^<>]*>"
)
_KNOWN = re.compile(
    "a|abbr|b|big|blockquote|body|br|center|cite|code|dd|div|dl|dt|em|font|h[1-6]|head|hr|html|i|img|label|li|ol|p|pre|q|s"
    "|script|small|span|strike|strong|style|sub|sup|table|tbody|td|tfoot|th|thead|title|tr|tt|u|ul",
    re.IGNORECASE,
)
_ENTITY = re.compile(r"&(?:[a-zA-Z]{2,31}|#\d{1,7}|#[xX][0-9a-fA-F]{1,6});")
_HREF = re.compile(r"\bhref\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))", re.IGNORECASE)
_LINES = {"blockquote", "br", "dd", "div", "dl", "dt", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre"}
_LINES |= {"table", "tr", "ul"}
_CELLS = {"td", "th"}
_UNSEEN = {"script", "style", "head", "title"}


def as_text(words: str) -> str:
    """The words without HTML's tags, comments and entities; the address of a link comes after its text.

    "Below 120 m & <5 kg" is no HTML and stays as it is. One pass, whatever the words are.
    """
    if "<" not in words or not any(tag["name"] is None or _is_known(tag) for tag in _TAG.finditer(words)):
        return html.unescape(words) if _ENTITY.search(words) else words
    parts: list[str] = []
    at, unseen, link = 0, "", ""
    for tag in _TAG.finditer(words):
        if tag["name"] and not _is_known(tag):
            continue
        if not unseen:
            parts.append(words[at : tag.start()])
        at = tag.end()
        name = (tag["name"] or tag[0]).lower()
        if unseen:
            unseen = "" if name == unseen and (tag["end"] or name == "-->") else unseen
        elif name == "<!--":
            unseen = "-->"
        elif name in _UNSEEN:
            unseen = "" if tag["end"] else name
        elif name == "a":
            if tag["end"]:
                parts.append(link)
            link = "" if tag["end"] else _address(tag["attributes"])
        else:
            parts.append("\n" if name in _LINES else " " if name in _CELLS else "")
    if not unseen:
        parts.append(words[at:])
    lines = (" ".join(line.split()) for line in html.unescape("".join(parts)).splitlines())
    return "\n".join(line for line in lines if line)


def _is_known(tag: re.Match[str]) -> bool:
    return _KNOWN.fullmatch(tag["name"] or "") is not None


def _address(attributes: str) -> str:
    found = _HREF.search(attributes)
    address = next((part for part in found.groups() if part), "") if found else ""
    return f" ({address})" if address.lower().startswith(("http:", "https:", "mailto:", "tel:")) else ""
