import re

from django.conf import settings


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
