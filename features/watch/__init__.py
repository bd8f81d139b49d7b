"""What arrives, day by day: whether a feed fell silent, a unit changed, or customers did.

Reading order: `daily` (counts and values by day, from the accepted rows), `windows` (the newest
days beside the weeks before and the year before), `silence`, `units`, `rates` (one cause each),
`alarms` (all of them, without taking one for another).
"""
