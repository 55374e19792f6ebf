"""What of a mail's text is new, and what repeats older messages or signs.

Each line is judged: `>` marks, attributions ("On … wrote:"), the header blocks Outlook puts above an answer, the marks of
HTML. Where new and old text alternate, the answers stand between the questions and make no sense without them: then only
what follows the last answer is split off. Nothing is thrown away.
"""

from __future__ import annotations

import re

from duly_connectors.mail.html import HARD

LONGEST = 400
"""Characters of a line that are looked at."""
ATTRIBUTION_LINES = 4
"""Mail programs break an attribution over as many lines."""

_WROTE = re.compile(
    r"""(?:
      On\b.*\bwrote
    | (?:Em|No\s+dia|A|Às)\b.*\bescreveu
    | El\b.*\bescribi[óo]
    | Le\b.*\ba\s+écrit
    | (?:Am|Den)\b.*\b(?:schrieb|skrev)\b.*
    | Il\b.*\bha\s+scritto
    | Op\b.*\bschreef\b.*
    | (?:W\s+dniu|Dnia)\b.*\bnapisa[łl].*
    | P[åÅ]?\b.*\bskrev\b.*
    | .*\b(?:kirjoitti|skrifaði|napsala?(?:\(a\))?|írta|a\s+scris|έγραψε|viết|menulis|yazdı|כתב)
    | .*\b(?:пишет|написала?|писал[аи]?|написав|пише)\b.*
    | .*(?:写道|寫道|のメール|さんは書きました|작성)
    )\s*[:：]""",
    re.VERBOSE | re.IGNORECASE,
)
_WHO_WHEN = re.compile(r"(?=.*@)(?=.*\b\d{1,2}[:.h]\d\d).*:")
"""Any other language: a line with an address and a time that ends in a colon."""
_MARKER = re.compile(
    r"""[-_*\s]{2,20}\s*(?:original\s+message|mensagem\s+original|mensaje\s+original|message\s+d['’]origine|message\s+original
      |ursprüngliche\s+nachricht|messaggio\s+originale|oorspronkelijk\s+bericht|исходное\s+сообщение|原始邮件|元のメッセージ
      |forwarded\s+message|mensagem\s+encaminhada|mensaje\s+reenviado|message\s+transféré|weitergeleitete\s+nachricht
      |messaggio\s+inoltrato)\s*[-_*\s]{2,20}
      |begin\s+forwarded\s+message:|in[íi]cio\s+da\s+mensagem\s+encaminhada:|_{20,}""",
    re.VERBOSE | re.IGNORECASE,
)
_FROM = re.compile(
    r"""\*?(?:From|De|Von|Da|Van|От|Fra|Från|Lähettäjä|Od|Kimden|Feladó|发件人|寄件者|差出人|보낸\s*사람)
    \s*[:：]\*?\s*\S""",
    re.VERBOSE | re.IGNORECASE,
)
_BESIDE = re.compile(
    r"""\*?(?:Sent|Date|Enviad[ao](?:\s+em)?|Enviado\s+el|Data|Fecha|Envoyé|Gesendet|Datum|Inviato|Verzonden|Отправлено
      |Дата|Sendt|Skickat|Wysłano|Odesláno|Gönderildi|Tarih|发送时间|日期|送信日時|보낸\s*날짜
      |To|Para|A|À|An|Aan|Кому|Til|Till|Do|Komu|Kime|收件人|宛先|받는\s*사람|Cc
      |Subject|Assunto|Asunto|Objet|Betreff|Oggetto|Onderwerp|Тема|Emne|Ämne|Temat|Předmět|Konu|主题|件名|제목)
    \s*[:：]\*?""",
    re.VERBOSE | re.IGNORECASE,
)
_SIGNED = re.compile(
    r"""(?:
      sent\s+(?:from|by|with|via)\s+(?:my\s+|the\s+)?
        (?:iphone|ipad|android|samsung|galaxy|blackberry|mobile|phone|outlook|mail\b|windows|huawei|xiaomi|proton|yahoo|gmail).*
    | enviad[oa]\s+(?:do|pelo|via|da|desde|a\s+partir\s+d[oe])\s+(?:meu\s+|minha\s+|mi\s+)?
        (?:iphone|ipad|android|samsung|galaxy|celular|outlook|smartphone|e-?mail|yahoo|gmail|windows|xiaomi|motorola
        |dispositivo|m[óo]vil).*
    | (?:get|obter\s+o|obtenha\s+o|baixe\s+o|obtener)\s+outlook\s+(?:for|para)\s+\w+.*
    | von\s+meinem\s+\S+\s+gesendet.*
    | envoyé\s+(?:de|depuis)\s+mon\s+.*
    | inviato\s+da\s+.*iphone.*
    )""",
    re.VERBOSE | re.IGNORECASE,
)


