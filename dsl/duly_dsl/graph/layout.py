"""Places for boxes and arrows, in layers from top to bottom.

Boxes stand in layers: each below all that lead to it, by the longest way; an arrow to a box that comes earlier is drawn
upwards. Between two layers of boxes lies one of labels. An arrow that passes a layer has a place of its own in it, so no
arrow crosses a box and no label lies on another. Within a layer places are ordered by the middle of their neighbours, in
sweeps; the order with the fewest crossings stays. Then every place moves towards its neighbours as far as the order leaves
room, which is a least-squares problem with an exact answer. The same boxes and arrows always get the same places.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import msgspec

SWEEPS = 12
GAP_X = 26.0
GAP_Y = 22.0


class Box(msgspec.Struct):
    """Something with a size; `x` and `y` are its left and top, filled in by `lay_out`."""

    width: float
    height: float
    x: float = 0.0
    y: float = 0.0

    @property
    def middle(self) -> float:
        return self.x + self.width / 2


class Arrow(msgspec.Struct):
    """From one box to another (their places in the list). `label` is the box of its words. `points` are filled in by
    `lay_out`: pairs (x, y) where it bends, downwards; where it is `up`, from the target to the source."""

    source: int
    target: int
    label: Box
    up: bool = False
    points: list[tuple[float, float]] = []
    at_label: int = 0
    """The place in `points` of the label's upper edge; the next one is its lower edge."""


class _Place:
    """A box, label or passing arrow in a layer."""

    def __init__(self, box: Box, key: tuple[int, int]) -> None:
        self.box = box
        self.key = key
        self.above: list[_Place] = []
        self.below: list[_Place] = []
        self.centre = 0.0
        self.order = 0
        self.top = self.bottom = 0.0
        """Of the layer."""


def lay_out(boxes: Sequence[Box], arrows: Sequence[Arrow]) -> tuple[float, float]:
    """Fill in all places; the size of the whole. An arrow from a box to itself is not for here."""
    ranks = _ranks(len(boxes), arrows)
    layers: list[list[_Place]] = [[] for _ in range(2 * max(ranks, default=0) + 1)]
    places = [_Place(box, (0, number)) for number, box in enumerate(boxes)]
    for number, place in enumerate(places):
        layers[2 * ranks[number]].append(place)
    ways = [_way(number, arrow, ranks, places, layers) for number, arrow in enumerate(arrows)]
    _order(layers)
    _spread(layers)
    size = _settle(layers)
    _connect(places, arrows, ways)
    return size


def _ranks(count: int, arrows: Sequence[Arrow]) -> list[int]:
    """The layer of each box; marks the arrows that go up. The order of the boxes is the order of their life."""
    for arrow in arrows:
        arrow.up = arrow.target < arrow.source
    ranks = [0] * count
    for lower in range(count):
        for arrow in arrows:
            upper, last = sorted((arrow.source, arrow.target))
            if last == lower:
                ranks[lower] = max(ranks[lower], ranks[upper] + 1)
    return ranks


def _way(
    number: int, arrow: Arrow, ranks: Sequence[int], places: Sequence[_Place], layers: Sequence[list[_Place]]
) -> list[_Place]:
    """The places an arrow passes, from the upper box to the lower one."""
    upper, lower = sorted((arrow.source, arrow.target))
    first, last = 2 * ranks[upper], 2 * ranks[lower]
    # The label stands next to where the arrow begins.
    labelled = last - 1 if arrow.up else first + 1
    way = [places[upper]]
    for layer in range(first + 1, last):
        place = _Place(arrow.label if layer == labelled else Box(2, 0), (1, number))
        layers[layer].append(place)
        way.append(place)
    way.append(places[lower])
    for above, below in itertools.pairwise(way):
        above.below.append(below)
        below.above.append(above)
    return way


# --- the order within layers ------------------------------------------------------------------------------------------


def _order(layers: list[list[_Place]]) -> None:
    for layer in layers:
        _number(layer)
    best, kept = _crossings(layers), [list(layer) for layer in layers]
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        for layer in layers if down else reversed(layers):
            means: dict[_Place, float] = {}
            for place in layer:
                beside = place.above if down else place.below
                means[place] = sum(each.order for each in beside) / len(beside) if beside else place.order
            layer.sort(key=lambda place: (means[place], place.order))
            _number(layer)
        found = _crossings(layers)
        if found < best:
            best, kept = found, [list(layer) for layer in layers]
    for layer, order in zip(layers, kept, strict=True):
        layer[:] = order
        _number(layer)


def _number(layer: list[_Place]) -> None:
    for order, place in enumerate(layer):
        place.order = order


