"""An export as DeepEval takes it, with a metric that needs no model."""

import json
import os

from deepeval.dataset import EvaluationDataset
from deepeval.metrics import ExactMatchMetric

dataset = EvaluationDataset()
dataset.add_test_cases_from_json_file(
    os.environ["EXPORT"],
    input_key_name="input",
    actual_output_key_name="actual_output",
    expected_output_key_name="expected_output",
    retrieval_context_key_name="retrieval_context",
)
metric = ExactMatchMetric()
print(
    json.dumps(
        [
            {
                "question": case.input,
                "contexts": case.retrieval_context,
                "answer": case.actual_output,
                "value": metric.measure(case) if case.expected_output else None,
            }
            for case in dataset.test_cases
        ]
    )
)
