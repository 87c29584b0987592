"""The WSGI application that granian serves."""

import os

from django.core.wsgi import get_wsgi_application

from trustengine.embedded.parent_death import die_with_parent

die_with_parent()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "trustengine.settings")

application = get_wsgi_application()
