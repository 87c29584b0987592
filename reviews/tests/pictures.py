"""Pictures for tests, drawn as they are needed."""

from base64 import b64decode
from io import BytesIO
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from reviews.models import Review, ReviewPhoto
from reviews.services import add_photo
from trustengine.accounts.models import User
from trustengine.testing import api_client_for

# The decoder that is installed cannot write: these were drawn and encoded elsewhere, the first one with metadata.
HEIC = b64decode(
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAhJtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAAEZpbG9j"
    "AAAAAERAAAMAAQAAAAACNgABAAAAAAAAACIAAgAAAAACWAABAAAAAAAAAGAAAwAAAAACuAABAAAAAAAAAD0AAABiaWluZgAAAAAAAwAAABVp"
    "bmZlAgAAAAABAABodmMxAAAAABVpbmZlAgAAAQACAABFeGlmAAAAACppbmZlAgAAAQADAABtaW1lAGFwcGxpY2F0aW9uL3JkZit4bWwAAAAA"
    "AA5waXRtAAAAAAABAAABB2lwcnAAAADmaXBjbwAAAHZodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH//wNwAAADAJAAAAMA"
    "AAMAHroCQGEAAQAqQgEBA3AAAAMAkAAAAwAAAwAeoCCBBZbq5Ka5uAhoMCAAAAMDIAAAAwAhYgABAAZEAcFzwIkAAAATY29scm5jbHgAAQAN"
    "AAaAAAAAFGlzcGUAAAAAAAAAQAAAAEAAAAAoY2xhcAAAADwAAAABAAAAKAAAAAH////8AAAAAv///+gAAAACAAAAEHBpeGkAAAAAAwgICAAA"
    "AAlpcm90AwAAABlpcG1hAAAAAAAAAAEAAQaBAgMFhIYAAAAoaXJlZgAAAAAAAAAOY2RzYwACAAEAAQAAAA5jZHNjAAMAAQABAAAAx21kYXQA"
    "AAAeKAGvGYDuJgF9azT1jnoI26kn0JEw8VQRhK1SZl4gAAAABkV4aWYAAE1NACoAAAAIAAMBDwACAAAAEQAAADIBEgADAAAAAQAGAACIJQAE"
    "AAAAAQAAAEQAAAAATWFrZXIgb2YgY2FtZXJhcwAAAAEAAQACAAAAAk4AAAAAAAAAPHg6eG1wbWV0YSB4bWxuczp4PSdhZG9iZTpuczptZXRh"
    "Lyc+cHJpdmF0ZSB3b3JkczwveDp4bXBtZXRhPg=="
)
HEIC_BURST = b64decode(
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAaxtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAADRpbG9j"
    "AAAAAERAAAIAAQAAAAAB0AABAAAAAAAAABsAAgAAAAAB6wABAAAAAAAAABoAAAA4aWluZgAAAAAAAgAAABVpbmZlAgAAAAABAABodmMxAAAA"
    "ABVpbmZlAgAAAAACAABodmMxAAAAAA5waXRtAAAAAAABAAABBWlwcnAAAADdaXBjbwAAAHZodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNg"
    "AAEAGEABDAH//wNwAAADAJAAAAMAAAMAHroCQGEAAQAqQgEBA3AAAAMAkAAAAwAAAwAeoCCBBZbq5Ka5uAhoMCAAAAMDIAAAAwAhYgABAAZE"
    "AcFzwIkAAAATY29scm5jbHgAAQANAAaAAAAAFGlzcGUAAAAAAAAAQAAAAEAAAAAoY2xhcAAAADAAAAABAAAAIAAAAAH////wAAAAAv///+AA"
    "AAACAAAAEHBpeGkAAAAAAwgICAAAACBpcG1hAAAAAAAAAAIAAQWBAgMFhAACBYECAwWEAAAAPW1kYXQAAAAXKAGvGYDvSaW//+KGH/mta/6/"
    "rWmPm4AAAAAWKAGvGYDvSaW//+MJX/mR+/zutaY+bg=="
)


def picture(kind: str = "JPEG", size: tuple[int, int] = (60, 40), mode: str = "RGB", **options: Any) -> bytes:
    """The bytes of a picture with a gradient; ``options`` go to Pillow's encoder."""
    image = Image.linear_gradient("L").resize(size).convert(mode)
    out = BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def upload(data: bytes, name: str = "photo.jpg", content_type: str = "image/jpeg") -> SimpleUploadedFile:
    """The same as a file of a form."""
    return SimpleUploadedFile(name, data, content_type)


def add(review: Review, size: tuple[int, int] = (60, 40), author: User | None = None) -> ReviewPhoto:
    """A photo that a review's author adds through the service."""
    data = picture(size=size)
    return add_photo(review.pk, author=author or review.author, file=BytesIO(data), size=len(data))[0]


def post(
    review: Review, data: bytes | None = None, *, by: User | None = None, name: str = "photo", **fields: Any
) -> Any:
    """The same over HTTP; the answer."""
    client = api_client_for(by or review.author)
    body = {name: upload(picture() if data is None else data, **fields)}
    return client.post(f"/api/v1/reviews/{review.pk}/photos/", body, format="multipart")
