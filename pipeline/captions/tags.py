"""Names of languages as files write them (`en-US`, `eng`, `English`) -> one code."""

import re

# ISO 639-1, then ISO 639-2 and the English names that Whisper and Matroska write.
_TABLE = """
af afr afrikaans|am amh amharic|ar ara arabic|as asm assamese|az aze azerbaijani|ba bak bashkir
be bel belarusian|bg bul bulgarian|bn ben bengali|bo bod tib tibetan|br bre breton|bs bos bosnian
ca cat catalan valencian|cs ces cze czech|cy cym wel welsh|da dan danish|de deu ger german
el ell gre greek|en eng english|eo epo esperanto|es spa spanish castilian|et est estonian
eu eus baq basque|fa fas per persian|fi fin finnish|fo fao faroese|fr fra fre french
ga gle irish|gl glg galician|gu guj gujarati|ha hau hausa|haw hawaiian|he heb hebrew iw|hi hin hindi
hr hrv croatian|ht hat haitian|hu hun hungarian|hy hye arm armenian|id ind indonesian in
is isl ice icelandic|it ita italian|ja jpn japanese|jw jav javanese jv|ka kat geo georgian
kk kaz kazakh|km khm khmer|kn kan kannada|ko kor korean|la lat latin|lb ltz luxembourgish
ln lin lingala|lo lao|lt lit lithuanian|lv lav latvian|mg mlg malagasy|mi mri mao maori
mk mkd mac macedonian|ml mal malayalam|mn mon mongolian|mr mar marathi|ms msa may malay
mt mlt maltese|my mya bur burmese myanmar|ne nep nepali|nl nld dut dutch flemish
nn nno nynorsk|no nor norwegian nb nob|oc oci occitan|pa pan punjabi panjabi|pl pol polish
ps pus pashto|pt por portuguese|ro ron rum romanian moldavian|ru rus russian|sa san sanskrit
sd snd sindhi|si sin sinhala sinhalese|sk slk slo slovak|sl slv slovenian|sn sna shona
so som somali|sq sqi alb albanian|sr srp serbian|su sun sundanese|sv swe swedish|sw swa swahili
ta tam tamil|te tel telugu|tg tgk tajik|th tha thai|tk tuk turkmen|tl tgl tagalog|tr tur turkish
tt tat tatar|uk ukr ukrainian|ur urd urdu|uz uzb uzbek|vi vie vietnamese|yi yid yiddish ji
yo yor yoruba|yue cantonese|zh zho chi chinese mandarin cmn
"""
_CODE_OF = {
    name: names[0]
    for row in _TABLE.replace("\n", "|").split("|")
    if (names := row.split())
    for name in names
}
_PRIMARY = re.compile(r"[a-z]{2,}")


def language_of(tag: object) -> str:
    """Return the code of a language tag or name, ISO 639-1 where there is one; "" if unknown."""
    match = _PRIMARY.match(tag.strip().lower()) if isinstance(tag, str) else None
    return _CODE_OF.get(match[0], "") if match else ""