def _crossings(layers: Sequence[Sequence[_Place]]) -> int:
    count = 0
    for layer in layers:
        lines = sorted((place.order, below.order) for place in layer for below in place.below)
        count += sum(1 for n, (a, b) in enumerate(lines) for c, d in lines[n + 1 :] if a < c and b > d)
    return count


# --- where they stand -------------------------------------------------------------------------------------------------


def _spread(layers: Sequence[Sequence[_Place]]) -> None:
    for layer in layers:
        _fit(layer, [0.0] * len(layer))
        for place in layer:
            place.above.sort(key=lambda other: (other.order, other.key))
            place.below.sort(key=lambda other: (other.order, other.key))
    for sweep in range(4 * SWEEPS):
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            _fit(layer, [_wanted(place) for place in layer])


def _wanted(place: _Place) -> float:
    """Where a place would best stand: in the middle of where its arrows meet its neighbours."""
    met = [_port(other, place, other.below) for other in place.above]
    met += [_port(other, place, other.above) for other in place.below]
    return sum(met) / len(met) if met else place.centre


def _port(other: _Place, place: _Place, side: Sequence[_Place]) -> float:
    """Where the arrow from `place` meets a neighbour; arrows meet a box side by side."""
    if other.key[0] == 1:
        return other.centre
    return other.centre + other.box.width * ((side.index(place) + 1) / (len(side) + 1) - 0.5)


def _fit(layer: Sequence[_Place], wanted: Sequence[float]) -> None:
    """The centres nearest to those wanted that keep order and distance: neighbours that would touch move as one block."""
    offsets: list[float] = []
    reached = 0.0
    for number, place in enumerate(layer):
        if number:
            reached += (layer[number - 1].box.width + place.box.width) / 2 + GAP_X
        offsets.append(reached)
    blocks: list[list[float]] = []
    for want, offset, place in zip(wanted, offsets, layer, strict=True):
        weight = 1.0 if place.key[0] == 0 else 2.0
        blocks.append([(want - offset) * weight, weight, 1])
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] > blocks[-1][0] / blocks[-1][1]:
            total, weight, count = blocks.pop()
            blocks[-1] = [blocks[-1][0] + total, blocks[-1][1] + weight, blocks[-1][2] + count]
    number = 0
    for total, weight, count in blocks:
        for _ in range(int(count)):
            layer[number].centre = total / weight + offsets[number]
            number += 1


def _settle(layers: Sequence[Sequence[_Place]]) -> tuple[float, float]:
    left = min((place.centre - place.box.width / 2 for layer in layers for place in layer), default=0.0)
    right, y = 0.0, 0.0
    for layer in layers:
        height = max((place.box.height for place in layer), default=0.0)
        for place in layer:
            box = place.box
            box.x = round(place.centre - box.width / 2 - left, 1)
            if place.key[0] == 1 and not box.height:
                box.height = height  # a passing arrow runs straight through its layer
            box.y = round(y + (height - box.height) / 2, 1)
            place.top, place.bottom = round(y, 1), round(y + height, 1)
            right = max(right, box.x + box.width)
        y += height + GAP_Y
    return right, y - GAP_Y


def _connect(places: Sequence[_Place], arrows: Sequence[Arrow], ways: Sequence[Sequence[_Place]]) -> None:
    """Arrows leave and reach a box side by side, in the order of where they come from."""
    bottoms: dict[_Place, list[int]] = {place: [] for place in places}
    tops: dict[_Place, list[int]] = {place: [] for place in places}
    for number, way in enumerate(ways):
        bottoms[way[0]].append(number)
        tops[way[-1]].append(number)
    starts: dict[int, float] = {}
    ends: dict[int, float] = {}
    for place in places:
        for numbers, found, beside in ((bottoms[place], starts, 1), (tops[place], ends, -2)):
            numbers.sort(key=lambda number: (ways[number][beside].box.middle, number))
            for order, number in enumerate(numbers, 1):
                found[number] = place.box.x + place.box.width * order / (len(numbers) + 1)
    for number, (arrow, way) in enumerate(zip(arrows, ways, strict=True)):
        x = round(starts[number], 1)
        points = [(x, way[0].box.y + way[0].box.height), (x, way[0].bottom)]
        for place in way[1:-1]:
            x, box = round(place.box.middle, 1), place.box
            points += [(x, place.top), (x, box.y)]
            if box is arrow.label:
                arrow.at_label = len(points) - 1
            points += [(x, box.y + box.height), (x, place.bottom)]
        x = round(ends[number], 1)
        arrow.points = [*points, (x, way[-1].top), (x, way[-1].box.y)]
