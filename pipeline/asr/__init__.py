"""Videos without captions: their sound becomes transcripts, one file a video."""
