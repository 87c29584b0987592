"""Pictures from strangers, made into pictures of ours: measured, bounded, without anything that is not to be seen."""

import hashlib
from dataclasses import dataclass
from io import BytesIO
from typing import IO

import structlog
from django.conf import settings
from PIL import Image, ImageCms, ImageOps

from reviews.errors import FileTooLarge, FileTypeNotAllowed

logger = structlog.get_logger(__name__)

FORMATS = ("JPEG", "PNG", "WEBP")
QUALITY = 85
WHITE = (255, 255, 255)


@dataclass(frozen=True)
class Picture:
    """A picture as it is kept: JPEG, and what was measured of it. ``digest`` is of what was given."""

    data: bytes
    width: int
    height: int
    digest: str


def taken_in(file: IO[bytes], *, size: int) -> Picture:
    """Make a stranger's file of ``size`` bytes into a picture of ours.

    The type is told by the content. Turned as the camera said, in sRGB, transparency on
    white, no wider or higher than ``PHOTO_EDGE``, encoded anew: no metadata is left.
    Raises FileTooLarge for too many bytes or pixels, FileTypeNotAllowed for what is no
    whole and still picture.
    """
    if size > settings.PHOTO_MAX_BYTES:
        raise FileTooLarge
    given = file.read(settings.PHOTO_MAX_BYTES + 1)
    if len(given) > settings.PHOTO_MAX_BYTES:
        raise FileTooLarge
    image = _decoded(given)
    data = _encoded(image)
    return Picture(data, image.width, image.height, hashlib.sha256(given).hexdigest())


def thumbnail_of(data: bytes) -> bytes:
    """A small version of a picture of ours."""
    with Image.open(BytesIO(data), formats=["JPEG"]) as image:
        return _encoded(_reduced(image.convert("RGB"), settings.THUMBNAIL_EDGE))


def _decoded(given: bytes) -> Image.Image:
    try:
        with Image.open(BytesIO(given), formats=FORMATS) as image:
            if image.width * image.height > settings.PHOTO_MAX_PIXELS:
                raise FileTooLarge("The picture has more pixels than allowed.")
            if getattr(image, "n_frames", 1) > 1:
                raise FileTypeNotAllowed
            edge = settings.PHOTO_EDGE
            image.draft("RGB", (edge, edge))  # a JPEG is decoded at a fraction of its size, where that is enough
            upright = ImageOps.exif_transpose(image)  # reads all of it, so that what is cut off fails here
            return _reduced(_in_srgb(upright), edge)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise FileTooLarge("The picture has more pixels than allowed.") from error
    except (FileTooLarge, FileTypeNotAllowed, MemoryError):
        raise
    except Exception as error:  # hostile bytes make decoders fail in any way there is
        logger.info("photo_unreadable", error=type(error).__name__)
        raise FileTypeNotAllowed from error


def _in_srgb(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    if profile and image.mode in {"RGB", "CMYK", "L"}:
        try:
            source = ImageCms.ImageCmsProfile(BytesIO(profile))
            converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
        except (ImageCms.PyCMSError, OSError, ValueError):
            converted = None  # a profile that cannot be used is as good as none
        if converted is not None:
            return converted
    if image.has_transparency_data:
        opaque = Image.new("RGB", image.size, WHITE)
        layer = image.convert("RGBA")
        opaque.paste(layer, mask=layer.getchannel("A"))
        return opaque
    return image.convert("RGB")


def _reduced(image: Image.Image, edge: int) -> Image.Image:
    image.thumbnail((edge, edge), Image.Resampling.LANCZOS)
    return image


def _encoded(image: Image.Image) -> bytes:
    image.info.clear()  # Pillow writes a comment or a profile that it finds here
    out = BytesIO()
    image.save(out, "JPEG", quality=QUALITY, optimize=True)
    return out.getvalue()
