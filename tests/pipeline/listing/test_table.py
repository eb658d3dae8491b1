import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from configs.sources import SourcesConfig
from pipeline.listing.build import list_sources

# What the corpus of shared/tools/make_nasty.py calls its files.
NASTY = [
    "-y.mp4", "-i.mp4", "--help.mp4", "a b.mp4", "a:b.mp4", "http:x.mp4", "file:x.mp4",
    "concat:a.mp4|b.mp4", "subfile,,start,0,end,9,,:x.mp4", "pipe:0", "data:text,x.mp4",
    "%03d.mp4", "a%d.mp4", "*.mp4", "[ab]?.mp4", "quote'.mp4", 'quote".mp4', "semi;touch x.mp4",
    "$(touch x).mp4", "`touch x`.mp4", "new\nline.mp4", "tab\t.mp4", "cr\r.mp4",
    "back\\slash.mp4", "..mp4", "...", ".hidden.mp4", "no_ext", "UPPER.MP4", "two.dots.json.mp4",
    "__meta__.mp4", "\u00e9.mp4", "e\u0301.mp4", "\u65e5\u672c\u8a9e.mp4", "\U0001f3ac.mp4",
    "\u202egpj.4pm.mp4", "esc\x1b[31m.mp4", "<script>alert(1)<", "a,b,c.mp4", "x.pkl.mp4",
    "x.pyd", "CON.mp4", "trail .mp4 ", "n" * 251 + ".mp4", "latin1-\udce9.mp4",
]  # fmt: skip
UNSOUND = {name for name in NASTY if not name.isprintable() or "\\" in name}


@pytest.fixture
def write(tmp_path):
    """Write a table in one of three formats, beside videos of three bytes."""
    for name in ("a.mp4", "b.mp4", "a.vtt"):
        (tmp_path / name).write_bytes(b"xyz")

    def make(rows, kind):
        path = tmp_path / f"list.{kind}"
        columns = list(dict.fromkeys(name for row in rows for name in row))
        if kind == "csv":
            lines = [columns, *([row.get(name) for name in columns] for row in rows)]
            path.write_bytes("".join(map(csv_line, lines)).encode(errors="surrogateescape"))
        elif kind == "jsonl":
            path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        else:
            pq.write_table(pa.table({c: [row.get(c) for row in rows] for c in columns}), path)
        return path

    return make


def csv_line(cells) -> str:
    words = ["" if cell is None else str(cell) for cell in cells]
    return ",".join('"' + word.replace('"', '""') + '"' for word in words) + "\n"


def listed(path, **more):
    return list_sources(SourcesConfig.model_validate({"path": str(path), **more}))


def codes(listing):
    return {row["video_id"]: row["code"] for row in listing.rejects}


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_a_row_is_a_source_and_its_other_columns_travel_with_their_types(write, tmp_path, kind):
    row = {
        "id": "one", "video": "a.mp4", "captions": "a.vtt", "start": 1.5, "end": 4,
        "language": "de", "label": 3, "score": 0.25, "title": "1, or \u00e9", "skip": None,
    }  # fmt: skip
    [source] = listed(write([row], kind)).sources
    assert source.video == str(tmp_path / "a.mp4") and source.captions == str(tmp_path / "a.vtt")
    assert (source.video_id, source.bytes, source.caption_bytes) == ("one", 3, 3)
    assert source.stamp == str((tmp_path / "a.mp4").stat().st_mtime_ns)
    assert (source.interval, source.language) == ((1.5, 4.0), "de")
    assert source.extra == '{"label":3,"score":0.25,"title":"1, or \u00e9"}'


def test_a_column_of_a_csv_has_one_type(write):
    rows = [
        {"video": "a.mp4", "whole": "7", "mixed": "7", "flag": "true", "zip": "01234", "num": "1"},
        {"video": "b.mp4", "whole": "-8", "mixed": "x", "flag": "false", "zip": "9", "num": "2.5"},
    ]
    first, second = (json.loads(s.extra) for s in listed(write(rows, "csv")).sources)
    assert first == {"whole": 7, "mixed": "7", "flag": True, "zip": "01234", "num": 1.0}
    assert second == {"whole": -8, "mixed": "x", "flag": False, "zip": "9", "num": 2.5}


