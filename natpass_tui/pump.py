"""A thread that works through a queue, and lends the object it works on: the base of parser and decoder threads.

Borrowers go first: Python's locks are not fair, and a flooded worker would keep the lock.
"""

# Why: docs/decisions/024-acknowledged-when-consumed.md

import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

Item = TypeVar("Item")


class PumpThread(ABC, Generic[Item]):
    """A queue and the thread that empties it. The thread starts with the first item and ends with `close`.

    `_change` guards the queue and the counts, `_lock` the lent object; never take the first within the second.

    Args:
        name: the thread's name.
        wake: called from the thread when `_work` returns True.
    """

    def __init__(self, name: str, wake: Callable[[], None]) -> None:
        self._name = name
        self._wake = wake
        self._change = threading.Condition()
        self._lock = threading.Lock()
        self._queue: deque[Item] = deque()
        self._waiting = 0  # the weight of the queue and the current item
        self._borrowers = 0
        self._closed = False
        self._woken = False
        self._thread: threading.Thread | None = None

    @contextmanager
    def _lent(self) -> Iterator[None]:
        """Lend the object for exclusive use."""
        with self._change:
            self._borrowers += 1
        try:
            with self._lock:
                yield
        finally:
            with self._change:
                self._borrowers -= 1
                self._change.notify_all()

    def _put(self, item: Item, weight: int) -> None:
        """Queue an item. Under `_change`."""
        self._queue.append(item)
        self._waiting += weight
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()
        self._change.notify_all()

    def _drop(self) -> None:
        """Drop the queue. Under `_change`."""
        self._queue.clear()
        self._waiting = 0

    def _is_first_wake(self) -> bool:
        """Tell whether `wake` was not called since `_collected`, and has to be called now. Under `_change`."""
        was_woken, self._woken = self._woken, True
        return not was_woken

    def _collected(self) -> None:
        """Allow the next wake: the results were collected. Under `_change`."""
        self._woken = False

    def close(self) -> None:
        """Drop the queue and end the thread. A second call is a no-op."""
        self._end()

    def _end(self) -> bool:
        """Close; return whether this was the first time."""
        with self._change:
            if self._closed:
                return False
            self._closed = True
            self._drop()
            self._change.notify_all()
        if self._thread is not None:
            self._thread.join()
        return True

    def _run(self) -> None:
        while True:
            with self._change:
                while not self._closed and (not self._queue or self._borrowers):
                    self._change.wait()
                if self._closed:
                    return
                item = self._take()
            if self._work(item):
                self._wake()

    def _goes_on(self) -> bool:
        """Let borrowers have the object, between two parts of an item; return False if the thread has to end."""
        with self._change:
            while not self._closed and self._borrowers:
                self._change.wait()
            return not self._closed

    def _take(self) -> Item:
        """Take the next work item from the queue. Under `_change`."""
        return self._queue.popleft()

    @abstractmethod
    def _work(self, item: Item) -> bool:
        """Work on an item, without any lock; return whether to call `wake`."""
