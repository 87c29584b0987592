import factory

from trustengine.accounts.models import Membership, Profile, User


class UserFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = User
        skip_postgeneration_save = True

    username = factory.Sequence(lambda n: f"user{n}")

    @factory.post_generation
    def customer_profile(self, create, extracted, **kwargs):
        profile = Profile.objects.create(kind="customer", user=self, display_name=self.username)
        Membership.objects.create(user=self, profile=profile, role="owner")


class VendorFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Profile
        skip_postgeneration_save = True

    kind = "vendor"
    display_name = factory.Sequence(lambda n: f"Vendor {n}")
