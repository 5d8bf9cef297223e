"""From models to what each customer, each group and all of them will bring, with intervals."""
