from hypothesis import given
from hypothesis import strategies as st

from pipeline.captions.timing import timed_words

times = st.one_of(st.none(), st.floats(-1, 12, allow_nan=False))


@given(spans=st.lists(st.tuples(times, times), min_size=1, max_size=12))
def test_words_never_overlap_go_back_or_leave_their_cue(spans):
    words, _ = timed_words([str(place) for place in range(len(spans))], spans, 2.0, 9.0)
    edges = [edge for word in words for edge in (word.start_s, word.end_s)]
    assert edges == sorted(edges)
    assert edges[0] >= 2.0 and edges[-1] <= 9.0
