#!/usr/bin/env python
"""TrustEngine's command line. ``manage.py up`` runs everything; ``manage.py help`` lists the rest."""

import gc
import os
import sys


def main() -> int:
    """Run one command, with embedded servers around it where no URL names others."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "trustengine.settings")
    from trustengine.command_line import run

    try:
        return run(sys.argv)
    finally:
        # The interpreter's last collection walks every object: half a second of CPU in each process that `up` stops.
        gc.freeze()


if __name__ == "__main__":
    sys.exit(main())
