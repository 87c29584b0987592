#!/usr/bin/env python
"""TrustEngine's command line. ``manage.py up`` runs everything; ``manage.py help`` lists the rest."""

import os
import sys


def main() -> int:
    """Run one command, with embedded servers around it where no URL names others."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "trustengine.settings")
    from trustengine.command_line import run

    return run(sys.argv)


if __name__ == "__main__":
    sys.exit(main())
