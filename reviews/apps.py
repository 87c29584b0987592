from django.apps import AppConfig
from django.db.models.signals import post_migrate


class ReviewsConfig(AppConfig):
    name = "reviews"

    def ready(self) -> None:
        from reviews import setup_checks  # noqa: F401
        from reviews.seeds import seed_endpoint, seed_policy

        post_migrate.connect(seed_policy, sender=self, dispatch_uid="screening-policy")
        post_migrate.connect(seed_endpoint, sender=self, dispatch_uid="moderation-endpoint")
