"""Who the customers are: what leaves the tables at intake, and which ids are one person."""
