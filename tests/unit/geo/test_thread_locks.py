from __future__ import annotations

import asyncio
import threading

import numpy as np
import pytest
import shapely

from lowsky.geo.thread_locks import InUse, locked
from lowsky.geofence.areas import AreaIndex, StatedArea


def test_a_thread_waits_for_another() -> None:
    lock = threading.Lock()
    lock.acquire()
    threading.Timer(0.05, lock.release).start()
    with locked(lock):
        assert lock.locked()
    assert not lock.locked()


async def test_an_event_loop_never_waits_for_a_thread() -> None:
    index = AreaIndex([StatedArea("authorities/tower", "The tower", shapely.box(0, 0, 1, 1))])
    outlines = np.array([shapely.box(0.2, 0.2, 0.3, 0.3)], dtype=np.object_)
    index._lock.acquire()
    with pytest.raises(InUse):
        index.meeting(outlines)
    asked = asyncio.create_task(asyncio.to_thread(index.meeting, outlines))
    await asyncio.sleep(0.05)
    assert not asked.done()
    index._lock.release()
    _, _, inside = await asked
    assert inside.tolist() == [True]
    assert len(index.meeting(outlines)[0]) == 1
