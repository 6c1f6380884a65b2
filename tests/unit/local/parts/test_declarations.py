from pathlib import Path

import pytest

from lowsky.local.errors import StackError
from lowsky.local.parts.services import ISSUER, SERVICES
from lowsky.local.parts.topics import declared_topics

DLQ = "".join(f'[{kind}]\npartitions = 1\ncleanup_policy = "delete"\n' for kind in ("dlq", "retry"))
TOPIC = '[[topic]]\nname = "a"\npartitions = 2\ncleanup_policy = "compact"\ngroups = ["g"]\n'


def test_every_group_of_a_topic_has_topics_for_dead_letters_and_their_replay(tmp_path: Path) -> None:
    (tmp_path / "topics.toml").write_text(DLQ + TOPIC)
    topics = declared_topics("p.", tmp_path / "topics.toml")
    assert [(topic.name, topic.partitions, dict(topic.configs)) for topic in topics] == [
        ("p.a", 2, {"cleanup.policy": "compact"}),
        ("p.a.g.dlq", 1, {"cleanup.policy": "delete"}),
        ("p.a.g.retry", 1, {"cleanup.policy": "delete"}),
    ]


def test_a_topic_declared_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "topics.toml").write_text(DLQ + TOPIC + TOPIC)
    with pytest.raises(StackError, match="twice"):
        declared_topics(declaration=tmp_path / "topics.toml")


def test_a_prefix_that_makes_names_too_long_is_refused() -> None:
    with pytest.raises(StackError, match="249"):
        declared_topics("p" * 240)


def test_projections_are_fed_by_compacted_topics() -> None:
    declared = [topic for topic in declared_topics() if not topic.name.endswith((".dlq", ".retry"))]
    policies = {topic.name: topic.configs["cleanup.policy"] for topic in declared}
    assert policies == {
        "lowsky.operators.v1": "compact",
        "lowsky.geozones.v1": "compact",
        "lowsky.authorities.v1": "compact",
        "lowsky.flight-plans.v1": "delete",
        "lowsky.approvals.v1": "delete",
    }


def test_geozones_are_totally_ordered() -> None:
    assert {topic.name: topic.partitions for topic in declared_topics()}["lowsky.geozones.v1"] == 1


def test_services_have_names_of_their_own() -> None:
    names = [service.name for service in (*SERVICES, ISSUER)]
    assert len(set(names)) == len(names)
    assert {service.target_variable for service in SERVICES} >= {"LOWSKY_FLIGHTPLANS_TARGET"}
