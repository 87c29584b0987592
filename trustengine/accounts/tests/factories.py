"""Users, vendors and members for the tests of every app."""

from typing import Any

import factory
from django.contrib.auth.models import Group, Permission
from factory.django import DjangoModelFactory

from trustengine.accounts.models import Membership, Profile, User


class UserFactory(DjangoModelFactory):
    """A customer: a user with a customer profile that is their own.

    ``password`` makes an account that can sign in; ``groups`` names groups of staff,
    ``permissions`` single ones as ``app.codename``.
    """

    class Meta:
        model = User
        skip_postgeneration_save = True

    subject = factory.Sequence(lambda number: f"customer-{number}")

    @classmethod
    def _create(cls, model_class: Any, *args: Any, password: str | None = None, **fields: Any) -> User:
        user: User = model_class(*args, **fields)
        user.set_password(password)
        user.save()
        return user

    @factory.post_generation
    def display_name(self, create: bool, name: str | None, **kwargs: Any) -> None:
        if not create:
            return
        profile = Profile.objects.create(
            kind=Profile.Kind.CUSTOMER, user=self, display_name="Ada" if name is None else name
        )
        Membership.objects.create(user=self, profile=profile, role=Membership.Role.OWNER)

    @factory.post_generation
    def groups(self, create: bool, names: list[str] | None, **kwargs: Any) -> None:
        for name in names or []:
            self.groups.add(Group.objects.get(name=name))

    @factory.post_generation
    def permissions(self, create: bool, names: list[str] | None, **kwargs: Any) -> None:
        for name in names or []:
            app, codename = name.split(".")
            self.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))


class StaffFactory(UserFactory):
    """Somebody who may open the admin site."""

    username = factory.Sequence(lambda number: f"staff-{number}")
    is_staff = True


class VendorFactory(DjangoModelFactory):
    """A vendor profile; ``owner`` names its owner, else it has none."""

    class Meta:
        model = Profile
        skip_postgeneration_save = True

    kind = Profile.Kind.VENDOR
    display_name = factory.Sequence(lambda number: f"Vendor {number}")

    @factory.post_generation
    def owner(self, create: bool, user: User | None, **kwargs: Any) -> None:
        if user is not None:
            Membership.objects.create(user=user, profile=self, role=Membership.Role.OWNER)


class MembershipFactory(DjangoModelFactory):
    class Meta:
        model = Membership

    user = factory.SubFactory(UserFactory)
    profile = factory.SubFactory(VendorFactory)
    role = Membership.Role.VIEWER