def test_without_a_column_of_ids_the_place_is_the_id(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "c.mp4").write_bytes(b"x")
    (tmp_path / "list.csv").write_text("path;label\nsub/c.mp4;1\n")
    [source] = listed(tmp_path / "list.csv").sources
    assert source.video_id == "sub/c" and source.name == "sub/c.mp4"


def test_a_root_other_than_the_folder_of_the_listing(write, tmp_path):
    path = write([{"video": "a.mp4"}], "csv")
    moved = tmp_path / "lists" / "l.csv"
    moved.parent.mkdir()
    path.rename(moved)
    assert codes(listed(moved)) == {"a": "E_FETCH"}
    assert [s.video_id for s in listed(moved, root=str(tmp_path)).sources] == ["a"]


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_every_awkward_name_is_a_source_or_an_id_that_is_refused(write, tmp_path, kind):
    for name in NASTY:
        (tmp_path / name).write_bytes(b"x")
    listing = listed(write([{"id": name, "video": name} for name in NASTY], kind))
    # The two ways to write an accent are one id.
    assert {s.video for s in listing.sources} | {str(tmp_path / "e\u0301.mp4")} >= {
        str(tmp_path / name) for name in NASTY if name not in UNSOUND
    } - {str(tmp_path / "\u00e9.mp4")}
    assert len(listing.sources) == len(NASTY) - len(UNSOUND) - 1
    assert sorted(row["code"] for row in listing.rejects) == ["E_DUPID"] + ["E_ID"] * len(UNSOUND)
    json.dumps(listing.rejects, ensure_ascii=False).encode()


def test_awkward_files_can_be_named_by_sound_ids(write, tmp_path):
    for name in NASTY:
        (tmp_path / name).write_bytes(b"x")
    rows = [{"id": f"v{n}", "video": name} for n, name in enumerate(NASTY)]
    listing = listed(write(rows, "csv"))
    assert len(listing.sources) == len(NASTY) and listing.rejects == []
    assert all(source.name.isprintable() for source in listing.sources)


def test_rows_that_are_no_source_are_rejects_that_say_why(write):
    rows = [
        {"id": "none", "video": None},
        {"id": "gone", "video": "gone.mp4"},
        {"id": "cap", "video": "a.mp4", "captions": "gone.vtt"},
        {"id": "scheme", "video": "ftp://host/a.mp4"},
        {"id": "pipe", "video": "pipe:cat a.mp4"},
        {"id": "time", "video": "a.mp4", "start": 5, "end": 5},
        {"id": "size", "video": "a.mp4", "bytes": "many"},
        {"id": "lang", "video": "a.mp4", "language": "<script>"},
        {"id": "../up", "video": "a.mp4"},
        {"id": "/abs", "video": "a.mp4"},
        {"id": "long", "video": "a.mp4", "note": "x" * 20_000},
        {"id": "empty", "video": "a.mp4", "bytes": 0},
        {"id": "huge", "video": "a.mp4", "bytes": 10**15},
        {"id": "twice", "video": "b.mp4"},
        {"id": "twice", "video": "a.mp4"},
    ]
    listing = listed(write(rows, "jsonl"))
    assert [(s.video_id, s.name) for s in listing.sources] == [("twice", "a.mp4")]
    assert codes(listing) == {
        "none": "E_ROW", "gone": "E_FETCH", "cap": "E_FETCH", "scheme": "E_FETCH",
        "pipe": "E_FETCH", "time": "E_ROW", "size": "E_ROW", "lang": "E_ROW", "../up": "E_ID",
        "/abs": "E_ID", "long": "E_ROW", "empty": "E_EMPTY", "huge": "E_HUGE", "twice": "E_DUPID",
    }  # fmt: skip
    [row] = [row for row in listing.rejects if row["video_id"] == "time"]
    assert row["source"] == "list.jsonl:6" and "start and end" in row["detail"]


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_the_order_of_the_rows_decides_nothing(write, kind):
    rows = [{"id": f"v{n % 7}", "video": "ab"[n % 2] + ".mp4", "n": n} for n in range(20)]
    assert listed(write(rows, kind)) == listed(write(rows[::-1], kind))


