import pytest
from django.contrib.auth.models import Group

from orders.models import VendorTerms
from orders.services.terms import set_fee
from trustengine.accounts.models import User
from trustengine.accounts.tests.factories import UserFactory, VendorFactory
from trustengine.audit.models import Entry
from trustengine.errors import InvalidInput, NotFound, PermissionDenied

pytestmark = pytest.mark.django_db


def finance():
    user, _ = User.objects.get_or_create(username="finn", is_staff=True)
    user.groups.add(Group.objects.get(name="Finance"))
    return user


def test_a_fee_is_set_and_recorded_once():
    vendor, actor = VendorFactory(), finance()
    set_fee(vendor.pk, fee_bps=900, actor=actor)
    set_fee(vendor.pk, fee_bps=900, actor=actor)

    assert VendorTerms.objects.get(profile=vendor).fee_bps == 900
    (entry,) = Entry.objects.filter(verb="vendor_terms.fee_set")
    assert (entry.before, entry.after) == ({"fee_bps": None}, {"fee_bps": 900})


def test_the_default_is_a_fee_that_is_not_set():
    vendor = VendorFactory()
    set_fee(vendor.pk, fee_bps=900, actor=None)
    set_fee(vendor.pk, fee_bps=None, actor=None)

    assert VendorTerms.objects.get(profile=vendor).fee_bps is None


def test_who_may_not_set_fees_is_refused_and_so_is_what_is_no_fee():
    vendor = VendorFactory()
    with pytest.raises(PermissionDenied):
        set_fee(vendor.pk, fee_bps=1, actor=UserFactory(is_staff=True))
    with pytest.raises(InvalidInput):
        set_fee(vendor.pk, fee_bps=10_001, actor=finance())
    with pytest.raises(NotFound):
        set_fee(UserFactory().customer_profile.pk, fee_bps=1, actor=finance())


def test_finance_changes_a_fee_in_the_console(client):
    vendor = VendorFactory()
    VendorTerms.objects.create(profile=vendor)
    client.force_login(finance())
    page = f"/admin/orders/vendorterms/{vendor.pk}/change/"

    assert client.get("/admin/orders/vendorterms/").status_code == 200
    assert client.get(page).status_code == 200
    assert client.post(page, {"fee_bps": "1250"}).status_code == 302

    assert VendorTerms.objects.get(profile=vendor).fee_bps == 1_250
    assert Entry.objects.filter(verb="vendor_terms.fee_set").count() == 1


def test_others_see_no_fees_in_the_console(client):
    user = UserFactory(is_staff=True, username="finn")
    user.groups.add(Group.objects.get(name="Moderators"))
    client.force_login(user)

    assert client.get("/admin/orders/vendorterms/").status_code == 403
