import re
from datetime import timedelta

from django.conf import settings
from django.core.management import get_commands

from trustengine.jobs.bells import LONGEST_DRAIN_SECONDS


def test_every_environment_variable_stands_in_the_readme_and_no_other():
    """Settings are the only place that reads the environment; the README's table is the only place that explains it."""
    modules = (settings.BASE_DIR / "trustengine" / "settings").glob("*.py")
    source = "\n".join(module.read_text() for module in modules)
    read = set(re.findall(r"""env\.[a-z_]+\(\s*"([A-Z][A-Z0-9_]+)\"""", source))
    table = (settings.BASE_DIR / "README.md").read_text().split("## Configuration")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`[^|]+) \|", table, flags=re.MULTILINE)
    explained = {name for row in rows for name in re.findall(r"`([A-Z0-9_]+)`", row)}

    assert read == explained


def test_every_file_that_the_documentation_links_to_exists():
    for page in [settings.BASE_DIR / "README.md", *(settings.BASE_DIR / "docs").glob("*.md")]:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


APPS = ("orders", "billing", "reviews", "reports", "metrics")
ROOMS = "|".join(("trustengine", *APPS))


def pages():
    """The documentation, page by page: its name and its text."""
    for page in [settings.BASE_DIR / "README.md", *(settings.BASE_DIR / "docs").glob("*.md")]:
        yield page.name, page.read_text()


def test_every_app_has_the_modules_that_the_readme_says_it_has():
    readme = (settings.BASE_DIR / "README.md").read_text()
    (said,) = re.findall(r"^Each app has (.*?); where it needs", readme, flags=re.MULTILINE)
    names = re.findall(r"`([a-z]+)`", said)

    assert len(names) > 8
    for app in APPS:
        for name in names:
            assert any((settings.BASE_DIR / app / found).exists() for found in (name, f"{name}.py")), (
                f"{app} has no {name}"
            )


def test_every_file_and_module_that_the_documentation_names_exists():
    for page, text in pages():
        for path in re.findall(rf"`((?:{ROOMS})/[\w./]*\w)/?`", text):
            assert (settings.BASE_DIR / path).exists(), f"{page} names {path}"
        for dotted in re.findall(rf"`((?:{ROOMS})(?:\.[a-z_]+)+)(?:\.[A-Za-z_]+)?`", text):
            folder, _, last = dotted.replace(".", "/").rpartition("/")
            places = [settings.BASE_DIR / folder / found for found in (last, f"{last}.py")]
            if not any(place.exists() for place in places):
                module = settings.BASE_DIR / f"{folder}.py"
                sources = [module] if module.exists() else sorted((settings.BASE_DIR / folder).rglob("*.py"))
                assert any(last in source.read_text() for source in sources), f"{page} names {dotted}"


def test_every_command_that_the_documentation_names_exists():
    for page, text in pages():
        for command in re.findall(r"manage\.py ([a-z_]+)", text):
            assert command in get_commands(), f"{page} names {command}"


def test_operators_read_how_long_a_job_may_run():
    operating = (settings.BASE_DIR / "docs" / "operating.md").read_text()

    assert timedelta(seconds=LONGEST_DRAIN_SECONDS) == timedelta(hours=1)
    assert "has failed, when it has run for an hour" in operating
