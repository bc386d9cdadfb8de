"""Question sets: our own form, and two that others publish; one small file per form.

Each has `recognises(path)` (by layout and columns, never by the name of a set) and
`load(path) -> QuestionSet`. They are listed in `eval.question_sets.forms.FORMS`. Texts of documents
are brought into the form that page text has, so positions stay true after an upload.
"""
