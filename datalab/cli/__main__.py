"""``python -m datalab.cli`` is the command ``datalab``."""

from datalab.cli import main

__all__: list[str] = []

if __name__ == "__main__":
    main()
