"""Decode a HEIF or AVIF picture in a process of its own: ``python -m reviews.heif_pictures PIXELS EDGE``.

Reads the file from standard input and writes the picture, upright and no larger than EDGE, as PNG. Damaged HEIF can
crash its decoder: then this process dies, and not one that serves others. Exit code 3 for more than PIXELS pixels.
"""

import resource
import sys
import warnings
from io import BytesIO

from PIL import Image, ImageOps

# The decoder of HEIF comes first: files of both kinds may call themselves "mif1".
FORMATS = ("HEIF", "AVIF")
TOO_MANY_PIXELS = 3
MEMORY_BYTES = 2_147_483_648
CPU_SECONDS = 20


def main(pixels: int, edge: int) -> int:
    """Decode standard input; returns the exit code."""
    from pi_heif import register_heif_opener

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    register_heif_opener(thumbnails=False, depth_images=False, aux_images=False, decode_threads=1)
    try:
        with Image.open(BytesIO(sys.stdin.buffer.read()), formats=FORMATS) as image:
            if image.width * image.height > pixels:
                return TOO_MANY_PIXELS
            image.load()
            if image.width * image.height > pixels:  # HEIF says its size in two places
                return TOO_MANY_PIXELS
            image.thumbnail((edge, edge), Image.Resampling.LANCZOS)
            profile = image.info.get("icc_profile")
            ImageOps.exif_transpose(image).save(sys.stdout.buffer, "PNG", compress_level=1, icc_profile=profile)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return TOO_MANY_PIXELS
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
