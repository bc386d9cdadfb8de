"""What is measured, each metric with its formula and where it comes from.

All metrics are between 0 and 1, higher is better, for one question at a time; means, intervals and
comparisons over questions are in `intervals`. A ranking is what the hits of a question hold, best
first: for each hit the numbers of the relevant parts in it (`eval.run.measuring` finds them).
"""