def split(text: str) -> tuple[str, str]:
    """(what is new, the rest). Where nothing would be new, all of it is: somebody forwards, or our guess is wrong."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    old = _judge(lines)
    runs = _runs(lines, old)
    new = [number for number, (is_old, _first, _last) in enumerate(runs) if not is_old]
    if not new:
        return _tidy(lines), ""
    if len(new) > 1:
        last = runs[new[-1]][2]
        kept, rest = lines[:last], lines[last:]
    else:
        _old, first, last = runs[new[0]]
        kept, rest = lines[first:last], lines[:first] + lines[last:]
    return _tidy(kept), _tidy(rest)


def _judge(lines: list[str]) -> list[bool]:
    """For each line whether it is old."""
    old = [False] * len(lines)
    quoted = [_depth(line) > 0 for line in lines]
    place = 0
    while place < len(lines):
        if quoted[place]:
            old[place] = True
            place += 1
            continue
        bare = lines[place].strip()[:LONGEST]
        if bare == HARD:
            return _all_from(old, place)
        if not bare:
            place += 1
            continue
        if bare in ("--", "—") and _is_signature(lines, place):
            return _all_from(old, place)
        if _SIGNED.fullmatch(bare) and not any(line.strip() for line in _next_own(lines, quoted, place + 1)):
            old[place] = True
        elif _begins(lines, place, bare):
            return _all_from(old, place)
        else:
            length = _attribution(lines, quoted, place)
            if length:
                after = place + length
                following = next((number for number in range(after, len(lines)) if lines[number].strip()), len(lines))
                if following < len(lines) and not quoted[following]:
                    return _all_from(old, place)
                old[place:after] = [True] * length
                place = after
                continue
        place += 1
    return old


def _begins(lines: list[str], place: int, bare: str) -> bool:
    """Whether a line, with its neighbours, announces an older message."""
    if _MARKER.fullmatch(bare):
        return not bare.startswith("_") or _heads(lines, place + 1)
    return bool(_FROM.match(bare)) and _heads(lines, place)


def _all_from(old: list[bool], place: int) -> list[bool]:
    return old[:place] + [True] * (len(old) - place)


def _depth(line: str) -> int:
    """How deep a line is quoted."""
    bare = line[:LONGEST].lstrip()
    return len(bare) - len(bare.lstrip("> ")) if bare.startswith(">") else 0


def _next_own(lines: list[str], quoted: list[bool], place: int) -> list[str]:
    """The lines up to the next that is quoted or begins something old; empty for the end of what was written."""
    found: list[str] = []
    for number in range(place, min(len(lines), place + 12)):
        bare = lines[number].strip()[:LONGEST]
        if quoted[number] or bare == HARD or _begins(lines, number, bare):
            return found
        if bare and _attribution(lines, quoted, number):
            return found
        found.append(bare)
    return found


def _is_signature(lines: list[str], place: int) -> bool:
    """A line of two dashes signs where it has its blank or not much follows."""
    if lines[place].rstrip("\r") == "-- ":
        return True
    return sum(1 for line in lines[place + 1 : place + 20] if line.strip()) <= 8


def _heads(lines: list[str], place: int) -> bool:
    """Whether a block of header lines, as Outlook writes them, begins here: a sender and two more."""
    block = [line.strip().lstrip("> ")[:LONGEST] for line in lines[place : place + 12]]
    begun = next((number for number, line in enumerate(block) if line), None)
    if begun is None or not _FROM.match(block[begun]):
        return False
    return sum(bool(_BESIDE.match(line)) for line in block[begun + 1 : begun + 8]) >= 2


def _attribution(lines: list[str], quoted: list[bool], place: int) -> int:
    """How many lines from here say who wrote what follows, 0 for none."""
    said: list[str] = []
    for after in range(place + 1, min(len(lines), place + ATTRIBUTION_LINES) + 1):
        line = lines[after - 1].strip()[:LONGEST]
        if not line or quoted[after - 1]:
            return 0
        said.append(line)
        if line.endswith((":", "：")):
            # The fewest lines that make one: what stands above is an answer.
            for count in range(1, len(said) + 1):
                if _WROTE.fullmatch(" ".join(said[-count:])[:LONGEST]):
                    return len(said) if count == len(said) else 0
            return 1 if len(said) == 1 and _WHO_WHEN.fullmatch(line) and _followed(lines, quoted, after) else 0
    return 0


def _followed(lines: list[str], quoted: list[bool], place: int) -> bool:
    """Whether what comes next is quoted."""
    near = range(place, min(len(lines), place + 3))
    following = next((number for number in near if lines[number].strip()), None)
    return following is not None and (quoted[following] or lines[following].strip() == HARD)


def _runs(lines: list[str], old: list[bool]) -> list[tuple[bool, int, int]]:
    """(old, first, last) of each stretch of the same kind; empty lines belong to what stands before them."""
    runs: list[tuple[bool, int, int]] = []
    for number, line in enumerate(lines):
        if runs and (runs[-1][0] == old[number] or not line.strip()):
            runs[-1] = (runs[-1][0], runs[-1][1], number + 1)
        elif line.strip():
            first = runs[-1][2] if runs else 0
            runs.append((old[number], first, number + 1))
    return runs


def _tidy(lines: list[str]) -> str:
    """No blanks at the ends of lines, at most one empty line, none around."""
    out: list[str] = []
    for line in lines:
        line = line.replace(HARD, "").rstrip()
        if line or (out and out[-1]):
            out.append(line)
    return "\n".join(out).strip("\n")
