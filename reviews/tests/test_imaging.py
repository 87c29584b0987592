"""What becomes of a stranger's file."""

import zlib
from io import BytesIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from reviews import imaging
from reviews.errors import FileTooLarge, FileTypeNotAllowed
from reviews.imaging import taken_in, thumbnail_of
from reviews.tests.pictures import HEIC, HEIC_BURST, picture


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


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
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


@pytest.mark.parametrize("kind", ["MPO", "PNG", "WEBP", "AVIF"])
def test_of_several_frames_the_first_one_is_kept(kind):
    frames = [Image.new("RGB", (64, 48), colour) for colour in ("red", "green", "blue")]
    out = BytesIO()
    frames[0].save(out, kind, save_all=True, append_images=frames[1:])
    assert Image.open(BytesIO(out.getvalue())).n_frames == 3

    kept = take(out.getvalue())

    assert (kept.width, kept.height) == (64, 48)
    assert opened(kept.data).format == "JPEG"
    red, green, blue = opened(kept.data).getpixel((30, 20))
    assert red > 200
    assert max(green, blue) < 60


def test_a_burst_of_heic_keeps_its_primary_picture():
    kept = take(HEIC_BURST)

    assert (kept.width, kept.height) == (48, 32)
    red, green, blue = opened(kept.data).getpixel((24, 16))
    assert red > 200
    assert max(green, blue) < 60


def test_a_heic_is_turned_upright_and_keeps_no_metadata():
    for trace in (b"Maker of cameras", b"private words"):
        assert trace in HEIC

    kept = take(HEIC)

    assert (kept.width, kept.height) == (40, 60)
    assert opened(kept.data).format == "JPEG"
    assert not opened(kept.data).getexif()
    for trace in (b"Exif", b"Maker", b"private words", b"xmpmeta"):
        assert trace not in kept.data


def test_the_second_picture_of_a_phones_jpeg_is_dropped_with_its_gain_map_and_place():
    exif = Image.Exif()
    exif[0x0112] = 3
    exif.get_ifd(0x8825)[1] = "N"
    first, second = Image.new("RGB", (64, 48), "red"), Image.new("RGB", (32, 24), "green")
    out = BytesIO()
    first.save(out, "MPO", save_all=True, append_images=[second], exif=exif, xmp=b"hdrgm:Version='1.0'")

    kept = take(out.getvalue())

    assert (kept.width, kept.height) == (64, 48)
    assert kept.data.count(b"\xff\xd8\xff") == 1
    for trace in (b"MPF", b"hdrgm", b"Exif"):
        assert trace not in kept.data


def test_a_heic_of_many_pixels_is_refused_before_it_is_decoded(settings):
    settings.PHOTO_MAX_PIXELS = 2_000

    with pytest.raises(FileTooLarge):
        take(HEIC)


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
        HEIC[:400],
        b"\0\0\0\x1cftypheic" + bytes(200),
        b"\0\0\0\x1cftypavif" + bytes(200),
        b"\0\0\0\x1cftypmif1" + bytes(200),
    ],
    ids=range(13),
)
def test_what_is_no_picture_of_a_known_kind_is_refused(data):
    with pytest.raises(FileTypeNotAllowed):
        take(data)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_what_is_cut_off_is_refused(kind, share):
    data = picture(kind, size=(400, 300))

    with pytest.raises(FileTypeNotAllowed):
        take(data[: int(len(data) * share)])


@settings(max_examples=150, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    kind=st.sampled_from(["JPEG", "PNG", "WEBP"]),
    at=st.integers(0, 10_000),
    by=st.binary(min_size=1, max_size=8),
)
def test_damaged_files_are_refused_or_kept_and_nothing_else(kind, at, by):
    data = bytearray(picture(kind, exif=Image.Exif()))
    place = at % len(data)
    data[place : place + len(by)] = by

    try:
        kept = take(bytes(data))
    except (FileTooLarge, FileTypeNotAllowed):
        return
    assert opened(kept.data).size == (kept.width, kept.height)


@pytest.mark.parametrize("at", [30, 120, 200, 330, 420, 470, 560, 575])
@pytest.mark.parametrize("kind", ["HEIF", "AVIF"])
def test_damaged_heif_ends_no_process_but_its_own(kind, at):
    data = bytearray(HEIC if kind == "HEIF" else picture("AVIF"))
    data[at % len(data) : at % len(data) + 4] = b"\xff\0\x7f\xfe"

    try:
        kept = take(bytes(data))
    except (FileTooLarge, FileTypeNotAllowed):
        return
    assert opened(kept.data).size == (kept.width, kept.height)


def test_a_heif_that_crashes_its_decoder_is_refused(monkeypatch):
    monkeypatch.setattr(imaging.sys, "executable", "/bin/false")

    with pytest.raises(FileTypeNotAllowed):
        take(HEIC)


def test_the_thumbnail_is_small(settings):
    settings.THUMBNAIL_EDGE = 50

    assert opened(thumbnail_of(take(picture(size=(200, 400))).data)).size == (25, 50)
