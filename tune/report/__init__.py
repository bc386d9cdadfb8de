"""Whether tuning pays: four arms over the same questions, their cost, and what people prefer."""
