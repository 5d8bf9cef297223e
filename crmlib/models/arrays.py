"""The type of what models calculate with: arrays of numbers, of any shape."""

import numpy as np

Numbers = np.ndarray
