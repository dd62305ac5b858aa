"""What a table and a figure are: CSV with a header, house style of plots."""
