"""Rows that came in one by one, through the service: durable at once, ingested with the next run.

`log` keeps them; `as_sources` lets ingest read them as sources of their own; `live` lays them over
the accepted rows of a few customers, so that the same code computes the same features at once.
"""
