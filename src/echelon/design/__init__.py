"""Designs: columns, factors and terms laid out over the rows in use."""
