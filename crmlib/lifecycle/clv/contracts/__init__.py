"""Models of contracts, whose end is seen: how long they last, and what they are worth."""
