"""Codes of rejects and flags in plain words, for those who read without the documentation."""

MEANINGS = {
    "E_EMPTY": "no bytes",
    "E_NOTMEDIA": "not a media file",
    "E_MOOV": "cut off before its index",
    "E_NOVIDEO": "no video stream",
    "E_SHORT": "shorter than a clip",
    "E_HUGE": "larger or longer than the limits",
    "E_CODEC": "no decoder for it",
    "E_DRM": "encrypted",
    "E_TIMEOUT": "decoder missed its deadline",
    "E_OOM": "decoder took too much memory",
    "E_CRASH": "decoder died",
    "E_ID": "name is not safe as an id",
    "E_ROW": "row of the listing cannot be read",
    "E_DUPID": "the same id twice",
    "E_CAPENC": "captions are not text",
    "E_CAPPARSE": "captions cannot be read",
    "E_CAPHUGE": "captions larger than the limit",
    "E_CAPNOVIDEO": "captions without a video",
    "E_FETCH": "could not be fetched",
    "E_CHANGED": "changed while it was read",
    "E_REMOVED": "was taken down",
    "E_DUPFRAMES": "too many repeated frames in the clip",
    "W_NOCAP": "no captions",
    "W_CAPEMPTY": "no words in the captions",
    "W_CAPLANG": "captions in a language that was not asked for",
    "W_CAPTIME": "times of the captions make no sense",
    "W_CAPZERO": "window without length",
    "W_CAPPASTEOF": "window after the video's end",
    "W_CORRUPT": "bit errors under the clip",
    "W_TRUNC": "after the point where the file is cut off",
    "W_FPSLOW": "too few frames a second",
    "W_BLACK": "half of the pictures are black",
    "W_DARK": "the pictures are too dark",
    "W_STATIC": "the picture does not move",
    "W_SILENT": "hardly any sound",
}
"""What a code says of a video or clip that was rejected."""

FLAGS = {
    "W_VFR": "frame rate varies; frames were chosen by their times",
    "W_ROT": "stored turned, shown upright",
    "W_SAR": "pixels that are not square were made square",
    "W_INTERLACED": "interlaced; fields were made whole frames",
    "W_HDR": "high dynamic range, tone mapped to the ordinary one",
    "W_10BIT": "more than 8 bits a colour, stored as 8",
    "W_STARTTIME": "does not begin at time zero; shifted",
    "W_EDITLIST": "the container's edit list was applied",
    "W_OPENGOP": "frames that lean on the group before: no random access without care",
    "W_DISCONT": "its clock jumps; the pieces were joined",
    "W_NOPTS": "no times in the file; frames counted at its rate",
    "W_BACKWARD": "frames that went back in time were left out",
    "W_NOAUDIO": "no sound",
    "W_COVERART": "has a cover picture beside the video",
    "W_TRUNC": "the file is cut off; clips before the cut are kept",
    "W_CORRUPT": "some frames of the source are damaged",
    "W_FPSLOW": "fewer frames a second than the clips have",
    "W_NOCAP": "no captions listed",
    "W_CAPENC": "captions were not UTF-8",
    "W_CAPROLL": "rolling captions, unrolled to one mention of each word",
    "W_CAPLONG": "a cue lasts longer than 30 s",
    "W_CAPNEG": "a cue began before zero",
    "W_CAPORDER": "cues were out of order",
    "W_CAPOVERLAP": "cues overlap",
    "W_CAPZERO": "cues without length were left out",
    "W_CAPTIME": "some times of the captions made no sense",
    "W_NONSPEECH": "notes such as [Music] were taken out",
    "W_CAPCUT": "text track of the video cut at its limits",
    "W_STOPWORDS": "captions without stop words, lower case",
    "W_WORDTIME": "missing or reversed word times were filled in",
    "W_DUPBYTES": "the same bytes as a source of another id",
    "W_BLACK": "half of the pictures are black",
    "W_DARK": "dark pictures",
    "W_STATIC": "the picture does not move",
    "W_SILENT": "hardly any sound",
}
"""What a flag says of a sample or a video that was kept."""


def meaning_of(code: str) -> str:
    """Return what a flag says, else what a reject code says, else nothing."""
    return FLAGS.get(code) or MEANINGS.get(code, "")


def reject_meaning(code: str) -> str:
    """Return what a reject code says, else what a flag of that name says, else nothing."""
    return MEANINGS.get(code) or FLAGS.get(code, "")
