"""How many cards a stage holds: once there are too many, its team's lead is told and rules may act.

It is looked at when the card has come to rest, so a stage it only passed through counts nothing. Told once: again only
after the stage was within its limit.
"""

from __future__ import annotations

from duly_dsl.program import Stage
from duly_runtime.card import Card
from duly_runtime.decision import NotifyPerson
from duly_runtime.engine import people
from duly_runtime.engine.work import Work


def look(work: Work) -> None:
    """Tell of the stage the card has come to, if it is over its limit now; forget the one it left, if that isn't."""
    before, now = _place(work.begun_with), _place(work.card)
    if before == now:
        return
    for place in filter(None, (before, now)):
        stage = work.graph.known_stage(work.pipeline, place)
        if stage is None or stage.limit is None:
            continue
        key = (work.pipeline.name, stage.name)
        held = work.world.stages.get(key, 0) - (place == before) + (place == now)
        told = work.over.get(key, key in work.world.over)
        if held <= stage.limit and told:
            work.over[key] = False
        elif held > stage.limit and not told and place == now and not work.quiet:
            work.over[key] = True
            _tell(work, stage, held)


def _place(card: Card) -> str:
    """The stage in which a card counts; none for a finished one."""
    return card.stage if card.finished_at is None else ""


def _tell(work: Work, stage: Stage, held: int) -> None:
    card = work.card
    details = {"stage": stage.name, "cards": str(held), "limit": str(stage.limit)}
    team = people.team_of_card(work.graph, card)
    if team is None and stage.owner is not None:
        team = work.graph.program.teams.get(stage.owner.name)
    told = people.lead(team)
    for person in told:
        key = f"limit/{card.id}/{work.revision}/{stage.name}/{person}"
        work.do(NotifyPerson(key=key, person=person, about="limit", details=details))
    work.say("stage.over", {**details, "to": ", ".join(told)})
    work.fact("too many cards", stage=stage.name)
