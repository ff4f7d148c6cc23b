"""What Discord refuses, one module per kind of body; limits are numbers in tables, answers are the 50035 form."""
