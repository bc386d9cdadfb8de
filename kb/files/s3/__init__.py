"""Originals and unfinished uploads as objects of an S3-compatible store, for several machines."""
