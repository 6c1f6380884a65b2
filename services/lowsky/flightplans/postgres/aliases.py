"""What a plan is called for those who may not know whose it is: `operators/-/flightPlans/{alias}`.

The id of a plan is a UUIDv7, which says to the millisecond when it was submitted. Its alias is that id, 16 bytes,
encrypted as one block of AES-256 (FIPS 197) with a key that only the database of the service has: always the same for
a plan, never the same for two, and without the key indistinguishable from random. Whoever has the key gets the id back,
so that an alias needs no column and no index, and ids stay in the order of submission, by which they are stored and
listed.

When a plan is displaced or warned, its operator hears of it at once: that somebody submitted a plan just then shows in
the time of the event, whatever the other plan is called.
"""

from __future__ import annotations

from uuid import UUID

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from lowsky.db.database import Connection
from lowsky.flightplans.domain.plan import ANY_OPERATOR


class Aliases:
    """Those of one key, of 32 bytes."""

    def __init__(self, key: bytes) -> None:
        self._cipher = Cipher(algorithms.AES(key), modes.ECB())  # noqa: S305  # one block, and no two are alike

    @classmethod
    async def kept(cls, connection: Connection) -> Aliases:
        """Those of the database."""
        return cls(await connection.fetchval("SELECT key FROM alias_key"))

    def of(self, plan: str) -> str:
        """The alias of a plan by its id: 32 hexadecimal digits."""
        return self._cipher.encryptor().update(UUID(plan).bytes).hex()

    def name(self, plan: str) -> str:
        """The name, without whose it is, of a plan by its id."""
        return f"{ANY_OPERATOR}/flightPlans/{self.of(plan)}"

    def plan(self, name: str) -> str | None:
        """The id of the plan that such a name would be of, whether or not there is one; None for a name that is of no
        plan for certain."""
        prefix, _, alias = name.rpartition("/")
        try:
            block = bytes.fromhex(alias)
        except ValueError:
            return None
        if prefix != f"{ANY_OPERATOR}/flightPlans" or len(block) != 16:
            return None
        return str(UUID(bytes=self._cipher.decryptor().update(block)))
