"""Requests about several runs or files, which the stack's MLflow server takes; no other server has them.

A server that has them says so in each of its answers. They are below MLflow's own API, the first two are
POSTs of JSON.

**WRITE**, `{"runs": [...]}`: each run has all of these, and what it lacks is null.

- `run_id` of one that is there, or `new`, `{"experiment_id", "user_id", "run_name", "start_time"}`,
- `metrics` as `[[name, value, ms, step], ...]`, where a value that is no finite number is a text,
- `params` and `tags` as objects, and `data`, which is `{"name", "digest", "source"}`,
- `status`, and `end_time` in ms.

The answer is `{"run_ids": [...]}` in the same order: null where nothing was written, because a run is not of
the usual kind.

**FIND**, `{"experiment_id", "tags": {...}, "shown": name}`: the answer is `{"runs": [...]}`, those with all
of these tags, oldest first and deleted ones included. Each is as MLflow writes it, but without metrics and
params and with no tag but the one with this name.

**FILES** is a PUT whose body is a line of JSON, `{"files": [[path, bytes], ...]}`, and behind it the contents
of all files in this order; paths begin at the folder of MLflow's artifacts.
"""

from __future__ import annotations

WRITE, FIND, FILES = "cnnlab/write-runs", "cnnlab/find-runs", "cnnlab/write-files"
SIGN = "X-Cnnlab-Runs"  # the header of the answers
