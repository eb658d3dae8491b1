"""Sources taken apart into columns come back as they were."""

import os

from pipeline.listing.source import SourceFile
from pipeline.tasks.tasklist import source_files, source_table


def test_sources_come_back_whatever_their_names_are():
    sources = (
        SourceFile("a", "/videos/plain.mp4", "", "plain.mp4", 7, "1"),
        SourceFile(
            "b",
            os.fsdecode(b"/videos/latin1-\xe9.mp4"),
            os.fsdecode(b"/videos/latin1-\xe9.vtt"),
            "latin1-?.mp4",
            8,
            "2",
            caption_bytes=3,
            caption_stamp="4",
            caption_span=(5, 6),
            language="fr",
            interval=(0.5, 2.0),
            extra='{"label": 1}',
        ),
        SourceFile("c", "s3://bucket/é/\U0001f3ac.mp4", "", "c", -1, ""),
    )
    assert source_files(source_table(sources)) == sources