def test_given_sizes_are_believed_and_nothing_is_asked(write, tmp_path):
    rows = [
        {"video": "s3://bucket/a.mp4", "captions": "s3://bucket/a.vtt", "bytes": 5, "stamp": "e"}
    ]
    [source] = listed(write(rows, "csv")).sources
    assert (source.video, source.bytes, source.stamp) == ("s3://bucket/a.mp4", 5, "e")
    assert (source.captions, source.caption_stamp) == ("s3://bucket/a.vtt", "")


def test_a_signed_url_is_fetched_by_and_never_shown(write):
    url = "https://user:pw@host/v/a.mp4?X-Amz-Signature=secret"
    [source] = listed(write([{"video": url, "bytes": 5}], "csv")).sources
    assert source.video == url and source.video_id == "a"
    assert source.name == "https://host/v/a.mp4"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("title,label\nx,1\n", r"line 1: must have a column video, path or url, got 'title'"),
        ("video,video\na,b\n", r"line 1, column 2: must have its own name, got 'video' twice"),
        ("video,\na,b\n", r"line 1, column 2: .* got no name"),
        ('video,x\na.mp4,"cut off', r"line 2: must be CSV"),
        ('video,x\na.mp4,"b"c\n', r"line 2: must be CSV"),
        ('{"video": "a.mp4"}\n{"video": \n', r"line 2, column 11: must be JSON"),
        ('{"video": "a.mp4"}\n[1]\n', r"line 2: must be a JSON object"),
        ('{"video": "a.mp4", "x": NaN}\n', r"line 1: must be JSON: NaN"),
        ('{"video":' + "[" * 100_000 + "\n", r"line 1: must be JSON"),
        ("video\n", "got no row"),
        ("", "must have a column"),
    ],
)
def test_a_listing_that_cannot_be_read_says_where(tmp_path, text, message):
    path = tmp_path / "l.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        listed(path)


def test_packed_and_cut_off_tables_are_refused(write, tmp_path):
    (tmp_path / "l.csv.gz").write_bytes(b"\x1f\x8b\x08rest")
    with pytest.raises(ValueError, match="unpacked first, got gzip"):
        listed(tmp_path / "l.csv.gz")
    whole = write([{"video": "a.mp4"}] * 9, "parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(whole[:-20])
    with pytest.raises(ValueError, match="must be Parquet"):
        listed(tmp_path / "cut.parquet")


def test_a_row_with_cells_too_many_is_a_reject_with_its_line(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"x")
    (tmp_path / "l.csv").write_text("id,video\nok,a.mp4\nbad,a.mp4,title, unquoted\n")
    listing = listed(tmp_path / "l.csv")
    assert [s.video_id for s in listing.sources] == ["ok"]
    [row] = listing.rejects
    assert (row["video_id"], row["code"], row["source"]) == ("bad", "E_ROW", "l.csv:3")


def test_bytes_in_a_parquet_column_are_refused(tmp_path):
    pq.write_table(pa.table({"video": ["a.mp4"], "blob": [b"\x00"]}), tmp_path / "l.parquet")
    with pytest.raises(ValueError, match="column blob: must be text or numbers"):
        listed(tmp_path / "l.parquet")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_tables_of_spreadsheets_are_read(tmp_path, encoding):
    (tmp_path / "\u00e9.mp4").write_bytes(b"x")
    (tmp_path / "l.txt").write_bytes("video\tlabel\r\n\u00e9.mp4\t4\r\n".encode(encoding))
    [source] = listed(tmp_path / "l.txt").sources
    assert (source.video_id, source.extra) == ("\u00e9", '{"label":4}')
