"""Changes of an existing operator: updated, verified, suspended, reinstated, entitled, deregistered."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from lowsky.db.database import Connection
from lowsky.registration.domain.operator import Operator
from lowsky.registration.postgres import AircraftStore, OperatorStore

Move = Callable[[Operator, datetime], None]
"""A change of one operator, at a given time."""


async def move(connection: Connection, name: str, etag: str, make: Move, now: datetime) -> Operator:
    """Locks the operator, compares the etag, makes the change, saves it and emits its event.

    Raises:
        NotFound, StaleEtag, IllegalMove
    """
    store = OperatorStore(connection)
    operator = await store.get(name, lock="UPDATE")
    operator.expect(etag)
    make(operator, now)
    await store.save(operator)
    return operator


async def deregister(connection: Connection, name: str, etag: str, reason: str, now: datetime) -> Operator:
    """Deregisters the operator and retires its aircraft. The operator is locked first, so that no aircraft is added
    meanwhile.

    Raises:
        NotFound, StaleEtag, IllegalMove
    """
    operators, aircraft = OperatorStore(connection), AircraftStore(connection)
    operator = await operators.get(name, lock="UPDATE")
    operator.expect(etag)
    operator.deregister(reason, now)
    fleet = await aircraft.active_of(operator.name)
    for one in fleet:
        one.retire(now)
    await operators.save(operator)
    await aircraft.save(*fleet)
    return operator
