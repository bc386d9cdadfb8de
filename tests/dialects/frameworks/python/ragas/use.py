"""An export as Ragas takes it, with a metric that needs no model."""

import json
import os

from ragas import EvaluationDataset
from ragas.metrics import ExactMatch

dataset = EvaluationDataset.from_jsonl(os.environ["EXPORT"])
metric = ExactMatch()
print(
    json.dumps(
        [
            {
                "question": sample.user_input,
                "contexts": sample.retrieved_contexts,
                "answer": sample.response,
                "value": metric.single_turn_score(sample) if sample.reference else None,
            }
            for sample in dataset
        ]
    )
)
