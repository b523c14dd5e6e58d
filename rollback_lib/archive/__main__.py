"""`python -m rollback_lib.archive ROOT`: send what is queued in that folder of records."""

import sys
from pathlib import Path

from rollback_lib.archive import background

background.main(Path(sys.argv[1]))
