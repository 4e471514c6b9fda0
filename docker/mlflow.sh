#!/bin/sh
# Bring MLflow's own tables up to date, then serve: workers of a server must not meet an old schema.
# A new database has none; the server makes them itself.
set -eu

if python - "$MLFLOW_BACKEND_STORE_URI" <<'PYTHON'
import sys
from sqlalchemy import create_engine, inspect
sys.exit(not inspect(create_engine(sys.argv[1])).has_table("experiments"))
PYTHON
then
    mlflow db upgrade "$MLFLOW_BACKEND_STORE_URI"
fi

exec mlflow server --host 0.0.0.0 --port 5000 --workers 1 \
    --gunicorn-opts="--worker-class gthread --threads 4 --keep-alive 60 --no-control-socket" \
    --serve-artifacts --artifacts-destination /var/lib/mlflow
