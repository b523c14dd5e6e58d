"""How times, numbers and tables are written for people: in a notebook, in a report or on a terminal."""
