"""`python -m migrations upgrade [REVISION]`: bring the database of CNNLAB_DATABASE_URL to a revision.

`current` prints which revision it has; the exit code is 0 if that is the newest.
"""

from __future__ import annotations

import os
import sys

from migrations.apply import downgrade, revisions, upgrade


def main() -> int:
    """Upgrade (the default), downgrade, or print the revision; the address comes from the environment."""
    verb, *rest = [*sys.argv[1:], "upgrade"][: max(1, len(sys.argv) - 1)]
    url = os.environ.get("CNNLAB_DATABASE_URL")
    if not url:
        sys.stderr.write("CNNLAB_DATABASE_URL is not set; it names the database, e.g. sqlite:///state.db\n")
        return 2
    if verb == "upgrade":
        upgrade(url, *rest[:1])
    elif verb == "downgrade" and rest:
        downgrade(url, rest[0])
    elif verb == "current":
        present, newest = revisions(url)
        sys.stdout.write(f"the tables are at revision {present or 'none'}, the newest is {newest}\n")
        return 0 if present == newest else 1
    else:
        sys.stderr.write("usage: python -m migrations upgrade [REVISION] | downgrade REVISION | current\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
