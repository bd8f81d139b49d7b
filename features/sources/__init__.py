"""Where rows come from: files and database tables as streams of Arrow batches.

Reading order: `locate` (a source's uris to its parts), `part` (what every format gives), and one
module a format. Nothing here knows what the rows mean.
"""

from features.sources.locate import file_part, parts_of
from features.sources.part import Part

__all__ = ["Part", "file_part", "parts_of"]
