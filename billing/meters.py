"""What is metered, in which unit. The names are public and stay."""

from dataclasses import dataclass

MOST = 10**12  # of one event: sums of very many of them still fit


@dataclass(frozen=True)
class Meter:
    """A quantity that a profile uses up in a month."""

    name: str
    title: str
    unit: str


METERS = {
    meter.name: meter
    for meter in (
        Meter("reviews_collected", "Reviews collected", "reviews"),
        Meter("uploaded_bytes", "Uploads", "bytes"),
        Meter("uploaded_pages", "Uploaded pages", "pages"),
        Meter("api_calls", "API calls", "calls"),
        Meter("moderation_tokens", "Moderation by outside services", "tokens"),
    )
}
CHOICES = [(meter.name, meter.title) for meter in METERS.values()]
