"""What becomes of a stranger's file."""

import zlib
from io import BytesIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from reviews.errors import FileTooLarge, FileTypeNotAllowed
from reviews.imaging import taken_in, thumbnail_of
from reviews.tests.pictures import picture


def take(data):
    return taken_in(BytesIO(data), size=len(data))


def opened(data):
    return Image.open(BytesIO(data))


def chunk(kind, data):
    body = kind + data
    return len(data).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")


def png(width, height, *chunks):
    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 2, 0, 0, 0])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(chunks) + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_the_type_is_told_by_the_content_and_what_is_kept_is_jpeg(kind):
    kept = take(picture(kind))

    assert (kept.width, kept.height) == (60, 40)
    assert opened(kept.data).format == "JPEG"
    assert opened(kept.data).size == (60, 40)


@pytest.mark.parametrize("mode", ["L", "1", "P", "RGBA", "LA", "I;16"])
def test_pictures_of_any_mode_are_kept(mode):
    assert opened(take(picture("PNG", mode=mode)).data).mode == "RGB"


def test_sixteen_bits_of_grey_keep_their_brightness():
    out = BytesIO()
    Image.new("I;16", (8, 8), 30_000).save(out, "PNG")

    assert opened(take(out.getvalue()).data).getpixel((4, 4)) == (117, 117, 117)


def test_cmyk_is_kept_in_rgb():
    assert opened(take(picture("JPEG", mode="CMYK")).data).mode == "RGB"


def test_what_is_transparent_turns_white():
    image = Image.new("RGBA", (8, 8), (255, 0, 0, 0))
    out = BytesIO()
    image.save(out, "PNG")

    assert opened(take(out.getvalue()).data).getpixel((4, 4)) == (255, 255, 255)


def test_a_picture_is_turned_upright_and_keeps_no_metadata():
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    exif[0x010F] = "Maker of cameras"
    exif.get_ifd(0x8825)[1] = "N"  # where it was taken
    exif.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
    data = picture("JPEG", size=(60, 40), exif=exif, comment=b"private words")
    assert b"Maker of cameras" in data

    kept = take(data)

    assert (kept.width, kept.height) == (40, 60)
    assert not opened(kept.data).getexif()
    for trace in (b"Exif", b"Maker", b"private words", b"http://ns.adobe.com"):
        assert trace not in kept.data


def test_texts_in_a_png_and_colour_profiles_are_dropped():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = picture("PNG", icc_profile=profile)

    kept = take(data)

    assert "icc_profile" not in opened(kept.data).info
    assert b"ICC_PROFILE" not in kept.data


def test_a_broken_colour_profile_does_not_matter():
    assert take(picture("JPEG", icc_profile=b"no profile at all")).width == 60


def test_large_pictures_are_reduced(settings):
    settings.PHOTO_EDGE = 100

    for kind in ("JPEG", "PNG"):
        kept = take(picture(kind, size=(1_000, 500)))
        assert (kept.width, kept.height) == (100, 50)


@pytest.mark.parametrize("mode", ["P", "RGBA", "LA", "1"])
def test_large_pictures_are_reduced_without_jagged_edges(mode, settings):
    settings.PHOTO_EDGE = 64

    colours = opened(take(picture("PNG", size=(640, 640), mode=mode)).data).convert("L").getcolors()

    assert len(colours) > 32


def test_too_many_bytes_are_refused_whatever_was_announced(settings):
    settings.PHOTO_MAX_BYTES = 1_000
    data = b"x" * 1_001

    with pytest.raises(FileTooLarge):
        taken_in(BytesIO(data), size=1_001)
    with pytest.raises(FileTooLarge):
        taken_in(BytesIO(data), size=1)


@pytest.mark.parametrize("size", [(7_000, 7_000), (20_000, 20_000), (2**31 - 1, 2**31 - 1)])
def test_a_small_file_of_many_pixels_is_refused_before_it_is_decoded(size):
    bomb = png(*size, chunk(b"IDAT", zlib.compress(bytes(10_000))))
    assert len(bomb) < 1_000

    with pytest.raises(FileTooLarge):
        take(bomb)


def test_a_text_in_a_png_that_unpacks_to_gigabytes_is_refused():
    texts = [chunk(b"zTXt", b"k%d\0\0" % n + zlib.compress(bytes(3_000_000))) for n in range(40)]

    with pytest.raises(FileTypeNotAllowed):
        take(png(8, 8, *texts, chunk(b"IDAT", zlib.compress(bytes(8 * 25)))))


def test_what_moves_is_refused():
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "green", "blue")]
    for kind in ("PNG", "WEBP"):
        out = BytesIO()
        frames[0].save(out, kind, save_all=True, append_images=frames[1:])
        with pytest.raises(FileTypeNotAllowed):
            take(out.getvalue())


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0",
        b"GIF89a" + bytes(100),
        b"%PDF-1.7",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"\xff\xd8\xff\xe0" + bytes(50),
        picture("GIF"),
        picture("BMP"),
        picture("TIFF"),
    ],
    ids=range(9),
)
def test_what_is_no_picture_of_the_three_kinds_is_refused(data):
    with pytest.raises(FileTypeNotAllowed):
        take(data)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_what_is_cut_off_is_refused(kind, share):
    data = picture(kind, size=(400, 300))

    with pytest.raises(FileTypeNotAllowed):
        take(data[: int(len(data) * share)])


@settings(max_examples=150, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
@given(kind=st.sampled_from(["JPEG", "PNG", "WEBP"]), at=st.integers(0, 10_000), by=st.binary(min_size=1, max_size=8))
def test_damaged_files_are_refused_or_kept_and_nothing_else(kind, at, by):
    data = bytearray(picture(kind, exif=Image.Exif()))
    place = at % len(data)
    data[place : place + len(by)] = by

    try:
        kept = take(bytes(data))
    except (FileTooLarge, FileTypeNotAllowed):
        return
    assert opened(kept.data).size == (kept.width, kept.height)


def test_the_thumbnail_is_small(settings):
    settings.THUMBNAIL_EDGE = 50

    assert opened(thumbnail_of(take(picture(size=(200, 400))).data)).size == (25, 50)
