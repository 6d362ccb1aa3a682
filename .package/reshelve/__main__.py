"""`python -m reshelve`, and what the command `reshelve` runs."""

from __future__ import annotations

import sys

from adapters.composition import main

if __name__ == "__main__":
    sys.exit(main())
