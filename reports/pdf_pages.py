"""How many pages a PDF on standard input has: a program of its own, because strangers made the file.

Hostile files make parsers loop, recurse and swallow memory. Here that ends a process with
bounded time and memory rather than a web worker. Prints the number, or a word for what is
wrong: ``encrypted`` or ``broken``. Imports nothing of the rest.
"""

import io
import logging
import resource
import sys
import warnings

CPU_SECONDS = 8
MEMORY_BYTES = 1_073_741_824
ENCRYPTED, BROKEN = "encrypted", "broken"


def pages_of(data: bytes) -> str:
    """The number of pages that the file's page tree really holds, whatever the file says about it."""
    from pypdf import PdfReader

    try:
        reader = PdfReader(io.BytesIO(data))
        if reader.is_encrypted:
            return ENCRYPTED
        return str(sum(1 for _ in reader.pages)) if reader.pages else BROKEN
    except Exception:  # whatever hostile bytes make of a parser: it is no PDF that anybody could read
        return BROKEN


def main() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    sys.stdout.write(pages_of(sys.stdin.buffer.read()))


if __name__ == "__main__":
    main()
