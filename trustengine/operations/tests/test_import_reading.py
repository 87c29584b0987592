"""Files as they come: encodings, line ends, quotes, compression, and directories that cannot be used."""

import gzip
from pathlib import Path

import pytest

from trustengine.accounts.models import User
from trustengine.operations.importing import reading
from trustengine.operations.importing.reading import Source, Unusable
from trustengine.operations.importing.values import identifier
from trustengine.operations.tests.marketplace import CUSTOMER, PRODUCT, VENDOR, Marketplace, marketplace, numbered

__all__ = ["marketplace"]

NOTHING = {"read": 0, "created": 0, "updated": 0, "unchanged": 0, "kept": 0, "rejected": 0}


def records(path: Path, content: bytes) -> list[tuple[int, list[str] | None]]:
    path.write_bytes(content)
    with Source("file", path).records() as found:
        return [(record.line, record.cells) for record in found]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(b"a,b\n1,2\n", [(1, ["a", "b"]), (2, ["1", "2"])], id="plain"),
        pytest.param(b"\xef\xbb\xbfa\r\n1\r\n", [(1, ["a"]), (2, ["1"])], id="byte order mark and CRLF"),
        pytest.param(b'\xef\xbb\xbf"a"\n1', [(1, ["a"]), (2, ["1"])], id="quoted after a byte order mark, no last end"),
        pytest.param(b'a\n"x\ny\r\nz"\n2\n', [(1, ["a"]), (2, ["x\ny\r\nz"]), (5, ["2"])], id="breaks in a field"),
        pytest.param(b'a\n"say ""hi"""\n5" pipe\n', [(1, ["a"]), (2, ['say "hi"']), (3, ['5" pipe'])], id="quotes"),
        pytest.param(b"a\n\n\n1\n", [(1, ["a"]), (4, ["1"])], id="blank lines"),
        pytest.param(b'a\n"open\n2\n3\n', [(1, ["a"]), (2, None), (3, ["2"]), (4, ["3"])], id="a quote never closed"),
        pytest.param(b'a\n"x"y\n2\n', [(1, ["a"]), (2, None), (3, ["2"])], id="text after a closing quote"),
        pytest.param(b"a\n\xff\n", [(1, ["a"]), (2, ["\udcff"])], id="not UTF-8"),
        pytest.param(b"a\n1\x00\n", [(1, ["a"]), (2, ["1\x00"])], id="NUL"),
    ],
)
def test_records_are_read_with_the_line_where_they_begin(tmp_path: Path, content, expected):
    assert records(tmp_path / "file.csv", content) == expected
    assert records(tmp_path / "file.csv.gz", gzip.compress(content)) == expected


def test_a_field_of_megabytes_is_read(tmp_path: Path):
    page, lines = "x" * 3_000_000, "<p>words</p>\n" * 200_000

    found = records(tmp_path / "file.csv", f'a,b\n1,{page}\n2,"{lines}"\n'.encode())

    assert found == [(1, ["a", "b"]), (2, ["1", page]), (3, ["2", lines])]


def test_a_line_beyond_all_bounds_costs_itself_only(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(reading, "LONGEST_LINE", 1_000)

    assert records(tmp_path / "file.csv", b"a\n" + b"x" * 3_017 + b"\n2\n") == [(1, ["a"]), (2, None), (3, ["2"])]


def test_quotes_that_are_never_closed_cost_their_own_lines_only(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(reading, "MOST_FOLLOWING", 4_000)
    monkeypatch.setattr(reading, "LEAST_FOLLOWING", 200)
    lines = [b'"open' if number == 50 else b"%d" % number for number in range(3_000)]

    found = records(tmp_path / "file.csv", b"a\n" + b"\n".join(lines) + b"\n")

    assert [line for line, cells in found if cells is None] == [52]
    assert len(found) == 3_001


def test_a_gzip_file_cut_off_is_noticed_before_anything_is_loaded(tmp_path: Path):
    path = tmp_path / "file.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n" * 10_000)[:-20])

    with pytest.raises(Unusable, match=r"file\.csv\.gz"):
        Source("file", path).digest()


@pytest.mark.parametrize("text", ["", "x", VENDOR[:-1], VENDOR + "0", "{" + VENDOR, VENDOR + "}", "0" * 31 + "_"])
def test_what_only_resembles_an_id_is_none(text: str):
    with pytest.raises(ValueError):
        identifier(text)


