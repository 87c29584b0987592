"""Whatever the API document allows, and what it forbids, is answered as the document says.

schemathesis makes requests from the document, valid and invalid ones, and holds each
answer against it: no 5xx, no undocumented status, header, media type or shape.
"""

from typing import Any, NamedTuple

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from orders.services import put_in_cart
from orders.tests.factories import ProductFactory
from reports.services.appeals import appeal
from reports.services.looking_back import look_back
from reports.tests.factories import decided, reported, senior
from reviews.models import Review
from reviews.tests.factories import approved_review, delivered_purchase, pending_review
from trustengine.accounts.models import Membership, User
from trustengine.accounts.tests.factories import UserFactory
from trustengine.testing import bearer
from trustengine.wsgi_request import Utf8Handler

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EXAMPLES = 20

document = schemathesis.openapi.from_dict(SchemaGenerator().get_schema(request=None, public=True))
document.app = Utf8Handler()
OPERATIONS = {result.ok().label: result.ok() for result in document.get_all_operations()}


class World(NamedTuple):
    """Somebody who buys, reviews and sells, what they may meet at which addresses, and what they may review.

    Moderators have a token of their own.
    """

    token: str
    staff: str
    rows: dict[str, list[Any]]
    purchase: dict[str, str]

    def places(self, label: str) -> list[str]:
        """Ids for the path of an operation: ``reviews`` for ``GET /api/v1/reviews/{id}/``."""
        _, first, second = label.split("/")[2:5]
        return [str(row.pk) for row in self.rows.get(second if first == "moderation" else first, [])]

    def caller(self, label: str) -> str:
        return self.staff if "/moderation/" in label or "/staff/" in label else self.token

    def enter(self, case: Any, place: str | None) -> None:
        """Put what exists into a request in place of what was made up."""
        if place and "id" in case.path_parameters:
            case.path_parameters["id"] = place
        for part in (case.body, case.query):
            if isinstance(part, dict):
                part.update({name: value for name, value in self.purchase.items() if name in part})


@pytest.fixture
def kept_connection(db):
    """The connection with the test's transaction, which Django would close around a real request."""
    signals = [request_started, request_finished]
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)


def moderated(reporter: User, review: Review) -> dict[str, list[Any]]:
    """What moderators meet: a report that waits, a decision with an appeal, a proposal, a look back."""
    waiting, settled = reported(review, reporter=reporter), reported(reporter=reporter)
    decision = decided(settled.case, "dismiss", "no_violation")
    made = appeal(decision.pk, appellant=reporter, text="Please look again.")
    proposed = reported(reason="illegal")
    return {
        "reports": [waiting, settled],
        "cases": [waiting.case, settled.case],
        "decisions": [decision],
        "appeals": [made],
        "proposals": [decided(proposed.case, "suspend", "illegal")],
        "authors": [review.author],
        "look-backs": [look_back(proposed.case.author_id, moderator=senior(), reason="fake")],
    }


@pytest.fixture
def world(kept_connection, settings) -> World:
    for limit in ("VOTES_PER_MINUTE", "REVIEW_WRITES_PER_MINUTE", "CHECKOUTS_PER_MINUTE", "REPORTS_PER_MINUTE"):
        setattr(settings, limit, 1_000_000)  # a limit would answer in place of what is behind it
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # hundreds of attempts to sign in
    user = UserFactory()
    unsold, sold = ProductFactory(), ProductFactory()
    Membership.objects.create(user=user, profile=sold.vendor, role=Membership.Role.MANAGER)
    bought, to_fulfil = delivered_purchase(user), delivered_purchase(product=sold)
    own, other = approved_review(delivered_purchase(user)), approved_review()
    put_in_cart(unsold.pk, quantity=2, actor=user)
    rows = {
        "products": [unsold, sold, own.product],
        "cart": [unsold, sold],
        "orders": [bought.order, to_fulfil.order],
        "reviews": [own, other, pending_review(), approved_review(delivered_purchase(product=sold))],
        "vendor": [to_fulfil, bought, sold],
        **moderated(user, other),
    }
    return World(
        bearer(user), bearer(senior()), rows, {"product": str(bought.product_id), "order": str(bought.order_id)}
    )


@pytest.mark.parametrize("mode", GenerationMode, ids=lambda mode: mode.value)
@pytest.mark.parametrize("label", OPERATIONS)
def test_every_answer_is_documented(world, label, mode):
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(
        case=OPERATIONS[label].as_strategy(mode),
        place=st.sampled_from(world.places(label) or [None]),
        real=st.integers(0, 3).map(bool),
        authorization=st.sampled_from([world.caller(label)] * 6 + [None, "Bearer forged", world.token]),
    )
    def ask(case, place, real, authorization):
        if real:
            world.enter(case, place)
        with transaction.atomic():
            case.call_and_validate(checks=CHECKS, headers={"Authorization": authorization} if authorization else {})
            transaction.set_rollback(True)  # each example meets the same world

    ask()
