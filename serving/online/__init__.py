"""What the service knows of single customers: the night's answers, and what came since.

`standing` holds what the newest night found for everybody; `answers` words it; `served_models`
keeps the models; `scorer` answers; `score_records` puts each answer on record.
"""
