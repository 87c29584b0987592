"""What the catalogue, checkout, payments and fulfilment are held to."""

from trustengine import environment as env  # noqa: F401
