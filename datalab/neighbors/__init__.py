"""Nearest neighbours: the graph, the choice of metric and the search engines."""
