"""The score service: HTTP in, what `serving.online` knows out.

Reading order: `routes` (every door and who may pass), `messages` (what goes in and out), `guard`
(limits and keys before anything is read), `app` (the doors put together), then one file a door.
"""
