from hypothesis import given
from hypothesis import strategies as st

from pipeline.captions.cue import Cue
from pipeline.captions.windows import WindowIndex, make_windows
from shards.schema import Window, Word


def test_a_short_cue_is_one_window():
    words = (Word("cut", 1.0, 1.4), Word("it", 1.5, 2.0))
    [window] = make_windows([Cue(1.0, 2.5, "cut it", words)], 16)
    assert (window.start_s, window.end_s, window.words) == (1.0, 2.5, words)


def test_a_long_cue_is_split_at_its_word_times():
    words = tuple(Word(str(place), place * 1.0, place + 0.5) for place in range(5))
    windows = make_windows([Cue(0.0, 6.0, "0 1 2 3 4", words)], 2)
    assert [(window.text, window.start_s, window.end_s) for window in windows] == [
        ("0", 0.0, 0.5),
        ("1 2", 1.0, 2.5),
        ("3 4", 3.0, 6.0),
    ]


def test_without_word_times_a_cue_is_split_in_proportion():
    windows = make_windows([Cue(0.0, 8.0, "aaaaaa bb")], 1)
    assert [(window.start_s, window.end_s) for window in windows] == [(0.0, 6.0), (6.0, 8.0)]


@given(lengths=st.lists(st.integers(1, 50), min_size=1, max_size=6), max_words=st.integers(1, 16))
def test_no_word_is_lost_and_no_window_is_too_long(lengths, max_words):
    cues = [
        Cue(10.0 * place, 10.0 * place + 9, " ".join(f"w{place}-{n}" for n in range(length)))
        for place, length in enumerate(lengths)
    ]
    windows = make_windows(cues, max_words)
    assert " ".join(w.text for w in windows) == " ".join(cue.text for cue in cues)
    assert max(len(w.text.split()) for w in windows) <= max_words
    assert [w.index for w in windows] == list(range(len(windows)))
    assert [w.start_s for w in windows] == sorted(w.start_s for w in windows)


def test_a_bag_is_nearest_first_with_overlap_and_distance():
    spans = [(0.0, 1.0), (2.0, 3.0), (4.0, 5.0), (9.0, 10.0)]
    windows = [Window(place, *span, "w") for place, span in enumerate(spans)]
    bag = WindowIndex(windows).nearest(2.1, 5.3, 3)
    assert [window.index for window in bag] == [2, 1, 0]
    assert [window.overlap_s for window in bag] == [1.0, 0.9, 0.0]
    assert [window.center_dist_s for window in bag] == [0.8, 1.2, 3.2]


def test_of_two_windows_as_near_the_earlier_comes_first():
    windows = [Window(0, 0.1, 0.3, "a"), Window(1, 0.5, 0.7, "b")]
    assert [window.index for window in WindowIndex(windows).nearest(0.3, 0.5, 2)] == [0, 1]


def sorted_bag(windows, t0_s, t1_s, size):
    """The rule word for word: sort all windows by distance of centres, then by index."""

    def distance(window):
        clip = round(t0_s * 1000) + round(t1_s * 1000)
        return abs(round(window.start_s * 1000) + round(window.end_s * 1000) - clip)

    ranked = sorted(windows, key=lambda window: (distance(window), window.index))
    return [
        (
            window.index,
            round(max(0.0, min(window.end_s, t1_s) - max(window.start_s, t0_s)), 3),
            round(distance(window) / 2000, 3),
        )
        for window in ranked[:size]
    ]


tenths = st.integers(0, 60).map(lambda value: value / 10)


@given(
    spans=st.lists(st.tuples(tenths, tenths), max_size=25),
    starts=st.lists(tenths, min_size=1, max_size=5),
    size=st.integers(1, 12),
)
def test_the_index_finds_what_sorting_finds(spans, starts, size):
    spans = sorted((start, start + length) for start, length in spans)
    windows = [Window(place, *span, "w") for place, span in enumerate(spans)]
    index = WindowIndex(windows)
    for t0_s in starts:
        bag = index.nearest(t0_s, t0_s + 3.2, size)
        got = [(window.index, window.overlap_s, window.center_dist_s) for window in bag]
        assert got == sorted_bag(windows, t0_s, t0_s + 3.2, size)


def test_a_bag_does_not_look_at_every_window():
    class Counted(list):
        num_read = 0

        def __getitem__(self, place):
            self.num_read += 1
            return super().__getitem__(place)

    windows = Counted(Window(place, place * 1.0, place + 1.0, "w") for place in range(10_000))
    index = WindowIndex(windows)
    windows.num_read = 0
    assert [window.index for window in index.nearest(5000.0, 5003.2, 9)][:2] == [5001, 5002]
    assert windows.num_read == 9


def test_chosen_windows_keep_their_order_and_are_measured():
    windows = [Window(place, place * 2.0, place * 2.0 + 1.0, "w") for place in range(4)]
    bag = WindowIndex(windows).chosen([3, 0, 0], 0.0, 3.2)
    assert [(window.index, window.center_dist_s) for window in bag] == [
        (3, 4.9),
        (0, 1.1),
        (0, 1.1),
    ]
