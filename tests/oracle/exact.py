"""Whether the interiors of two areas meet, in fractions: floats are fractions, so nothing is rounded.

An edge is cut wherever the other area's edges meet it. The interiors meet if and only if the middle of some such part
lies within the other area, or two areas have a common part of an edge with their insides on the same side of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

Exact = tuple[Fraction, Fraction]
Edge = tuple[Exact, Exact]


def interiors_meet(a: Sequence[Sequence[Sequence[float]]], b: Sequence[Sequence[Sequence[float]]]) -> bool:
    """Rings of degrees, shells and holes alike; longitudes in one turn."""
    edges_a, edges_b = _edges(a), _edges(b)
    return _enters(edges_a, edges_b) or _enters(edges_b, edges_a)


def _edges(rings: Sequence[Sequence[Sequence[float]]]) -> list[Edge]:
    edges = []
    for ring in rings:
        points = [(Fraction(float(x)), Fraction(float(y))) for x, y in ring]
        edges += [(p, q) for p, q in zip(points, points[1:] + points[:1], strict=True) if p != q]
    return edges


def _enters(edges: list[Edge], others: list[Edge]) -> bool:
    for p, q in edges:
        cuts = sorted({Fraction(0), Fraction(1), *(t for other in others for t in _cuts((p, q), other))})
        for low, high in pairwise(cuts):
            t = (low + high) / 2
            middle = p[0] + t * (q[0] - p[0]), p[1] + t * (q[1] - p[1])
            on = [other for other in others if _on(middle, other)]
            if not on:
                if _within(middle, others):
                    return True
            elif _side(middle, (p, q), edges) == _side(middle, (p, q), others):
                return True
    return False


def _side(point: Exact, along: Edge, edges: list[Edge]) -> bool:
    """Whether the area lies on the left of a part of its own edge: a point beside it, nearer than any other edge."""
    (px, py), (qx, qy) = along
    normal = py - qy, qx - px
    reach = Fraction(1)
    for r, s in edges:
        hit = _ray(point, normal, (r, s))
        if hit is not None and 0 < hit < reach:
            reach = hit
    beside = point[0] + normal[0] * reach / 2, point[1] + normal[1] * reach / 2
    return _within(beside, edges)


def _within(point: Exact, edges: list[Edge]) -> bool:
    """Even-odd: whether a point that is on no edge is inside."""
    x, y = point
    inside = False
    for (ax, ay), (bx, by) in edges:
        if (ay > y) != (by > y) and x < ax + (y - ay) / (by - ay) * (bx - ax):
            inside = not inside
    return inside


def _cross(a: Exact, b: Exact) -> Fraction:
    return a[0] * b[1] - a[1] * b[0]


def _cuts(edge: Edge, other: Edge) -> list[Fraction]:
    """Where along an edge, from 0 to 1, another meets it."""
    (p, q), (r, s) = edge, other
    step, across = (q[0] - p[0], q[1] - p[1]), (s[0] - r[0], s[1] - r[1])
    turn, to = _cross(step, across), (r[0] - p[0], r[1] - p[1])
    if turn:
        t, u = _cross(to, across) / turn, _cross(to, step) / turn
        return [t] if 0 <= t <= 1 and 0 <= u <= 1 else []
    if _cross(to, step):
        return []
    square = step[0] ** 2 + step[1] ** 2
    places = [((end[0] - p[0]) * step[0] + (end[1] - p[1]) * step[1]) / square for end in other]
    return [t for t in places if 0 <= t <= 1]


def _on(point: Exact, edge: Edge) -> bool:
    (px, py), (qx, qy) = edge
    x, y = point
    if (qx - px) * (y - py) != (qy - py) * (x - px):
        return False
    return min(px, qx) <= x <= max(px, qx) and min(py, qy) <= y <= max(py, qy)


def _ray(point: Exact, direction: Exact, edge: Edge) -> Fraction | None:
    """How many directions away the edge is met; None when it is not, or runs along."""
    r, s = edge
    across, to = (s[0] - r[0], s[1] - r[1]), (r[0] - point[0], r[1] - point[1])
    turn = _cross(direction, across)
    if not turn:
        return None
    t, u = _cross(to, across) / turn, _cross(to, direction) / turn
    return t if 0 <= u <= 1 else None
