import pytest

from reviews.tests.moderation_server import moderation_server


@pytest.fixture
def service(settings):
    with moderation_server() as service:
        settings.MODERATION_API_URL = service.url
        settings.MODERATION_API_TIMEOUT_SECONDS = 0.3
        settings.AUTO_APPROVE_MIN_REPUTATION = settings.AUTO_APPROVE_MIN_CONSECUTIVE = 0
        settings.MODERATION_API_DEADLINE_SECONDS = 120
        yield service
