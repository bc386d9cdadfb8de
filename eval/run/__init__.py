"""A run: questions put to a dataset or an app, measured, summed up, compared."""
