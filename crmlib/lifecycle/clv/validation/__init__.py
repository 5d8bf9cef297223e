"""Would the model have been right, which one to take, and how far to trust it with money."""