@pytest.mark.django_db
def test_rows_of_every_kind_of_damage_are_rejected_and_the_rest_is_loaded(marketplace: Marketplace):
    marketplace.files = {}
    good = [numbered(3, number) for number in range(1, 5)]
    lines = [
        b"email,customer_id,nickname",
        f",{good[0]},plain".encode(),
        f",{good[3]}".encode(),  # its last cell, which is empty, left out
        f",{numbered(3, 9)},a,b".encode(),  # too many
        b"\xff@example.org," + numbered(3, 9).encode() + b",x",
        f",{good[1]},".encode() + b"\xff",  # damage in a column that is ignored
        f',{numbered(3, 9)},"open'.encode(),
        f"a@example.org,{good[2]},x".encode(),
    ]
    (marketplace.directory / "customers.csv").write_bytes(b"\r\n".join(lines))

    counts = marketplace.load()["customers"]

    assert counts == {"read": 7, "created": 4, "updated": 0, "unchanged": 0, "kept": 0, "rejected": 3}
    assert [(reject["line"], reject["column"]) for reject in marketplace.rejects()] == [
        ("4", ""),
        ("5", "email"),
        ("7", ""),
    ]
    assert sorted(User.objects.values_list("subject", flat=True)) == good


@pytest.mark.django_db
@pytest.mark.parametrize(
    "unusable", ["missing", "empty", "no header", "column missing", "column twice", "both", "bad gz"]
)
def test_a_directory_that_cannot_be_used_ends_with_2_and_loads_nothing(marketplace: Marketplace, unusable, capsys):
    directory = marketplace.directory
    marketplace.write("customers", [{"customer_id": CUSTOMER}])
    products = directory / "products.csv"
    match unusable:
        case "missing":
            marketplace.directory = directory / "elsewhere"
        case "empty":
            (directory / "customers.csv").rename(directory / "people.csv")
        case "no header":
            products.touch()
        case "column missing":
            products.write_text(f"product_id,vendor_id,title\n{PRODUCT},{VENDOR},Lamp\n")
        case "column twice":
            products.write_text("product_id,vendor_id,title,price_cents,title\n")
        case "both":
            (directory / "customers.csv.gz").write_bytes(gzip.compress(b"customer_id\n"))
        case "bad gz":
            (directory / "products.csv.gz").write_bytes(b"not gzip")

    assert marketplace.run() == {}

    assert marketplace.exit_code == 2
    assert not User.objects.exists()
    complaint = capsys.readouterr().err
    assert complaint.startswith("error: ")
    assert complaint.count("\n") == 1
    if unusable == "column missing":
        assert "products.csv" in complaint
        assert "price_cents" in complaint


@pytest.mark.django_db
@pytest.mark.parametrize("where", ["nowhere/rejects.csv", "import/customers.csv"])
def test_a_rejects_file_that_cannot_be_written_ends_with_2(marketplace: Marketplace, tmp_path: Path, where):
    marketplace.write("customers", [{"customer_id": CUSTOMER}])
    marketplace.rejects_file = tmp_path / where

    marketplace.run()

    assert marketplace.exit_code == 2
    assert (marketplace.directory / "customers.csv").read_text().endswith(f"{CUSTOMER}\n")


@pytest.mark.django_db
def test_cells_left_out_at_the_end_of_a_row_are_empty(marketplace: Marketplace):
    marketplace.load()
    header = "review_id,product_id,customer_id,order_id,rating,created_at,status,title,comment"
    review = marketplace.files["reviews"][0]
    row = ",".join(str(review[name]) for name in header.split(",")[:6])
    path = marketplace.directory / "reviews.csv"
    path.write_text(f"{header}\n{row},approved\n")

    assert marketplace.run()["reviews"] == {**NOTHING, "read": 1, "updated": 1}
    assert marketplace.exit_code == 0

    path.write_text(f"{header}\n{row},approved,,,,,\n{row},approved,,,surplus\n{row.rpartition(',')[0]}\n")
    assert marketplace.run()["reviews"] == {**NOTHING, "read": 3, "unchanged": 1, "rejected": 2}
    assert [(reject["line"], reject["column"], reject["value"]) for reject in marketplace.rejects()] == [
        ("3", "", "surplus"),
        ("4", "created_at", ""),
    ]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "content",
    ["x" * 2_000_000, "=1+1", "nul\x00", '"' + "line\n" * 100_000 + '"', "bro\udcffken", "\u202e\ufeff", "1" * 200_000],
    ids=["huge", "formula", "NUL", "many lines", "not UTF-8", "bidi", "beyond csv's own limit"],
)
def test_what_stands_in_an_ignored_column_rejects_no_row(marketplace: Marketplace, content):
    marketplace.files = {}
    file = f"notes,customer_id,more\n{content},{CUSTOMER},{content}\n"
    (marketplace.directory / "customers.csv").write_bytes(file.encode(errors="surrogateescape"))

    assert marketplace.load()["customers"] == {**NOTHING, "read": 1, "created": 1}


