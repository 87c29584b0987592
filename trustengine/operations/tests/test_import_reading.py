"""Files as they come: encodings, line ends, quotes, compression, and directories that cannot be used."""

import gzip
from pathlib import Path

import pytest

from trustengine.accounts.models import User
from trustengine.operations.importing.reading import LONGEST_LINE, Source, Unusable
from trustengine.operations.importing.values import identifier
from trustengine.operations.tests.marketplace import CUSTOMER, PRODUCT, VENDOR, Marketplace, marketplace, numbered

__all__ = ["marketplace"]


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


def test_a_field_of_megabytes_costs_its_own_line_only(tmp_path: Path):
    huge = b"x" * (3 * LONGEST_LINE + 17)

    assert records(tmp_path / "file.csv", b"a\n" + huge + b"\n2\n") == [(1, ["a"]), (2, None), (3, ["2"])]


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
    good = [numbered(3, number) for number in range(1, 4)]
    lines = [
        b"email,customer_id,nickname",
        f",{good[0]},plain".encode(),
        f",{numbered(3, 9)}".encode(),  # too few cells
        f",{numbered(3, 9)},a,b".encode(),  # too many
        b"\xff@example.org," + numbered(3, 9).encode() + b",x",
        f",{good[1]},".encode() + b"\xff",  # damage in a column that is ignored
        f',{numbered(3, 9)},"open'.encode(),
        f"a@example.org,{good[2]},x".encode(),
    ]
    (marketplace.directory / "customers.csv").write_bytes(b"\r\n".join(lines))

    counts = marketplace.load()["customers"]

    assert counts == {"read": 7, "created": 3, "updated": 0, "unchanged": 0, "kept": 0, "rejected": 4}
    assert [(reject["line"], reject["column"]) for reject in marketplace.rejects()] == [
        ("3", "nickname"),
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
