"""Patterns: a small language whose matching cannot take long, and nothing beyond it."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lowsky.registration.identifiers.identifier_patterns import LENGTH_MAX, BadPattern, pattern_of


@pytest.mark.parametrize(
    ("text", "lengths", "good", "bad"),
    [
        ("[A-Z]{3}", (3, 3), ["ABC"], ["AB", "ABCD", "abc", "AB\N{GREEK CAPITAL LETTER BETA}", "ABC\n"]),
        ("UAS(?P<number>[0-9]{8})", (11, 11), ["UAS00000003"], ["UAS0000000\N{FULLWIDTH DIGIT THREE}"]),
        ("G-[A-Z]{4}", (6, 6), ["G-ABCD"], ["G ABCD"]),
        ("(?P<a>[0-9]{2})-?(?P<b>X)", (3, 4), ["12X", "12-X"], ["12--X", "1-X"]),
        ("[0-9A-Za-z][0-9A-Za-z./_-]{0,49}", (1, 50), ["a", "a-./_"], ["-a", ".", "a b"]),
        ("[.]a", (2, 2), [".a"], ["xa"]),
    ],
)
def test_a_pattern_matches_the_whole_text_and_knows_its_lengths(
    text: str, lengths: tuple[int, int], good: list[str], bad: list[str]
) -> None:
    pattern = pattern_of(text)
    assert (pattern.length_min, pattern.length_max) == lengths
    assert all(pattern.parts(one) is not None for one in good)
    assert not any(pattern.parts(one) is not None for one in bad)


@pytest.mark.parametrize(
    "text",
    [
        *("", ".", "a*", "a+", "(a|b)", "a|b", r"\d", "[^a]", "(?:a)", "^a$", "(a)", "(?P<x>(?P<y>a))", "(?P<x>a){2}"),
        *("[a", "[]", "[z-a]", "a{0}", "a{3,2}", "a{,3}", "a{100}", "a{65}", "(?P<x>a)(?P<x>b)", "a{2}{2}", "a??"),
        *("a?b?c?", "[ä]", "[0-9]{60}[a-z]{5}", "(?P<X>a)", "a\n"),
    ],
)
def test_what_is_not_of_the_language_is_no_pattern(text: str) -> None:
    with pytest.raises(BadPattern):
        pattern_of(text)


@given(st.text(alphabet="ab{}[]()?P<>-0123456789,|*+.\\^$", max_size=30))
def test_whatever_is_taken_for_a_pattern_is_one_with_a_longest_match(text: str) -> None:
    try:
        pattern = pattern_of(text)
    except BadPattern:
        return
    assert 1 <= pattern.length_max <= LENGTH_MAX
    assert re.compile("".join(segment.source for segment in pattern.segments)).fullmatch("\n" * 5) is None
    assert pattern.parts("a" * (LENGTH_MAX + 1)) is None


def test_the_slowest_pattern_that_there_can_be_is_fast() -> None:
    pattern = pattern_of("a{0,31}a{0,31}[bc]")
    began = time.thread_time()
    for _ in range(100):
        assert pattern.parts("a" * 63) is None
    assert time.thread_time() - began < 5, "62² steps each: milliseconds; a pattern that blows up would take hours"


def test_the_same_pattern_with_some_groups_only() -> None:
    public = pattern_of("(?P<a>[0-9]{2})-?(?P<secret>[a-z]{3})").only(("a",))
    assert public.parts("12") == {"a": "12"}
    assert public.parts("12-abc") is None
