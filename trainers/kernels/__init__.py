"""Kernels: functions of pairs, attention by them, correlation and classifiers that combine them."""
