"""What tests of the seals share: a sealed log, and an owner of its tables who gets past its triggers."""

from contextlib import contextmanager

from django.db import connection, transaction

from trustengine.audit import sealing
from trustengine.audit.models import Entry, Seal, Unsealed
from trustengine.audit.services import record
from trustengine.audit.verification import verify

ABOUT = ("shop.thing", 7)


def sealed_log(monkeypatch, *, seals=3, entries=2):
    """So many seals of so many entries each; the entries, in order."""
    monkeypatch.setattr(sealing, "ENTRIES_PER_SEAL", entries)
    made = [record("thing.made", ABOUT, after={"n": n}) for n in range(seals * entries)]
    for _ in range(seals):
        sealing.seal_batch()
    assert Seal.objects.count() == seals
    return made


@contextmanager
def past_the_triggers():
    """A cursor for which no trigger of the log fires, as the owner of its tables can have it."""
    tables = [model._meta.db_table for model in (Entry, Seal, Unsealed)]
    with transaction.atomic(), connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        yield cursor
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def tamper(sql, parameters=()):
    with past_the_triggers() as cursor:
        cursor.execute(sql, parameters)
        assert cursor.rowcount > 0, "the tampering changed nothing"


def findings(**options):
    """Each problem by its kind, the seal's number and the entry."""
    return [(problem.kind, problem.seal, problem.entry) for problem in verify(**options).problems]


def forged(**values):
    """An entry's copy under a new id, inserted with triggers switched off; its id."""
    entry = Entry(verb="forged", object_type="shop.thing", object_id="7", actor_kind="system", **values)
    with past_the_triggers():
        entry.save(force_insert=True)
    return entry.pk
