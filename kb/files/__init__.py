"""The files of a data folder: originals, partial uploads, locks."""
