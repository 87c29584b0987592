"""Pictures from strangers, made into pictures of ours: measured, bounded, without anything that is not to be seen."""

import hashlib
import subprocess
import sys
from dataclasses import dataclass
from io import BytesIO
from threading import Lock
from typing import IO

import structlog
from django.conf import settings
from PIL import Image, ImageCms, ImageOps

from reviews import heif_pictures
from reviews.errors import FileTooLarge, FileTypeNotAllowed

logger = structlog.get_logger(__name__)

FORMATS = ("JPEG", "PNG", "WEBP")
HEIF_BOX = b"ftyp"  # HEIC, HEIF and AVIF begin with a box of this type, from the fifth byte on
HEIF_SECONDS = 30
QUALITY = 85
PREVIEW_EDGE = 1_024
TOO_MANY_PIXELS = "The picture has more pixels than allowed."
WHITE = (255, 255, 255)

# A large picture takes up to 16 bytes a pixel while it is decoded (WebP): a process decodes one at a time.
_decoding = Lock()


@dataclass(frozen=True)
class Picture:
    """A picture as it is kept: JPEG, and what was measured of it. ``digest`` is of what was given."""

    data: bytes
    width: int
    height: int
    digest: str


def taken_in(file: IO[bytes], *, size: int) -> Picture:
    """Make a stranger's file of ``size`` bytes into a picture of ours.

    The type is told by the content. Of several frames (a second view, a burst, an animation)
    the first one stays, in HEIF the primary one. Turned as the camera said, in sRGB, transparency
    on white, no wider or higher than ``PHOTO_EDGE``, encoded anew: no metadata, gain map or depth
    is left. Raises FileTooLarge for too many bytes or pixels, FileTypeNotAllowed for what is no
    whole picture of a known format.
    """
    if size > settings.PHOTO_MAX_BYTES:
        raise FileTooLarge
    given = file.read(settings.PHOTO_MAX_BYTES + 1)
    if len(given) > settings.PHOTO_MAX_BYTES:
        raise FileTooLarge
    image = _decoded(_from_heif(given) if given[4:8] == HEIF_BOX else given)
    data = _encoded(image)
    return Picture(data, image.width, image.height, hashlib.sha256(given).hexdigest())


def thumbnail_of(data: bytes) -> bytes:
    """A small version of a picture of ours."""
    with Image.open(BytesIO(data), formats=["JPEG"]) as image:
        return _encoded(_reduced(image.convert("RGB"), settings.THUMBNAIL_EDGE))


def preview_of(data: bytes) -> bytes:
    """A picture that was once taken in, decoded and encoded again: nothing but pixels gets through."""
    with Image.open(BytesIO(data), formats=FORMATS) as image, _decoding:
        return _encoded(_reduced(image.convert("RGB"), PREVIEW_EDGE))


def _decoded(given: bytes) -> Image.Image:
    try:
        with Image.open(BytesIO(given), formats=FORMATS) as image:
            if image.width * image.height > settings.PHOTO_MAX_PIXELS:
                raise FileTooLarge(TOO_MANY_PIXELS)
            edge = settings.PHOTO_EDGE
            with _decoding:
                image.draft("RGB", (edge, edge))  # a JPEG is decoded at a fraction of its size, where that is enough
                image.load()  # all of it, so that what is cut off fails here
                # Made small before anything else: each step after this one would copy all the pixels.
                return _in_srgb(ImageOps.exif_transpose(_reduced(_resizable(image), edge)))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise FileTooLarge(TOO_MANY_PIXELS) from error
    except (FileTooLarge, FileTypeNotAllowed, MemoryError):
        raise
    except Exception as error:  # hostile bytes make decoders fail in any way there is
        logger.info("photo_unreadable", error=type(error).__name__)
        raise FileTypeNotAllowed from error


def _from_heif(given: bytes) -> bytes:
    """A HEIF or AVIF picture as a PNG, decoded in a process that may crash."""
    command = [sys.executable, "-m", "reviews.heif_pictures", str(settings.PHOTO_MAX_PIXELS), str(settings.PHOTO_EDGE)]
    try:
        with _decoding:
            ended = subprocess.run(
                command, input=given, capture_output=True, timeout=HEIF_SECONDS, cwd=settings.BASE_DIR, check=False
            )
    except subprocess.TimeoutExpired as error:
        logger.info("photo_unreadable", error="timeout")
        raise FileTypeNotAllowed from error
    if ended.returncode == heif_pictures.TOO_MANY_PIXELS:
        raise FileTooLarge(TOO_MANY_PIXELS)
    if ended.returncode:
        logger.info("photo_unreadable", error=f"exit code {ended.returncode}")
        raise FileTypeNotAllowed
    return ended.stdout


def _resizable(image: Image.Image) -> Image.Image:
    """The same in a mode whose pixels can be mixed."""
    if image.mode.startswith("I"):  # 16 bits of grey, which a plain conversion would cut off at 255
        return image.point(lambda value: value * (1 / 256)).convert("L")
    if image.mode in {"1", "P", "PA"}:
        return image.convert("RGBA" if image.has_transparency_data else "RGB")
    return image


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
