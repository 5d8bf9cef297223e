"""Models of how often customers order, until when, and what they spend; how they are fitted, and how sure that is."""
