"""Methods compared on tasks: metrics, corruptions, missing modalities, paired tests, the grid."""
