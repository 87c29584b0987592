"""The WSGI application that granian serves."""

import os

import django

from trustengine.embedded.parent_death import die_with_parent

die_with_parent()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "trustengine.settings")

django.setup(set_prefix=False)

from trustengine.wsgi_request import Utf8Handler  # noqa: E402

application = Utf8Handler()
