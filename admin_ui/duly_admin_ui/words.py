"""Words the screens make of codes: states, channels, events, permissions. The history's sentences are in `history`."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from babel.numbers import format_decimal

from duly_dsl import render
from duly_dsl.diagnostics import Diagnostic
from duly_dsl.i18n import marked as _
from duly_runtime.store.files_api import FileRow

Gettext = Callable[[str], str]

REFUSALS = (
    _("a password needs at least 10 characters"),
    _("a user name is one word of letters and digits, like ana"),
    _("there is an administrator already: sign in"),
    _("this connector does not send"),
    _("say where the test message goes"),
    _("this is no address"),
    _("this secret comes from the environment of the server: change it there"),
    _("the value is empty"),
    _("the connector names no account at Meta, or cannot send: add the line `business account id`"),
    _("this secret is stored already: replace it on the page of its connector"),
    _("a file's name ends in .duly and holds letters, digits, spaces, dots, - and _"),
)
"""What `Refused` says, where we know it beforehand."""


FILE_PROBLEMS = (
    _("it is larger than 25 MB"),
    _("its content did not come along"),
    _("the workers that were fetching it disappeared"),
)
"""What the store says of files that are not there; connectors have words of their own."""


def size(count: int, language: str) -> str:
    """`3.4 MB`. The chips of chosen files write the same."""
    amount, units = float(count), ["B", "KB", "MB"]
    while amount >= 1000 and len(units) > 1:
        amount, units = amount / 1024, units[1:]
    form = "#,##0.#" if units[0] != "B" and amount < 100 else "#,##0"
    return f"{format_decimal(amount, form, locale=language.replace('-', '_'))} {units[0]}"


def for_scripts(_: Gettext) -> dict[str, str]:
    """Texts the browser modules need; `{x}` is filled in there."""
    return {
        "ok": _("On time"),
        "risk": _("At risk"),
        "late": _("Late"),
        "paused": _("Paused"),
        "moved": _("Card {card} moved to {stage}"),
        "refused": _("Card {card} stays: {reason}"),
        "offline": _("Not live since {time}"),
        "unreachable": _("The server does not answer; nothing was changed"),
        "checking": _("Checking…"),
        "clean": _("No problems"),
        "problems": _("{count} problem(s)"),
        "unchecked": _("The server does not answer: your text is kept here"),
        "stale": _("The text has errors: this is how it was before"),
        "testing": _("{done} of {all} tests done, {failed} failed"),
        "stopped": _("Stopped"),
        "tried-all": _("The tests have tried this line"),
        "tried-some": _("The tests have tried a part of this line"),
        "tried-none": _("No test has tried this line"),
        "not-changed": _("Not changed: {reason}"),
        "saved": _("Draft saved"),
        "unsaved": _("Not saved yet"),
        "conflict": _("Not saved: {message}"),
        "remove": _("Remove {name}"),
        "too-many-files": _("A message can have {most} files"),
        "too-large-files": _("The files of a message can have {most} together"),
        "working": _("Working… {seconds} s"),
        "copied": _("Copied"),
        "nothing": _("Nothing to publish: the files are those of the live version"),
    }


class Words:
    """Turns codes into the reader's words."""

    def __init__(self, gettext: Gettext) -> None:
        self._ = gettext

    def file(self, file: FileRow) -> str:
        """What to call a file."""
        _ = self._
        kinds = {"image": _("Picture"), "audio": _("Sound"), "video": _("Film")}
        return file.name or kinds.get(file.media_type.partition("/")[0].lower(), _("File"))

    def state(self, state: str) -> str:
        _ = self._
        return {
            "ok": _("On time"),
            "risk": _("At risk"),
            "late": _("Late"),
            "paused": _("Paused"),
            "met": _("Met"),
            "missed": _("Missed"),
            "cancelled": _("Cancelled"),
        }.get(state, state)

    def metric(self, metric: str) -> str:
        _ = self._
        return {
            "first reply": _("first reply"),
            "next reply": _("next reply"),
            "leave stage": _("leave stage"),
            "resolved": _("resolved"),
        }.get(metric, metric)

    def operand(self, name: str) -> str:
        """A built-in operand; the names of fields and tags are the workspace's own."""
        _ = self._
        return {
            "owner": _("the owner"),
            "team": _("the team"),
            "priority": _("the priority"),
            "type": _("the type"),
            "stage": _("the stage"),
            "title": _("the title"),
            "tags": _("the tags"),
            "channel": _("the channel"),
            "message": _("the message"),
            "card age": _("the card's age"),
        }.get(name, name.removeprefix("field:"))

    def target(self, text: str) -> str:
        """An amount as the language writes it (`3 working days`), in the reader's language."""
        _ = self._
        for written, said in (
            ("working days", _("working days")),
            ("working day", _("working day")),
            ("calendar days", _("calendar days")),
            ("calendar day", _("calendar day")),
            ("elapsed", _("elapsed")),
        ):
            if text.endswith(written):
                return text.removesuffix(written) + said
        return text

    def channel(self, channel: str) -> str:
        _ = self._
        names = {"whatsapp": "WhatsApp", "email": _("E-mail"), "webhook": "Webhook", "manual": _("By hand"), "app": "Duly"}
        return names.get(channel, channel)

    def way(self, problem: str) -> str:
        """Why a way to a customer can't be used."""
        _ = self._
        return {
            "no-sender": _("nothing is sent by it"),
            "out-of-service": _("out of service"),
            "no-address": _("no address of the customer is known"),
            "claimed": _("only claimed: confirm it on the contact's page"),
        }.get(problem, problem)

    def template_state(self, status: str) -> str:
        """Meta's word on a template."""
        _ = self._
        return {
            "": _("not known yet"),
            "APPROVED": _("approved"),
            "PENDING": _("waiting for Meta's decision"),
            "IN_APPEAL": _("waiting for Meta's decision"),
            "REJECTED": _("rejected"),
            "PAUSED": _("paused by Meta"),
            "DISABLED": _("disabled by Meta"),
            "DELETED": _("deleted"),
            "ARCHIVED": _("archived"),
        }.get(status, status)

    def template_category(self, category: str) -> str:
        _ = self._
        names = {"utility": _("utility"), "marketing": _("marketing"), "authentication": _("signing in")}
        return names.get(category, category)

    def template_problem(self, problem: str, status: str) -> str:
        """Why a template can't be sent."""
        _ = self._
        if problem == "status":
            return self.template_state(status)
        return {
            "missing": _("not at Meta"),
            "variables": _("another number of variables at Meta"),
            "header": _("another header at Meta"),
            "unused": _("no template of the rules uses it"),
            "category": _("the rules name another category"),
        }.get(problem, problem)

    def placeholder(self, name: str) -> str:
        """A variable of a template; the names of fields are the workspace's own."""
        _ = self._
        return {
            "customer.name": _("Customer's name"),
            "customer.first_name": _("Customer's first name"),
            "customer.email": _("Customer's e-mail"),
            "customer.phone": _("Customer's phone"),
            "card.number": _("Card number"),
            "card.title": _("Title"),
            "clock": _("Clock"),
            "due": _("Due"),
            "stage": _("Stage"),
            "priority": _("Priority"),
            "type": _("Type"),
            "owner.name": _("Owner's name"),
            "team": _("Team"),
            "channel": _("Channel"),
            "link": _("Link to the card"),
        }.get(name, name)

    def identity(self, kind: str, scope: str) -> str:
        """What a name of a contact is; `scope` is the connector whose word it is."""
        _ = self._
        names = {"email": _("E-mail"), "phone": _("Phone"), "whatsapp": _("WhatsApp user"), "address": _("user of")}
        return " ".join(part for part in (names.get(kind, kind), scope) if part)

    def quarantine(self, why: str) -> str:
        _ = self._
        return {
            "stranger": _("The sender may not write on this card: not the customer's address, and nobody let it in."),
            "forged": _("The mail server found that this mail is not from the domain it names: the sender may be forged."),
        }.get(why, why)

    def role(self, role: str) -> str:
        _ = self._
        return {
            "viewer": _("viewer"),
            "agent": _("agent"),
            "manager": _("manager"),
            "admin": _("administrator"),
        }.get(role, role)

    def delivery(self, state: str) -> str:
        _ = self._
        return {
            "pending": _("waiting to be sent"),
            "leased": _("being sent"),
            "sent": _("sent"),
            "delayed": _("not delivered yet"),
            "delivered": _("delivered"),
            "read": _("read"),
            "failed": _("not delivered"),
            "unknown": _("may not have arrived"),
            "parked": _("put aside"),
            "cancelled": _("cancelled"),
        }.get(state, state)

    def health(self, state: str) -> str:
        """How a connector or one of its checks is."""
        _ = self._
        return {"ok": _("In order"), "bad": _("Needs attention"), "unknown": _("Not known yet")}.get(state, state)

    def secret(self, state: str) -> str:
        _ = self._
        states = {"stored": _("stored"), "missing": _("missing"), "environment": _("from the server's environment")}
        return states.get(state, state)

    def direction(self, direction: str) -> str:
        _ = self._
        return {"receives": _("receives"), "sends": _("sends"), "connects": _("receives and sends")}.get(
            direction, direction
        )

    def trial(self, outcome: str) -> str:
        """What became of a test message."""
        _ = self._
        return {
            "sent": _("Sent"),
            "failed": _("Not delivered"),
            "retry": _("Not now"),
            "unknown": _("It may have arrived"),
        }.get(outcome, outcome)

    def delivery_kind(self, kind: str) -> str:
        _ = self._
        return {
            "message": _("Message"),
            "call": _("Call"),
            "notice": _("Notice"),
            "digest": _("Notice"),
        }.get(kind, kind)

    def attempt(self, outcome: str) -> str:
        """A line of a delivery's log."""
        _ = self._
        return {
            "sent": _("sent"),
            "retry": _("not sent, tried again later"),
            "failed": _("not delivered"),
            "unknown": _("may not have arrived"),
            "parked": _("put aside after the last attempt"),
            "lost": _("the worker that was sending it disappeared"),
            "delayed": _("not delivered yet"),
            "delivered": _("delivered"),
            "read": _("read"),
            "again": _("sent again by hand"),
            "marked": _("marked as sent by hand"),
            "unmarked": _("no longer marked as sent"),
            "cancelled": _("cancelled"),
            "discarded": _("discarded"),
            "restored": _("taken back"),
        }.get(outcome, outcome)

    def request(self, state: str) -> str:
        _ = self._
        return {"taken": _("taken in"), "parked": _("put aside"), "discarded": _("discarded")}.get(state, state)

    def delivery_states(self, states: Iterable[str]) -> list[tuple[str, str]]:
        """Choices of a filter: word of the address, and what people read."""
        waiting = self._("waiting for a person")
        return [(state, waiting if state == "waiting" else self.delivery(state)) for state in states]

    def delivery_kinds(self, kinds: Iterable[str]) -> list[tuple[str, str]]:
        gathered = self._("Notices in a digest")
        return [(kind, gathered if kind == "digest" else self.delivery_kind(kind)) for kind in kinds]

    def request_states(self, states: Iterable[str]) -> list[tuple[str, str]]:
        return [(state, self.request(state)) for state in states]

    def periods(self, periods: Iterable[str]) -> list[tuple[str, str]]:
        _ = self._
        named = {"day": _("the last 24 hours"), "week": _("the last 7 days"), "month": _("the last 30 days")}
        return [(period, named.get(period, period)) for period in periods]

    def same(self, names: Iterable[str]) -> list[tuple[str, str]]:
        """Names that are their own words."""
        return [(name, name) for name in names]

    def message(self, kind: str) -> str:
        """What a message is, where it is no text; a word of the channel that we don't know stays as it is."""
        _ = self._
        return {
            "image": _("Image"),
            "video": _("Video"),
            "audio": _("Audio"),
            "voice": _("Voice message"),
            "document": _("Document"),
            "sticker": _("Sticker"),
            "location": _("Location"),
            "contacts": _("Contact"),
            "interactive": _("Choice"),
            "button": _("Choice"),
            "order": _("Order"),
            "call": _("Phone call"),
            "unsupported": _("Can't be shown"),
        }.get(kind, kind)

    def parked(self, what: str) -> str:
        _ = self._
        return {"raw": _("Request"), "event": _("Event"), "delivery": _("Delivery")}.get(what, what)

    def permission(self, permission: str) -> str:
        _ = self._
        return {
            "cards.read": _("see cards"),
            "rules.read": _("read the rules"),
            "cards.work": _("work on cards"),
            "cards.merge": _("merge and split cards"),
            "contacts.edit": _("change contacts"),
            "cards.assign": _("give cards to others"),
            "deliveries.read": _("see deliveries"),
            "reports.read": _("see reports"),
            "parked.handle": _("handle what was put aside"),
            "quarantine.review": _("decide about mail in quarantine"),
            "rules.edit": _("edit the rules"),
            "rules.publish": _("publish the rules"),
            "connectors.manage": _("set up connectors"),
            "users.manage": _("manage users"),
            "tokens.manage": _("manage API tokens"),
            "audit.read": _("read the audit log"),
            "journal.read": _("read the journal of events"),
        }.get(permission, permission)

    def choice(self, choice: str) -> tuple[str, str]:
        """What a publish does to open cards: a name, and what it means."""
        _ = self._
        return {
            "from now on": (
                _("From now on"),
                _("clocks that run keep their targets; whatever starts later is measured by the new rules"),
            ),
            "keep": (_("Keep"), _("open cards keep the promises they have until they are finished")),
            "recompute": (_("Measure again"), _("due times move to what the new rules say")),
        }.get(choice, (choice, ""))

    def effect(self, kind: str) -> str:
        """What a publish would do to cards."""
        _ = self._
        return {
            "stranded": _("Stranded"),
            "late": _("Late at once"),
            "on time": _("No longer late"),
            "moved": _("Due time moves"),
            "ended": _("Promise ends"),
            "started": _("Clock starts"),
            "ladder": _("Escalated at once"),
            "alert": _("Alerted at once"),
        }.get(kind, kind)

    def event(self, kind: str) -> str:
        """The tag of an event's body, for the trace."""
        _ = self._
        return {
            "CustomerMessage": _("The customer wrote"),
            "MessageChanged": _("Something became of a message"),
            "SentElsewhere": _("A reply was sent without Duly"),
            "ContactChanged": _("The customer goes by another name"),
            "OpenCard": _("The card was opened by hand"),
            "AgentMessage": _("A person replied"),
            "InternalNote": _("A note was added"),
            "MoveCard": _("A person moved the card"),
            "SetFields": _("Fields were changed"),
            "TagCard": _("Tags were changed"),
            "ChangeParticipants": _("It changed who may write on the card"),
            "AssignCard": _("The card was given to someone"),
            "Acknowledge": _("An escalation was acknowledged"),
            "ExcuseMiss": _("A miss was excused"),
            "WithdrawExcuse": _("An excuse was withdrawn"),
            "MergeCard": _("The card became part of another"),
            "AbsorbCard": _("Another card became part of this one"),
            "UnmergeCard": _("A merge was undone"),
            "ReleaseCard": _("A merge was undone"),
            "SplitCard": _("Messages went to another card"),
            "SplitOff": _("The card began with messages of another"),
            "TimerFired": _("A time was reached"),
            "DeliveryStatus": _("News of a delivery"),
            "Recompute": _("New rules came into force"),
        }.get(kind, kind)

    def fact(self, kind: str, subject: str) -> str:
        _ = self._
        text = {
            "card is created": _("the card is created"),
            "card enters": _("the card enters {subject}"),
            "card leaves": _("the card leaves {subject}"),
            "card is reopened": _("the card is reopened"),
            "card is assigned": _("the card is assigned"),
            "customer replies": _("the customer replies"),
            "agent replies": _("an agent replies"),
            "changes": _("{subject} changes"),
            "missed": _("{subject} is missed"),
            "too many cards": _("{subject} holds too many cards"),
            "every": _("the time has come: every {subject}"),
        }.get(kind, f"{kind} {{subject}}" if subject else kind)
        return text.format(subject=self.operand(self.metric(subject)))

    def author(self, author: str, person: Callable[[str], str]) -> str:
        _ = self._
        if author == "customer":
            return _("customer")
        return person(author) if author else "Duly"


def diagnostic(found: Diagnostic, language: str) -> dict[str, str]:
    """Message and help of a diagnostic in the reader's language."""
    words = render.Words(language)
    return {"message": words.message(found), "help": words.help(found)}
