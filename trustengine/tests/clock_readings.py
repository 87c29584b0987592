"""Where modules read the clock of their process instead of the database's."""

import ast
from collections.abc import Iterator

# Where a process's own clock may be read, and why it decides nothing there.
BY_THE_PROCESS = {
    "trustengine/mail/outbox.py": "dates files of this machine, and deletes them by the clock that dated them",
    "trustengine/testing.py": "lets tests begin with the clock of this machine, on which the test server runs as well",
    "trustengine/api/stale.py": "shows how old an answer is that is kept for outages of the database",
}
CLOCKS = {
    "django.utils.timezone.now",
    "datetime.datetime.now",
    "datetime.datetime.today",
    "datetime.datetime.utcnow",
    "datetime.date.today",
    "time.time",
    "time.time_ns",
}
CLOCKS_IF_BARE = {
    "django.utils.timezone.localdate",
    "django.utils.timezone.localtime",
    "time.ctime",
    "time.gmtime",
    "time.localtime",
}


def imported(tree: ast.AST) -> dict[str, str]:
    """What the names that a module imports stand for."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for each in node.names:
                root = each.name.partition(".")[0]
                names[each.asname or root] = each.name if each.asname else root
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {each.asname or each.name: f"{node.module}.{each.name}" for each in node.names}
    return names


def readings_of_the_process_clock(source: str) -> Iterator[str]:
    """The places where a module reads the clock of its process, by whatever name it was imported."""
    tree = ast.parse(source)
    names = imported(tree)

    def full_name(node: ast.AST) -> str:
        if isinstance(node, ast.Attribute):
            return f"{full_name(node.value)}.{node.attr}"
        return names.get(node.id, "") if isinstance(node, ast.Name) else ""

    for node in ast.walk(tree):
        name = full_name(node)
        if name in CLOCKS:
            yield f"{node.lineno}: {name}"
        if isinstance(node, ast.Call) and not node.args + node.keywords and full_name(node.func) in CLOCKS_IF_BARE:
            yield f"{node.lineno}: {full_name(node.func)}()"
        if isinstance(node, ast.keyword) and node.arg == "auto_now_add":
            yield f"{node.value.lineno}: auto_now_add"
