"""Aliases: names of plans for callers that may not know their operators: `operators/-/flightPlans/{alias}`.

The id of a plan is a UUIDv7, which reveals the time of its submission to the millisecond. Its alias is that id, 16
bytes, encrypted as one block of AES-256 (FIPS 197) with a key that only the database of the service has: it is constant
for a plan, unique, and without the key indistinguishable from random. With the key the id can be decrypted, so that an
alias needs no column and no index, and ids stay in the order of submission, in which plans are stored and listed.

The operator of a displaced or warned plan is notified at once: the time of that event reveals when the other plan was
submitted, which no alias can hide.
"""

from __future__ import annotations

from uuid import UUID

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from lowsky.db.database import Connection
from lowsky.flightplans.domain.plan import ANY_OPERATOR


class Aliases:
    """The aliases under one key of 32 bytes."""

    def __init__(self, key: bytes) -> None:
        self._cipher = Cipher(algorithms.AES(key), modes.ECB())  # noqa: S305  # a single block each, and all different

    @classmethod
    async def kept(cls, connection: Connection) -> Aliases:
        """The aliases under the key stored in the database."""
        return cls(await connection.fetchval("SELECT key FROM alias_key"))

    def of(self, plan: str) -> str:
        """The alias of a plan by its id: 32 hexadecimal digits."""
        return self._cipher.encryptor().update(UUID(plan).bytes).hex()

    def name(self, plan: str) -> str:
        """The name of a plan by its id, without its operator."""
        return f"{ANY_OPERATOR}/flightPlans/{self.of(plan)}"

    def plan(self, name: str) -> str | None:
        """The id that an alias name stands for, whether or not such a plan exists; None if the name is not an alias."""
        prefix, _, alias = name.rpartition("/")
        try:
            block = bytes.fromhex(alias)
        except ValueError:
            return None
        if prefix != f"{ANY_OPERATOR}/flightPlans" or len(block) != 16:
            return None
        return str(UUID(bytes=self._cipher.decryptor().update(block)))
