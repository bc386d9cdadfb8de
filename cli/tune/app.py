"""The group `kb tune`, which the modules of this folder put their commands into."""

from __future__ import annotations

import typer

tune = typer.Typer(help="Fine-tune models.", no_args_is_help=True)
