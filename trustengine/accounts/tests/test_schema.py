import pytest

from trustengine.accounts.tests.factories import UserFactory
from trustengine.testing import api_client_for


@pytest.mark.django_db
def test_the_schema_shows_where_a_bearer_token_is_needed():
    schema = api_client_for().get("/api/schema/", HTTP_ACCEPT="application/vnd.oai.openapi+json").json()

    assert schema["components"]["securitySchemes"]["bearer"]["bearerFormat"] == "JWT"
    assert schema["paths"]["/api/v1/me/"]["get"]["security"] == [{"bearer": []}]
    assert not any(schema["paths"]["/api/v1/auth/token/"]["post"].get("security", []))


@pytest.mark.django_db
def test_me_answers_as_the_schema_says():
    client = api_client_for(UserFactory())
    schema = client.get("/api/schema/", HTTP_ACCEPT="application/vnd.oai.openapi+json").json()

    assert set(client.get("/api/v1/me/").json()) == set(schema["components"]["schemas"]["Me"]["properties"])
