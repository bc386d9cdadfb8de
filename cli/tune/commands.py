"""`kb tune`: from data to a model that answers, and whether it pays."""

from __future__ import annotations

import typer

tune = typer.Typer(help="Fine-tune models.", no_args_is_help=True)
