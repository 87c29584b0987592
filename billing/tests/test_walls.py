"""Which tables stand behind the wall: all of billing's, but for those that hold no profile's data."""

import pytest
from django.apps import apps
from django.db import connection

# What the marketplace offers, and what outside services allow: nobody's rows.
OPEN = {
    "billing_capacitylease",
    "billing_capacityrefusals",
    "billing_plan",
    "billing_planmeter",
    "billing_planversion",
    "billing_providerendpoint",
}


@pytest.mark.django_db
def test_every_table_of_billing_is_walled_also_for_its_owner_or_open_for_a_reason():
    tables = {model._meta.db_table for model in apps.get_app_config("billing").get_models()}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relname = ANY(%s) AND relrowsecurity AND relforcerowsecurity",
            [list(tables)],
        )
        walled = {name for (name,) in cursor.fetchall()}
        cursor.execute(
            "SELECT tablename FROM pg_policies WHERE policyname = 'past_the_wall' AND with_check IS NOT NULL"
            " AND tablename = ANY(%s)",
            [list(tables)],
        )
        checked = {name for (name,) in cursor.fetchall()}

    assert tables - walled == OPEN
    assert checked == walled
