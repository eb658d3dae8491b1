from pipeline.viewer.query import MAX_PAGE, Query, pages_around


def test_a_query_is_read_and_written_as_the_same_address():
    query = Query.read({"q": ["a b"], "flag": ["W_VFR"], "page": ["3"], "other": ["x"]})
    assert (query.words, query.flag, query.page) == ("a b", "W_VFR", 3)
    assert query.link("/", page=3) == "/?q=a+b&flag=W_VFR&page=3"


def test_a_link_goes_to_the_first_page_and_leaves_out_what_is_empty():
    query = Query(words='<&"', code="E_MOOV", page=7)
    assert query.link("/rejects", words="") == "/rejects?code=E_MOOV"
    assert query.link("/") == "/?q=%3C%26%22&code=E_MOOV"
    assert Query().link("/") == "/"


def test_odd_pages_are_tamed():
    assert Query.read({"page": ["0"]}).page == 1
    assert Query.read({"page": ["-4"]}).page == 1
    assert Query.read({"page": ["\u0663"]}).page == 1
    assert Query.read({"page": ["9" * 30]}).page == MAX_PAGE
    assert len(Query.read({"q": ["x" * 10_000]}).words) == 300


def test_pages_around_link_to_both_ends_with_gaps():
    assert pages_around(1, 1) == [1]
    assert pages_around(10, 20) == [1, 0, 8, 9, 10, 11, 12, 0, 20]
    assert pages_around(2, 4) == [1, 2, 3, 4]