@pytest.mark.django_db
def test_the_rejects_file_holds_no_formula(marketplace: Marketplace):
    cells = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "=cmd|' /C calc'!A0", "＝1", " =1", "\ufeff=1", "x"]
    shown = [f"'{cell}" for cell in cells[:-1]] + ["x"]
    marketplace.files["reviews"] = [{**marketplace.files["reviews"][0], "rating": cell} for cell in cells]

    marketplace.load()

    assert [reject["value"] for reject in marketplace.rejects() if reject["file"] == "reviews.csv"] == shown


GOOD_HEADER = "review_id,product_id,customer_id,order_id,rating,created_at"


def quoted(separator):
    return (separator.join(f'"{name}"' for name in GOOD_HEADER.split(",")) + "\n").encode()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (GOOD_HEADER.replace(",", ";").encode(), ["semicolons", "one column called “review_id;product_id"]),
        (GOOD_HEADER.replace(",", "\t").encode(), ["tabs", "one column"]),
        (GOOD_HEADER.replace(",", "|").encode(), ["vertical bars"]),
        (quoted(";"), ["semicolons", "found “"]),
        (quoted("\t"), ["tabs"]),
        (quoted("|"), ["vertical bars"]),
        (f"{GOOD_HEADER}\n".encode("utf-16"), ["UTF-16"]),
        (f"{GOOD_HEADER}\n".encode("utf-16-be"), ["UTF-16"]),
        (b"\xef\xbb\xbf\xef\xbb\xbf" + GOOD_HEADER.encode(), ["second byte order mark"]),
        ("größe,bewertung\n".encode("latin-1"), ["Latin-1", "2 columns"]),
        (f'"{GOOD_HEADER}"\n'.encode(), ["quotes", "one column"]),
        (GOOD_HEADER.title().replace("_", " ").encode(), ["Is “Review Id” meant?", "6 columns"]),
        (b"id,stars\n", ["misses the required column review_id", "“id”, “stars”"]),
        (f"{GOOD_HEADER},title,title\n".encode(), ["the column title twice", "8 columns"]),
        (b"", ["is empty"]),
        (b"\n\n", ["is empty"]),
        (b'"review_id,product_id\n', ["not closed"]),
        (gzip.compress(GOOD_HEADER.encode()), [".csv.gz"]),
        (b"PK\x03\x04 workbook", ["workbook"]),
    ],
    ids=range(19),
)
def test_a_header_that_cannot_be_used_is_described(marketplace: Marketplace, content, said, capsys):
    marketplace.files = {}
    (marketplace.directory / "reviews.csv").write_bytes(content)

    marketplace.run()

    complaint = capsys.readouterr().err
    assert marketplace.exit_code == 2
    assert complaint.startswith("error: reviews.csv")
    assert complaint.count("\n") == 1
    for words in said:
        assert words in complaint


@pytest.mark.django_db
@pytest.mark.parametrize("damage", ["cut off", "flipped", "trailing", "no gzip"])
def test_a_damaged_gzip_file_ends_with_2(marketplace: Marketplace, damage, capsys):
    marketplace.files = {}
    whole = gzip.compress("".join(["customer_id\n", *(f"{numbered(3, n)}\n" for n in range(500))]).encode())
    damaged = {
        "cut off": whole[:-30],
        "flipped": whole[:200] + bytes([whole[200] ^ 255]) + whole[201:],
        "trailing": whole + b"garbage",
        "no gzip": b"customer_id\n",
    }[damage]
    (marketplace.directory / "customers.csv.gz").write_bytes(damaged)

    marketplace.run()

    assert marketplace.exit_code == 2
    assert "customers.csv.gz" in capsys.readouterr().err
    assert not User.objects.exists()
