"""HTML of a mail: cleaned for showing, and as plain text.

Cleaning is by an allow-list (ammonia): no scripts, no forms, nothing fetched from elsewhere, no style that reaches
beyond its place. Text is made from HTML that is cleaned already, so that its tags can be read by a simple expression.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from urllib.parse import unquote

_SHOWN = """
a abbr address b bdi bdo big blockquote br caption center cite code col colgroup dd del dfn div dl dt em figcaption figure
font h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p pre q s samp small span strike strong sub sup table tbody td tfoot th
thead tr tt u ul var
"""
_EMPTIED = "script style head title noscript template object applet iframe frameset svg math textarea select"
_STYLED = """
background-color border border-bottom border-collapse border-color border-left border-right border-spacing border-style
border-top border-width color direction font-family font-size font-style font-variant font-weight letter-spacing
line-height list-style-type padding padding-bottom padding-left padding-right padding-top text-align text-decoration
text-indent text-transform vertical-align white-space width word-break word-wrap
"""
_LINED = """
address blockquote caption center dd div dl dt figcaption figure h1 h2 h3 h4 h5 h6 hr li ol p pre table tbody tfoot thead
tr ul
"""
_PARTED = "blockquote dl h1 h2 h3 h4 h5 h6 ol p pre table ul"
TAGS = frozenset(_SHOWN.split())
_GONE = frozenset(_EMPTIED.split())
"""Removed with what is in them."""
_STYLES = frozenset(_STYLED.split())
"""Nothing that fetches, moves or covers."""
_BLOCKS = frozenset(_LINED.split())
_SPACED = frozenset(_PARTED.split())
"""With an empty line around them."""
_VOID = frozenset(("br", "hr", "img", "col"))
_ATTRIBUTES: dict[str, set[str]] = {
    "*": {"style", "dir", "lang", "title", "align", "valign", "bgcolor", "width", "height"},
    "a": {"href"},
    "img": {"src", "alt"},
    "font": {"color", "face", "size"},
    "table": {"border", "cellpadding", "cellspacing"},
    "td": {"colspan", "rowspan", "nowrap"},
    "th": {"colspan", "rowspan", "nowrap"},
    "col": {"span"},
    "ol": {"start", "type"},
    "ul": {"type"},
}
_LINKS = ("http:", "https:", "mailto:", "tel:")


def cleaned(source: str, image: Callable[[str], str]) -> str:
    """The HTML fit for showing. `image` maps the source of a picture to `cid:…` of a file that came along, or to nothing:
    then the picture is left out and its description stays."""
    import nh3  # imported late: rule files are checked without it

    def judge(tag: str, name: str, value: str) -> str | None:
        if name == "src":
            return image(value) or None
        if name == "href":
            return value if value.strip().lower().startswith(_LINKS) else None
        return value[:2000]

    return nh3.clean(
        source,
        tags=set(TAGS),
        clean_content_tags=set(_GONE),
        attributes=_ATTRIBUTES,
        attribute_filter=judge,
        url_schemes={"http", "https", "mailto", "tel", "cid"},
        filter_style_properties=set(_STYLES),
        link_rel="noopener noreferrer nofollow",
    )


def cid(source: str) -> str:
    """The Content-ID a link names, empty where it names none."""
    source = source.strip()
    return unquote(source[4:]).strip("<> ") if source[:4].lower() == "cid:" else ""


# --- to text -------------------------------------------------------------------------------------------------------------

HARD = "\x01"
"""A line that says: from here on it is quoted."""

_TOKEN = re.compile(r"<(/?)([a-z][a-z0-9]*)((?:\s+[a-zA-Z:_-]+=\"[^\"]*\")*)\s*/?>|<!--.*?-->", re.DOTALL)
_ATTRIBUTE = re.compile(r"([a-zA-Z:_-]+)=\"([^\"]*)\"")
_SPACE = re.compile(r"[ \t\r\n\f]+")

_QUOTE_CLASSES = re.compile(
    r"(?:^|\s)(?:gmail_quote|yahoo_quoted|protonmail_quote|tutanota_quote|zmail_extra|moz-cite-prefix)"
)
_HARD_IDS = re.compile(
    r"(?:^|x_)(?:divRplyFwdMsg|appendonsend|OLK_SRC_BODY_SECTION|reply-intro|mail-editor-reference-message-container)"
)
"""Ids with which programs begin the message that is answered; Outlook prefixes them with x_ in its turn."""
_OUTLOOK_RULE = re.compile(r"border-top:\s*solid\s+#(?:e1e1e1|b5c4df)|border-top:\s*#(?:e1e1e1|b5c4df)\s+1", re.IGNORECASE)
_HIDDEN = re.compile(r"display:\s*none|mso-hide:\s*all", re.IGNORECASE)
_ANY_MARK = re.compile(
    r"<blockquote|_quote|yahoo_quoted|zmail_extra|moz-cite-prefix|RplyFwdMsg|appendonsend|OLK_SRC_BODY|reply-intro"
    r"|reference-message-container|border-top",
    re.IGNORECASE,
)
_MARKS = {"*": {"class", "id", "type", "style", "cite", "hidden"}, "a": {"href"}, "img": {"alt", "src"}, "ol": {"start"}}


def may_quote(source: str) -> bool:
    """Whether HTML has anything that could be a program's mark of what is old."""
    return _ANY_MARK.search(source) is not None


