"""Labelled data of several modalities: one type, and a file for each data set."""
