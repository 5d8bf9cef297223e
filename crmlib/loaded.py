"""What the server of forks loads, once for all chapters of a run and the kernels that run them; imported there only.

It says nothing and does nothing; who is forked from there finds loaded what nearly every chapter needs.
"""

import gc
import sys

# jsonschema tries for this, and it takes longer to load than papermill itself: it reads the grammar of addresses in
# other scripts. No notebook has one.
sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]

import ibis.backends.duckdb
import ipykernel.ipkernel
import ipykernel.kernelapp
import nbclient
import papermill.engines
import scipy.stats

import crmlib.chapter
import crmlib.pictures.drawing

del sys.modules["rfc3987_syntax"]

# What is loaded stays: to look through it again and again for garbage takes a sixth of the time of a small chapter.
gc.collect()
gc.freeze()
gc.set_threshold(50_000)
