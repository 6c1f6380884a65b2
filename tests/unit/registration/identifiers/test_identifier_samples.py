"""Numbers of our own, right and wrong as those of published test vectors: each is judged as its case says."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from lowsky.registration.identifiers.identifier import MalformedIdentifier
from lowsky.registration.identifiers.schemes import load
from tests.support.samples import SAMPLES

SCHEMES = load(bytes(32))


def cases() -> Iterator[object]:
    """Scheme, number, and what is kept or why not."""
    for path in sorted((SAMPLES / "identifiers").glob("*.json")):
        document = json.loads(path.read_text(encoding="utf-8"))
        for case in document["cases"]:
            name = f"{document['scheme']}: {case['title']}"
            yield pytest.param(document["scheme"], case["text"], case.get("kept"), case.get("reason"), id=name)


@pytest.mark.parametrize(("name", "text", "kept", "reason"), list(cases()))
def test_a_number_of_the_samples_is_judged_as_its_case_says(
    name: str, text: str, kept: str | None, reason: str | None
) -> None:
    scheme = SCHEMES.get(name)
    assert scheme is not None
    if reason is None:
        assert scheme.stored(text, bytes(32)) == kept
    else:
        with pytest.raises(MalformedIdentifier) as caught:
            scheme.stored(text, bytes(32))
        assert caught.value.reason == reason
