"""`python -m migrations upgrade [REVISION]`: bring the database of CNNLAB_DATABASE_URL to a revision."""

from __future__ import annotations

import os
import sys

from migrations.apply import downgrade, upgrade


def main() -> int:
    """Upgrade (default) or downgrade; the address comes from the environment, like every setting."""
    verb, *rest = [*sys.argv[1:], "upgrade"][: max(1, len(sys.argv) - 1)]
    url = os.environ.get("CNNLAB_DATABASE_URL")
    if not url:
        sys.stderr.write("CNNLAB_DATABASE_URL is not set; it names the database, e.g. sqlite:///state.db\n")
        return 2
    if verb == "upgrade":
        upgrade(url, *rest[:1])
    elif verb == "downgrade" and rest:
        downgrade(url, rest[0])
    else:
        sys.stderr.write("usage: python -m migrations upgrade [REVISION] | downgrade REVISION\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
