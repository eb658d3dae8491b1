import numpy as np

from pipeline.asr.pieces import SEARCH_S, cut_pieces

HZ = 100


def test_short_sound_is_one_piece():
    sound_N = np.ones(60 * HZ, np.int16)
    assert list(cut_pieces(len(sound_N), HZ, 60, sound_N)) == [slice(0, 6000)]
    assert list(cut_pieces(0, HZ, 60, sound_N[:0])) == []


def test_long_sound_is_cut_where_it_is_quietest():
    sound_N = np.full(150 * HZ, 1000, np.int16)
    sound_N[45 * HZ : 46 * HZ] = 10
    sound_N[10 * HZ : 20 * HZ] = 0  # quieter, and too early
    pieces = list(cut_pieces(len(sound_N), HZ, 60, sound_N))
    assert 45 * HZ < pieces[0].stop < 46 * HZ
    assert [piece.start for piece in pieces[1:]] == [piece.stop for piece in pieces[:-1]]
    assert pieces[-1].stop == len(sound_N)
    assert all(30 * HZ <= piece.stop - piece.start <= 60 * HZ for piece in pieces[:-1])
    assert SEARCH_S == 30