def text(source: str) -> str:
    """HTML as lines of text. Quoted blocks get `> `, where a program's own mark begins the old message a line HARD."""
    import nh3  # imported late: rule files are checked without it

    plain = nh3.clean(
        source,
        tags=set(TAGS),
        clean_content_tags=set(_GONE),
        attributes=_MARKS,
        url_schemes={"http", "https", "mailto", "tel", "cid", "data"},
        link_rel=None,
    )
    writer = _Writer()
    place = 0
    for found in _TOKEN.finditer(plain):
        writer.data(plain[place : found.start()])
        place = found.end()
        if found[2]:
            if found[1]:
                writer.end(found[2])
            else:
                writer.start(found[2], _attributes(found[3]) if found[3] else _NONE)
    writer.data(plain[place:])
    return writer.finished()


def _hides(attributes: dict[str, str]) -> bool:
    return "hidden" in attributes or bool(_HIDDEN.search(attributes.get("style", "")[:2000]))


def _begins_old(tag: str, attributes: dict[str, str]) -> bool:
    if _HARD_IDS.search(attributes.get("id", "")[:200]):
        return True
    return tag == "div" and bool(_OUTLOOK_RULE.search(attributes.get("style", "")[:500]))


_NONE: dict[str, str] = {}


def _attributes(written: str) -> dict[str, str]:
    return {name: html.unescape(value) for name, value in _ATTRIBUTE.findall(written)}


