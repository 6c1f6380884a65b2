import secrets

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from lowsky.local.errors import StackError
from lowsky.local.parts.topics import Topic, TopicDifference, create_topics, declared_topics
from lowsky.local.stack import Stack


async def _partitions(bootstrap: str, prefix: str) -> dict[str, int]:
    client = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await client.start()
    try:
        topics = await client.describe_topics()
        return {found["topic"]: len(found["partitions"]) for found in topics if found["topic"].startswith(prefix)}
    finally:
        await client.close()


async def test_a_started_stack_has_every_declared_topic(stack: Stack) -> None:
    found = await _partitions(stack.kafka_bootstrap, "lowsky.")
    assert found == {topic.name: topic.partitions for topic in declared_topics()}


async def test_creating_twice_changes_nothing(stack: Stack) -> None:
    outcome = await create_topics(stack.kafka_bootstrap)
    assert outcome.created == ()
    assert outcome.differences == ()
    assert set(outcome.existing) == {topic.name for topic in declared_topics()}


async def test_a_prefix_keeps_test_runs_apart(stack: Stack) -> None:
    prefix = f"t{secrets.token_hex(4)}."
    outcome = await create_topics(stack.kafka_bootstrap, prefix)
    assert set(outcome.created) == {f"{prefix}{topic.name}" for topic in declared_topics()}
    assert set(await _partitions(stack.kafka_bootstrap, prefix)) == set(outcome.created)


async def test_what_differs_is_told_and_left_as_it_is(stack: Stack) -> None:
    name = f"t{secrets.token_hex(4)}"
    await create_topics(stack.kafka_bootstrap, topics=[Topic(name, 2, {"cleanup.policy": "delete"})])
    outcome = await create_topics(stack.kafka_bootstrap, topics=[Topic(name, 3, {"cleanup.policy": "compact"})])
    assert outcome.differences == (
        TopicDifference(name, "partitions", "3", "2"),
        TopicDifference(name, "cleanup.policy", "compact", "delete"),
    )
    assert (await _partitions(stack.kafka_bootstrap, name))[name] == 2


async def test_a_setting_that_kafka_does_not_know_is_refused_with_the_topics_name(stack: Stack) -> None:
    with pytest.raises(StackError, match="Kafka refuses topic t-bad-setting"):
        await create_topics(stack.kafka_bootstrap, topics=[Topic("t-bad-setting", 1, {"cleanup.policy": "burn"})])
