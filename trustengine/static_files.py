"""Scripts, styles and fonts: compressed, and named by their content, so that browsers keep them for good.

They are collected once for each set of installed packages, by `make install` or by the first
`up`, into a directory that is named by those packages and appears complete or not at all.
Where it is missing, or its list of names cannot be read, the files are served by their plain
names straight from the packages.
"""

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from django.http import HttpRequest, HttpResponseNotFound
from django.http.response import HttpResponseBase
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.storage import CompressedManifestStaticFilesStorage

PACKAGES = ("django", "django-unfold", "drf-spectacular-sidecar", "django-rq", "whitenoise")
LEFT_OUT = ("redoc", "rest_framework")  # packages' pages that are not served here
KEPT = 3  # directories, for processes that still run with former ones
MANIFEST = "staticfiles.json"


def directory(project: Path) -> Path:
    """The directory of collected files, named by the versions of packages and by the project's own files."""
    digest = hashlib.sha256()
    for package in PACKAGES:
        try:
            digest.update(f"{package} {version(package)}\n".encode())
        except PackageNotFoundError:
            continue
    for file in sorted((project / "trustengine" / "static").rglob("*")):
        if file.is_file():
            digest.update(f"{file.relative_to(project)}\n".encode() + file.read_bytes())
    return project / ".static" / digest.hexdigest()[:16]


class StaticFiles(CompressedManifestStaticFilesStorage):
    """Django's and WhiteNoise's, which knows what to do without a list of names: use the plain ones."""

    manifest_strict = False

    def load_manifest(self) -> Any:
        try:
            return super().load_manifest()
        except (OSError, ValueError, AttributeError):  # AttributeError: JSON of another shape
            return {}, ""

    def stored_name(self, name: str) -> str:
        plain = self.clean_name(name)
        return str(self.hashed_files.get(self.hash_key(plain), plain))


class StaticMiddleware(WhiteNoiseMiddleware):
    """WhiteNoise, for which files that are not collected are no warning, and a file that is gone is 404."""

    def add_files(self, root: str, prefix: str | None = None) -> None:
        if Path(root).is_dir():
            super().add_files(root, prefix)

    def serve(self, static_file: Any, request: HttpRequest) -> HttpResponseBase:
        try:
            answer: HttpResponseBase = super().serve(static_file, request)
        except OSError:
            return HttpResponseNotFound()
        return answer


def collect(root: Path) -> bool:
    """Collect all files into ``root``, unless they are there; whether it was done. Raises OSError."""
    from django.contrib.staticfiles.management.commands.collectstatic import Command
    from django.core.management import call_command

    if (root / MANIFEST).exists():
        return False
    root.parent.mkdir(parents=True, exist_ok=True)
    with (root.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (root / MANIFEST).exists():  # by another process, meanwhile
            return False
        draft = Path(tempfile.mkdtemp(dir=root.parent, prefix="draft-"))
        try:
            draft.chmod(0o755)
            command = Command()
            command.storage = StaticFiles(
                location=str(draft), file_permissions_mode=0o644, directory_permissions_mode=0o755
            )
            call_command(command, interactive=False, verbosity=0, ignore_patterns=list(LEFT_OUT))
            shutil.rmtree(root, ignore_errors=True)  # what something else has left there
            draft.rename(root)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        _prune(root)
    return True


def _prune(root: Path) -> None:
    others: Iterable[Path] = (each for each in root.parent.iterdir() if each.is_dir() and each != root)
    for old in sorted(others, key=os.path.getmtime, reverse=True)[KEPT - 1 :]:
        shutil.rmtree(old, ignore_errors=True)
