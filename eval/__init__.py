"""Can an answer be trusted, and did a change make it better? Question sets, metrics, reports."""
