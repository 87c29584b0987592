import pytest
from django.urls import reverse

from trustengine.accounts.erasing import request_erasure
from trustengine.accounts.models import Erasure, User
from trustengine.accounts.tests.factories import StaffFactory, UserFactory
from trustengine.testing import run_due_jobs

pytestmark = pytest.mark.django_db

ERASURES = reverse("admin:accounts_erasure_changelist")


@pytest.fixture(autouse=True)
def quick_hashes(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def operator():
    return StaffFactory(groups=["Operators"])


def erase_page(user):
    return reverse("admin:accounts_user_erase", args=[user.pk])


def test_operators_find_the_page_on_the_users_own_and_confirm_it(client, operator):
    user = UserFactory()
    client.force_login(operator)
    assert erase_page(user) in client.get(reverse("admin:accounts_user_change", args=[user.pk])).content.decode()
    page = client.get(erase_page(user))
    assert "cannot be undone" in page.content.decode()
    assert not Erasure.objects.exists()

    done = client.post(erase_page(user), {"confirmation": "Erase"}, follow=True)

    erasure = Erasure.objects.get()
    assert done.redirect_chain[-1][0] == reverse("admin:accounts_erasure_change", args=[erasure.pk])
    assert (erasure.user, erasure.requested_by) == (user, operator)
    assert "reviews.votes" in done.content.decode()
    assert "has been closed" in client.get(erase_page(user)).content.decode()


@pytest.mark.parametrize("word", ["", "yes"])
def test_without_the_word_nothing_happens(word, client, operator):
    client.force_login(operator)

    answer = client.post(erase_page(UserFactory()), {"confirmation": word})

    assert answer.status_code == 400
    assert not Erasure.objects.exists()


@pytest.mark.parametrize("group", ["Moderators", "Senior moderators", "Finance"])
def test_others_may_not(group, client):
    user = UserFactory()
    client.force_login(StaffFactory(groups=[group]))

    assert client.get(erase_page(user)).status_code == 403
    assert client.post(erase_page(user), {"confirmation": "erase"}).status_code == 403
    assert client.get(ERASURES).status_code == 403
    assert not Erasure.objects.exists()


def test_operators_erase_no_colleagues_superusers_do(client, operator):
    colleague, superuser = StaffFactory(), StaffFactory(is_superuser=True)
    client.force_login(operator)
    assert client.post(erase_page(colleague), {"confirmation": "erase"}).status_code == 403
    assert not Erasure.objects.exists()

    client.force_login(superuser)
    client.post(erase_page(colleague), {"confirmation": "erase"})
    assert Erasure.objects.get().user == colleague


def test_nobody_is_found_by_a_wrong_address(client, operator):
    client.force_login(operator)

    assert client.get(erase_page(User())).status_code == 404


def test_the_list_and_a_page_tell_how_far_it_has_come_at_the_same_cost_for_many(
    client, operator, django_assert_max_num_queries
):
    client.force_login(operator)
    for user in UserFactory.create_batch(6):
        request_erasure(user, actor=user)
    with django_assert_max_num_queries(10):
        assert "requested" in client.get(ERASURES).content.decode()
    run_due_jobs()

    page = client.get(reverse("admin:accounts_erasure_change", args=[Erasure.objects.first().pk])).content.decode()

    assert "accounts.identity" in page
    assert "themselves" in page


def test_an_erased_account_gets_no_new_name_or_password(client):
    user = UserFactory()
    request_erasure(user, actor=None)
    client.force_login(StaffFactory(is_superuser=True))

    client.post(reverse("admin:accounts_user_change", args=[user.pk]), {"username": "back", "is_active": "on"})
    word = {"password1": "correct horse battery", "password2": "correct horse battery", "usable_password": "true"}
    client.post(reverse("admin:auth_user_password_change", args=[user.pk]), word)

    user.refresh_from_db()
    assert (user.username, user.is_active, user.has_usable_password()) == (None, False, False)
