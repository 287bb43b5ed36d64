"""`python -m odh_oci_widgets` is `odh-oci`."""

import sys

from .cli import main

sys.exit(main())
