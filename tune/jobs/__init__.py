"""Training jobs: asked for, checked, run in a child or elsewhere, and made models of."""
