"""The same done by many at once, and how fast it went."""

import threading
from collections.abc import Callable, Sequence

from django.db import connection

from trustengine.accounts.models import User
from trustengine.devtools.bench.rounds import stopwatch


def per_second(do: Callable[[User], object], people: Sequence[User], threads: int) -> float:
    """How many of these people a second did it, in so many threads that begin together. Raises what one of them did."""
    ready = threading.Barrier(threads + 1)
    failures: list[Exception] = []

    def take_turns(share: Sequence[User]) -> None:
        try:
            connection.ensure_connection()
            ready.wait()
            for person in share:
                do(person)
        except Exception as error:  # raised again by the main thread
            ready.abort()
            failures.append(error)
        finally:
            connection.close()

    workers = [threading.Thread(target=take_turns, args=(people[number::threads],)) for number in range(threads)]
    for worker in workers:
        worker.start()
    ready.wait()
    with stopwatch() as watch:
        for worker in workers:
            worker.join()
    if failures:
        raise failures[0]
    return watch.per_second(len(people))
