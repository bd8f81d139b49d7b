"""Through which channel and at which hour: what past responses promise, outside quiet hours.

Reading order: `past_sends` and `channel_fit` (response), `contact_hours` (when it is allowed),
`contact_plan` (both together).
"""