class _Writer:
    """Lays text out on lines as the tags go by."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.line: list[str] = []
        self.open: list[tuple[str, str]] = []
        """(tag, what its end has to undo)"""
        self.quotes = 0
        self.hidden = 0
        self.verbatim = 0
        self.gap = False
        """An empty line is due before the next text."""
        self.lists: list[int] = []
        """The next number of each open list, -1 for bullets."""
        self.mark = ""
        self.link: tuple[str, int] = ("", 0)

    def data(self, data: str) -> None:
        if not data or self.hidden:
            return
        if "&" in data:
            data = html.unescape(data)
        data = data.replace("\xa0", " ").replace("\u200b", "").replace(HARD, "")
        if self.verbatim:
            first, *rest = data.replace("\r", "").split("\n")
            self._put(first)
            for line in rest:
                self._break(force=True)
                self._put(line)
            return
        data = _SPACE.sub(" ", data)
        if data.startswith(" ") and (not self.line or self.line[-1].endswith(" ")):
            data = data[1:]
        self._put(data)

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        undo = ""
        if self.hidden or (attributes and _hides(attributes)):
            if tag not in _VOID:
                self.hidden += 1
                self.open.append((tag, "hidden"))
            return
        if tag in _BLOCKS:
            self._break()
            self.gap = self.gap or (tag in _SPACED and not self.lists)
        if attributes and _begins_old(tag, attributes):
            self._break()
            self.lines.append(self._prefix() + HARD)
        if tag == "blockquote" or (attributes and _QUOTE_CLASSES.search(attributes.get("class", "")[:500])):
            self._break()
            self.quotes += 1
            undo = "quote"
        if tag == "br":
            self._break(force=True)
        elif tag == "hr":
            self._put("---")
            self._break()
        elif tag == "img":
            alt = _one_line(attributes.get("alt", ""))
            if alt:
                self._put(f"[{alt[:200]}]")
        elif tag == "pre":
            self.verbatim += 1
            undo = "pre"
        elif tag in ("ol", "ul"):
            given = attributes.get("start", "")
            self.lists.append((int(given) if given.isdecimal() and len(given) < 6 else 1) if tag == "ol" else -1)
            undo = "list"
        elif tag == "li":
            number = self.lists[-1] if self.lists else -1
            if number >= 0:
                self.lists[-1] += 1
            self.mark = "  " * max(0, len(self.lists) - 1) + (f"{number}. " if number >= 0 else "- ")
        elif tag in ("td", "th"):
            if self.line and not self.line[-1].endswith((" ", "\t")):
                self._put(" ")
        elif tag == "a":
            self.link = (attributes.get("href", "").strip(), sum(map(len, self.line)))
        if tag not in _VOID:
            self.open.append((tag, undo))

    def end(self, tag: str) -> None:
        if not self.open or (self.open[-1][0] != tag and all(name != tag for name, _undo in self.open[-50:])):
            return
        while self.open:
            name, undo = self.open.pop()
            if undo == "hidden":
                self.hidden -= 1
            elif undo == "quote":
                self._break()
                self.quotes -= 1
            elif undo == "pre":
                self.verbatim -= 1
            elif undo == "list":
                self.lists.pop()
            if name == tag:
                break
        if self.hidden:
            return
        if tag == "a":
            self._link()
        elif tag in _BLOCKS:
            self._break()
            self.gap = self.gap or (tag in _SPACED and not self.lists)

    def _link(self) -> None:
        """The address after the words of a link, unless it is what they say."""
        href, start = self.link
        self.link = ("", 0)
        said = "".join(self.line)[start:].strip()
        bare = re.sub(r"^(?:https?://|mailto:|tel:)(?:www\.)?", "", href, flags=re.IGNORECASE).rstrip("/")
        if said and bare and bare.lower() not in said.lower().rstrip("/"):
            self._put(f" ({href[:500]})")

    def _prefix(self) -> str:
        return "> " * min(self.quotes, 10) if self.quotes else ""

    def _put(self, data: str) -> None:
        if not data:
            return
        if not self.line and (data.strip() or self.verbatim):
            if self.gap and self.lines:
                self.lines.append(self._prefix().rstrip())
            self.gap = False
            if self.mark:
                data, self.mark = self.mark + data, ""
        if self.line or data.strip() or self.verbatim:
            self.line.append(data)

    def _break(self, force: bool = False) -> None:
        if self.line:
            self.lines.append((self._prefix() + "".join(self.line)).rstrip())
            self.line = []
        elif force:
            self.lines.append(self._prefix().rstrip())

    def finished(self) -> str:
        self._break()
        return "\n".join(self.lines)


def _one_line(value: str) -> str:
    """On one line."""
    return _SPACE.sub(" ", value).strip()


def from_text(source: str) -> str:
    """Plain text as HTML, for mails that mix both."""
    return '<div style="white-space:pre-wrap">' + html.escape(source) + "</div>"
