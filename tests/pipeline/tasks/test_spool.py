from pipeline.tasks.spool import ClipSpool


def test_what_was_put_is_got_until_it_is_rewound(tmp_path):
    with ClipSpool(str(tmp_path), "000000") as spool:
        first = spool.put(b"abc")
        mark = spool.mark()
        spool.put(b"rejected")
        spool.rewind(mark)
        last = spool.put(b"de")
        assert (spool.get(first), spool.get(last)) == (b"abc", b"de")


def test_a_killed_process_leaves_no_spool_behind(tmp_path):
    with ClipSpool(str(tmp_path), "000000") as spool:
        spool.put(b"abc")
        assert list((tmp_path / "_tmp").iterdir()) == []
