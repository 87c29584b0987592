from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from trustengine.accounts.tests.factories import StaffFactory
from trustengine.audit.models import Seal, Verification
from trustengine.audit.tests.tampering import sealed_log, tamper
from trustengine.audit.verification import keep, verify

pytestmark = pytest.mark.django_db


@pytest.fixture
def reader(client):
    client.force_login(StaffFactory(permissions=["audit.view_seal", "audit.view_verification"]))
    return client


def card(client):
    return next(card for card in client.get(reverse("admin:index")).context["cards"] if card.title == "Audit log")


def test_the_home_page_says_up_to_which_seal_the_log_was_verified(reader, monkeypatch):
    sealed_log(monkeypatch)
    assert card(reader).note == "Not verified yet."

    keep(verify())

    shown = card(reader)
    assert (shown.value, shown.note, shown.urgent) == ("Intact", "Last verified: seal 3, just now", False)


def test_the_home_page_alarms_where_tampering_was_found(reader, monkeypatch):
    entries = sealed_log(monkeypatch)
    tamper("DELETE FROM audit_entry WHERE id = %s", [entries[0].pk])
    verification = keep(verify())

    assert (card(reader).value, card(reader).urgent) == ("1 problem", True)
    page = reader.get(reverse("admin:audit_verification_change", args=[verification.pk])).content.decode()
    assert f"entry {entries[0].pk} (seal 1) is gone" in page


def test_the_home_page_alarms_where_nobody_has_verified_for_days(reader, monkeypatch):
    sealed_log(monkeypatch)
    keep(verify())
    Verification.objects.update(at=timezone.now() - timedelta(days=3))

    assert card(reader).urgent
    assert card(reader).note == "Last verified: seal 3, 3 days ago"


def test_seals_are_listed_and_opened_and_cannot_be_changed(reader, monkeypatch):
    sealed_log(monkeypatch)
    seal = Seal.objects.get(number=2)
    address = reverse("admin:audit_seal_change", args=[seal.pk])

    listed = reader.get(reverse("admin:audit_seal_changelist"), {"q": "2"})
    opened = reader.get(address)

    assert [found.number for found in listed.context["cl"].result_list] == [2]
    assert bytes(seal.previous_hash).hex() in opened.content.decode()
    assert reader.post(address, {"number": 5}).status_code == 403
