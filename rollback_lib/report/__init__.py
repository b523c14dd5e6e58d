"""What a record looks like to a person: pages made of its files alone."""
