"""Creates the declared topics, and says where existing ones differ from their declaration."""

import asyncio
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAlreadyExistsError, for_code

from lowsky.events.dead_letters.record_format import dead_letters_of, retry_of
from lowsky.local.errors import StackError

DECLARATION = Path(__file__).parent / "topics.toml"
TOPIC_NAME_CHARS_MAX = 249
"""Kafka's own limit: the name becomes a folder's."""

VISIBLE_S_MAX = 30
"""A created topic reaches the brokers' metadata shortly after."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as declared."""

    name: str
    partitions: int
    configs: Mapping[str, str] = field(default_factory=dict)
    """Topic settings as Kafka spells them, the cleanup policy among them."""


@dataclass(frozen=True, slots=True)
class TopicDifference:
    """Where an existing topic is not what is declared. It is said, not mended: changing partitions breaks key order."""

    topic: str
    setting: str
    declared: str
    actual: str

    def __str__(self) -> str:
        return f"{self.topic}: {self.setting} is {self.actual}, declared is {self.declared}"


@dataclass(frozen=True, slots=True)
class TopicChanges:
    """What `create_topics` did and found."""

    created: tuple[str, ...]
    existing: tuple[str, ...]
    differences: tuple[TopicDifference, ...]


def declared_topics(prefix: str = "", declaration: Path = DECLARATION) -> tuple[Topic, ...]:
    """All topics of the declaration, those of dead letters and of their replay included, their names prefixed."""
    with declaration.open("rb") as file:
        document = tomllib.load(file)
    topics: list[Topic] = []
    for entry in document["topic"]:
        topics.append(_topic(f"{prefix}{entry['name']}", entry))
        for group in entry.get("groups", ()):
            topics.append(_topic(dead_letters_of(f"{prefix}{entry['name']}", group), document["dlq"]))
            topics.append(_topic(retry_of(f"{prefix}{entry['name']}", group), document["retry"]))
    names = [topic.name for topic in topics]
    if len(set(names)) != len(names):
        raise StackError(f"{declaration} declares a topic twice")
    if longest := [name for name in names if len(name) > TOPIC_NAME_CHARS_MAX]:
        raise StackError(f"topic names of more than {TOPIC_NAME_CHARS_MAX} characters: {longest}; shorten the prefix")
    return tuple(topics)


def _topic(name: str, entry: Mapping[str, Any]) -> Topic:
    configs = {"cleanup.policy": entry["cleanup_policy"], **entry.get("configs", {})}
    return Topic(name, entry["partitions"], {key: str(value) for key, value in configs.items()})


async def create_topics(
    bootstrap: str, prefix: str = "", topics: Sequence[Topic] | None = None, *, replication_factor: int = 1
) -> TopicChanges:
    """Creates what is missing and compares the rest; safe to repeat and to run twice at once.

    Returns when every declared topic is in the brokers' metadata. Raises StackError if a topic is refused.
    """
    wanted = {topic.name: topic for topic in (declared_topics(prefix) if topics is None else topics)}
    client = AIOKafkaAdminClient(bootstrap_servers=bootstrap, client_id="lowsky-topics")
    await client.start()
    try:
        present = set(await client.list_topics())
        missing = [topic for name, topic in wanted.items() if name not in present]
        created = await _create(client, missing, replication_factor)
        partitions = await _visible_partitions(client, set(wanted))
        existing = [topic for name, topic in wanted.items() if name not in created]
        differences = await _differences(client, existing, partitions)
    finally:
        await client.close()
    return TopicChanges(created, tuple(topic.name for topic in existing), tuple(differences))


async def _create(client: AIOKafkaAdminClient, topics: Sequence[Topic], replication_factor: int) -> tuple[str, ...]:
    if not topics:
        return ()
    new = [
        NewTopic(topic.name, topic.partitions, replication_factor, topic_configs=dict(topic.configs))
        for topic in topics
    ]
    response = await client.create_topics(new, timeout_ms=30_000)
    created: list[str] = []
    for name, code, *detail in response.topic_errors:
        # Somebody else creating it at the same moment is as good.
        if code == 0:
            created.append(name)
        elif for_code(code) is not TopicAlreadyExistsError:
            raise StackError(f"Kafka refuses topic {name}: {for_code(code).__name__} {detail[0] if detail else ''}")
    return tuple(created)


async def _visible_partitions(client: AIOKafkaAdminClient, names: set[str]) -> dict[str, int]:
    """Partition counts, once all topics are known to the brokers."""
    async with asyncio.timeout(VISIBLE_S_MAX):
        while True:
            described = await client.describe_topics()
            found = {entry["topic"]: len(entry["partitions"]) for entry in described if entry["topic"] in names}
            if len(found) == len(names):
                return found
            await asyncio.sleep(0.05)


async def _differences(
    client: AIOKafkaAdminClient, topics: Sequence[Topic], partitions: Mapping[str, int]
) -> list[TopicDifference]:
    if not topics:
        return []
    found = [
        TopicDifference(topic.name, "partitions", str(topic.partitions), str(partitions[topic.name]))
        for topic in topics
        if partitions[topic.name] != topic.partitions
    ]
    declared = {topic.name: topic.configs for topic in topics}
    resources = [ConfigResource(ConfigResourceType.TOPIC, topic.name, dict(topic.configs)) for topic in topics]
    for response in await client.describe_configs(resources):
        for _code, _message, _kind, name, entries in response.resources:
            actual = {entry[0]: entry[1] for entry in entries}
            for setting, value in declared[name].items():
                if actual.get(setting) != value:
                    found.append(TopicDifference(name, setting, value, str(actual.get(setting))))
    return found
