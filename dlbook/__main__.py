"""Run the command line with ``python -m dlbook``."""

from dlbook.cli import app

app(prog_name="python -m dlbook")
