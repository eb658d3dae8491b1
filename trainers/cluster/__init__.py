"""Ray itself: a local one, or a cluster that strangers do not get into and whose nodes agree."""
