"""MFAS: the search for layers of frozen towers to fuse, and what is made of the one found.

Perez-Rua, Vielzeuf, Pateux, Baccouche, Jurie, "MFAS: Multimodal Fusion Architecture Search",
CVPR 2019.
"""
