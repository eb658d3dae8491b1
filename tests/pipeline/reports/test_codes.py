from pipeline.reports.codes import meaning_of, reject_meaning


def test_a_code_that_is_both_means_what_it_is_asked_as() -> None:
    assert reject_meaning("W_TRUNC") != meaning_of("W_TRUNC")
    assert meaning_of("E_MOOV") == reject_meaning("E_MOOV") == "cut off before its index"
    assert meaning_of("W_WHATEVER") == reject_meaning("<script>") == ""
